// Package clone copies decoded values, so that a caller may change what it is
// given without changing what another one has, and tells how much memory they
// hold. A type is compiled once.
package clone

import (
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/symphony-go/symphony/codec"
)

// Type copies values of one Go type.
type Type struct {
	kind   kind
	typ    reflect.Type
	elem   *Type // of a pointer, slice, array or map
	key    *Type // of a map
	fields []field
}

type kind uint8

const (
	kindPlain   kind = iota // an assignment is a copy
	kindString              // so it is for a string, which holds memory beside
	kindPointer             // and the kinds that are followed
	kindSlice
	kindArray
	kindMap
	kindStruct
	kindInterface
	kindOpaque // a value that is not zero cannot be copied
)

type field struct {
	index int
	typ   *Type
}

// immutable are the types whose values never change, although they hold
// pointers.
var immutable = map[reflect.Type]bool{
	reflect.TypeFor[time.Time]():   true,
	reflect.TypeFor[netip.Addr]():  true,
	reflect.TypeFor[codec.Value](): true,
}

var types sync.Map // reflect.Type -> *Type

// Of compiles t.
func Of(t reflect.Type) *Type {
	if c, ok := types.Load(t); ok {
		return c.(*Type)
	}
	c := compile(t, map[reflect.Type]*Type{})
	types.Store(t, c)
	return c
}

// compile finds the types it has begun in open: a type may hold itself, behind
// something whose kind is known by then.
func compile(t reflect.Type, visiting map[reflect.Type]*Type) *Type {
	if c, ok := visiting[t]; ok {
		return c
	}
	c := &Type{typ: t}
	visiting[t] = c
	if immutable[t] {
		return c
	}
	switch t.Kind() {
	case reflect.String:
		c.kind = kindString
	case reflect.Pointer:
		c.kind = kindPointer
		c.elem = compile(t.Elem(), visiting)
	case reflect.Slice:
		c.kind = kindSlice
		c.elem = compile(t.Elem(), visiting)
	case reflect.Array:
		if c.elem = compile(t.Elem(), visiting); !c.elem.plain() {
			c.kind = kindArray
		}
	case reflect.Map:
		c.kind = kindMap
		c.key, c.elem = compile(t.Key(), visiting), compile(t.Elem(), visiting)
	case reflect.Struct:
		c.compileStruct(visiting)
	case reflect.Interface:
		c.kind = kindInterface
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		c.kind = kindOpaque
	}
	return c
}

// compileStruct keeps the fields that hold memory. One that is not exported
// can be looked at and not copied.
func (c *Type) compileStruct(visiting map[reflect.Type]*Type) {
	for i := range c.typ.NumField() {
		sf := c.typ.Field(i)
		t := compile(sf.Type, visiting)
		if t.plain() {
			continue
		}
		embedded := sf.Anonymous && sf.Type.Kind() == reflect.Struct
		if !sf.IsExported() && !embedded && !t.Shallow() {
			t = &Type{kind: kindOpaque, typ: sf.Type}
		}
		c.kind = kindStruct
		c.fields = append(c.fields, field{i, t})
	}
}

// plain reports whether values hold no memory of their own.
func (c *Type) plain() bool { return c.kind == kindPlain }

// Flat reports whether an assignment copies a value.
func (c *Type) Shallow() bool {
	switch c.kind {
	case kindPlain, kindString:
		return true
	case kindArray:
		return c.elem.Shallow()
	case kindStruct:
		for _, f := range c.fields {
			if !f.typ.Shallow() {
				return false
			}
		}
		return true
	}
	return false
}

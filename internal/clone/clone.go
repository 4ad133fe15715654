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
	flat    kind = iota // an assignment is a copy
	text                // so it is for a string, which holds memory beside
	pointer             // and the kinds that are followed
	slice
	array
	mapping
	structure
	dynamic
	opaque // a value that is not zero cannot be copied
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
func compile(t reflect.Type, open map[reflect.Type]*Type) *Type {
	if c, ok := open[t]; ok {
		return c
	}
	c := &Type{typ: t}
	open[t] = c
	if immutable[t] {
		return c
	}
	switch t.Kind() {
	case reflect.String:
		c.kind = text
	case reflect.Pointer:
		c.kind = pointer
		c.elem = compile(t.Elem(), open)
	case reflect.Slice:
		c.kind = slice
		c.elem = compile(t.Elem(), open)
	case reflect.Array:
		if c.elem = compile(t.Elem(), open); !c.elem.plain() {
			c.kind = array
		}
	case reflect.Map:
		c.kind = mapping
		c.key, c.elem = compile(t.Key(), open), compile(t.Elem(), open)
	case reflect.Struct:
		c.compileStruct(open)
	case reflect.Interface:
		c.kind = dynamic
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		c.kind = opaque
	}
	return c
}

// compileStruct keeps the fields that hold memory. One that is not exported
// can be looked at and not copied.
func (c *Type) compileStruct(open map[reflect.Type]*Type) {
	for i := range c.typ.NumField() {
		sf := c.typ.Field(i)
		t := compile(sf.Type, open)
		if t.plain() {
			continue
		}
		embedded := sf.Anonymous && sf.Type.Kind() == reflect.Struct
		if !sf.IsExported() && !embedded && !t.Flat() {
			t = &Type{kind: opaque, typ: sf.Type}
		}
		c.kind = structure
		c.fields = append(c.fields, field{i, t})
	}
}

// plain reports whether values hold no memory of their own.
func (c *Type) plain() bool { return c.kind == flat }

// Flat reports whether an assignment copies a value.
func (c *Type) Flat() bool {
	switch c.kind {
	case flat, text:
		return true
	case array:
		return c.elem.Flat()
	case structure:
		for _, f := range c.fields {
			if !f.typ.Flat() {
				return false
			}
		}
		return true
	}
	return false
}

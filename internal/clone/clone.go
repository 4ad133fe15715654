// Package clone copies decoded values, so that a caller can change a value
// without changing another caller's. It also estimates how much memory a value
// takes.
package clone

import (
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/symphony-go/symphony/codec"
)

// Type copies values of one Go type, and estimates their memory. [Of] compiles
// a type once.
type Type struct {
	kind   kind
	typ    reflect.Type
	elem   *Type // of a pointer, slice, array or map
	key    *Type // of a map
	fields []field
}

// kind is the way in which the values of a type are copied.
type kind uint8

const (
	kindPlain  kind = iota // refers to no other memory
	kindString             // refers to memory that never changes
	kindPointer
	kindSlice
	kindArray
	kindMap
	kindStruct
	kindInterface
	kindOpaque // only its zero value can be copied
)

type field struct {
	index int
	typ   *Type
}

// immutable holds types that contain pointers to memory that never changes.
var immutable = map[reflect.Type]bool{
	reflect.TypeFor[time.Time]():   true,
	reflect.TypeFor[netip.Addr]():  true,
	reflect.TypeFor[codec.Value](): true,
}

var types sync.Map // reflect.Type -> *Type

// Of returns the compiled type of t.
func Of(t reflect.Type) *Type {
	if c, ok := types.Load(t); ok {
		return c.(*Type)
	}
	c := compile(t, map[reflect.Type]*Type{})
	types.Store(t, c)
	return c
}

// compile compiles t. visiting holds the types that are being compiled, because
// a type may contain itself through a pointer, a slice or a map. Their kind is
// set by then.
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

// compileStruct keeps the fields that refer to memory. An unexported field
// cannot be set: if it needs more than an assignment, only its zero value can
// be copied.
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

// plain reports whether values refer to no other memory.
func (c *Type) plain() bool { return c.kind == kindPlain }

// Shallow reports whether an assignment is enough to copy a value.
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

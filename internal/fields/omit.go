package fields

import (
	"reflect"
	"time"
)

type zeroer interface{ IsZero() bool }

var zeroerType = reflect.TypeFor[zeroer]()

// OmitFunc returns a function that reports whether the options of the field
// omit a value. It is never nil.
func (f *Field) OmitFunc() func(reflect.Value) bool {
	zero := isZeroFunc(f.Type)
	switch {
	case f.OmitZero && f.OmitEmpty:
		return func(v reflect.Value) bool { return zero(v) || isEmpty(v) }
	case f.OmitZero:
		return zero
	case f.OmitEmpty:
		return isEmpty
	}
	return func(reflect.Value) bool { return false }
}

// isZeroFunc returns a function that reports whether a value of type t is zero.
// If t or *t has an IsZero method, the method decides. A nil pointer and a nil
// interface are zero without a call.
func isZeroFunc(t reflect.Type) func(reflect.Value) bool {
	switch {
	case t == timeType:
		return func(v reflect.Value) bool {
			if v.CanAddr() {
				return v.Addr().Interface().(*time.Time).IsZero()
			}
			return v.Interface().(time.Time).IsZero()
		}
	case t.Implements(zeroerType):
		return func(v reflect.Value) bool {
			switch v.Kind() {
			case reflect.Pointer, reflect.Interface:
				if v.IsNil() {
					return true
				}
			}
			return v.Interface().(zeroer).IsZero()
		}
	case reflect.PointerTo(t).Implements(zeroerType):
		return func(v reflect.Value) bool {
			if !v.CanAddr() {
				c := reflect.New(v.Type()).Elem()
				c.Set(v)
				v = c
			}
			return v.Addr().Interface().(zeroer).IsZero()
		}
	default:
		return reflect.Value.IsZero
	}
}

// isEmpty reports whether the option omitempty omits v.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	default:
		return v.IsZero()
	}
}

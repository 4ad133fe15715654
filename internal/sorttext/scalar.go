package sorttext

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"time"
)

var (
	timeType        = reflect.TypeFor[time.Time]()
	numberType      = reflect.TypeFor[json.Number]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()

	bigTypes = []reflect.Type{reflect.TypeFor[big.Int](), reflect.TypeFor[big.Float](), reflect.TypeFor[big.Rat]()}
)

// scalar returns the text of values of one type that is not a list.
type scalar struct {
	typ     reflect.Type // without the pointer
	kind    Kind
	pointer bool // values are pointers to typ
	nilable bool // a value of typ may be nil
	encode  func(reflect.Value) (string, error)
}

// text returns the text of v. It returns false if v is nil.
func (s *scalar) text(v reflect.Value) (text string, ok bool, err error) {
	if s.pointer {
		if v.IsNil() {
			return "", false, nil
		}
		v = v.Elem()
	}
	if s.nilable && v.IsNil() {
		return "", false, nil
	}
	if text, err = s.encode(v); err != nil {
		return "", false, fmt.Errorf("%s: %w", s.typ, err)
	}
	return text, true, nil
}

// scalarOf returns the scalar of a type. If values of the type have no order,
// it returns an error that says why.
func scalarOf(t reflect.Type) (scalar, error) {
	s := scalar{typ: t}
	if t.Kind() == reflect.Pointer {
		s.typ, s.pointer = t.Elem(), true
	}
	noOrder := func(reason string) (scalar, error) { return scalar{}, fmt.Errorf("%s has no order%s", t, reason) }
	switch {
	case s.typ.ConvertibleTo(timeType):
		s.kind, s.encode = Time, convertedTime
	case embedsOnlyTime(s.typ):
		s.kind, s.encode = Time, embeddedTime
	case isText(s.typ):
		if reason := bigReason(s.typ); reason != "" {
			return noOrder(reason)
		}
		s.kind, s.encode = Text, marshaledText
	case halfText(s.typ):
		return noOrder(": it has only one of MarshalText and UnmarshalText; add the other")
	default:
		reason := s.byKind()
		if s.encode == nil {
			return noOrder(reason)
		}
	}
	switch s.typ.Kind() {
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		s.nilable = true
	}
	return s, nil
}

// byKind sets the kind of the text by that of the Go type. If the values have
// no order, it returns the reason, or "" if the type says it.
func (s *scalar) byKind() (reason string) {
	switch t := s.typ; t.Kind() {
	case reflect.Bool:
		s.kind, s.encode = Bool, func(v reflect.Value) (string, error) { return boolText(v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind, s.encode = Number, func(v reflect.Value) (string, error) { return intText(v.Int()), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s.kind, s.encode = Number, func(v reflect.Value) (string, error) { return uintText(v.Uint()), nil }
	case reflect.Float32, reflect.Float64:
		s.kind, s.encode = Float, func(v reflect.Value) (string, error) { return floatText(v.Float()), nil }
	case reflect.String:
		if t == numberType {
			return ": it may be an integer or a float; use int64 or float64"
		}
		s.kind, s.encode = Text, func(v reflect.Value) (string, error) { return escaped(v.String()), nil }
	case reflect.Interface:
		return ": its values may be of different types"
	case reflect.Pointer:
		return ": a pointer to a pointer is not indexed"
	case reflect.Slice:
		if isBytes(t) {
			return ": bytes are not indexed; use a string"
		}
		return ": a list in a list is not indexed"
	case reflect.Array:
		return ": arrays are not indexed; use a slice, or a string for bytes"
	case reflect.Struct:
		return ": a struct needs MarshalText and UnmarshalText"
	}
	return ""
}

// bigReason returns the reason why a number of package math/big has no order,
// or "".
func bigReason(t reflect.Type) string {
	if t.Kind() == reflect.Struct && t.NumField() == 1 && t.Field(0).Anonymous {
		t = t.Field(0).Type
	}
	if slices.ContainsFunc(bigTypes, t.ConvertibleTo) {
		return ": its text does not sort as the number; use int64, uint64 or float64"
	}
	return ""
}

// isBytes reports whether package codec stores the slice type t as bytes.
func isBytes(t reflect.Type) bool {
	elem := t.Elem()
	return elem.Kind() == reflect.Uint8 && !implements(elem, textMarshaler) && !implements(elem, textUnmarshaler) &&
		!implements(elem, jsonMarshaler) && !implements(elem, jsonUnmarshaler)
}

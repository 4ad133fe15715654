package codec

import (
	"reflect"

	"github.com/symphony-go/symphony/internal/fields"
)

// builder holds the shapes that are being built, because a type may contain
// itself.
type builder map[reflect.Type]*shape

func (b builder) build(t reflect.Type) (*shape, error) {
	if s, ok := b[t]; ok {
		return s, nil
	}
	s := &shape{typ: t, size: t.Size()}
	b[t] = s
	s.msgpackMethod = fields.MsgPackMethod(t)
	if err := s.classify(); err != nil {
		return nil, err
	}
	if err := b.buildParts(s); err != nil {
		return nil, err
	}
	return s, nil
}

// classify sets the kind of the type without looking at its parts.
func (s *shape) classify() error {
	t := s.typ
	switch t {
	case valueType:
		s.kind = kindValue
		return nil
	case timeType:
		s.kind = kindTime
		return nil
	case durationType:
		s.kind, s.bits = kindDuration, 64
		return nil
	case numberType:
		s.kind = kindNumber
		return nil
	case rawType:
		s.kind, s.nilable = kindRaw, true
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		s.kind, s.nilable = kindPointer, true
		return nil
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return schemaError("%s cannot be stored: an interface with methods does not determine the type to decode into; use any or a struct", t)
		}
		s.kind, s.nilable = kindAny, true
		return nil
	}
	if marshals, err := s.classifyMethods(); marshals || err != nil {
		return err
	}
	return s.classifyKind()
}

// halfPair is the reason for a type that has only one method of a pair.
const halfPair = "%s has %s but no %s; add it, wrap the type in one that has both, or exclude the field with `redis:\"-\"`"

// classifyMethods sets the kind of a type that marshals and unmarshals itself
// as text or JSON. It returns false for any other type.
func (s *shape) classifyMethods() (bool, error) {
	text, js := fields.TextMethods(s.typ), fields.JSONMethods(s.typ)
	switch {
	case text.Complete():
		s.kind, s.marshalsByValue, s.bigType = kindText, s.typ.Implements(textMarshalerType), bigTypeOf(s.typ)
	case js.Complete():
		s.kind, s.marshalsByValue = kindJSON, s.typ.Implements(jsonMarshalerType)
	case text.Marshals:
		return false, schemaError(halfPair, s.typ, "MarshalText", "UnmarshalText")
	case text.Unmarshals:
		return false, schemaError(halfPair, s.typ, "UnmarshalText", "MarshalText")
	case js.Marshals:
		return false, schemaError(halfPair, s.typ, "MarshalJSON", "UnmarshalJSON")
	case js.Unmarshals:
		return false, schemaError(halfPair, s.typ, "UnmarshalJSON", "MarshalJSON")
	default:
		return false, nil
	}
	switch s.typ.Kind() {
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		s.nilable = true
	}
	return true, nil
}

// classifyKind sets the kind of a type by its reflect.Kind.
func (s *shape) classifyKind() error {
	switch t := s.typ; t.Kind() {
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind, s.bits = kindInt, t.Bits()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s.kind, s.bits = kindUint, t.Bits()
	case reflect.Float32, reflect.Float64:
		s.kind, s.bits = kindFloat, t.Bits()
	case reflect.String:
		s.kind = kindString
	case reflect.Slice:
		s.kind, s.nilable = kindSlice, true
		if t.Elem().Kind() == reflect.Uint8 && !fields.MarshalsItself(t.Elem()) {
			s.kind = kindBytes
		}
	case reflect.Array:
		s.kind = kindArray
	case reflect.Map:
		s.kind, s.nilable, s.mapKind = kindMap, true, mapKinds[t]
	case reflect.Struct:
		s.kind = kindStruct
	default:
		return schemaError("%s cannot be stored; store a type with MarshalText and UnmarshalText instead, or exclude the field with `redis:\"-\"`", t)
	}
	return nil
}

// buildParts builds the shapes of the parts of the type.
func (b builder) buildParts(s *shape) (err error) {
	switch s.kind {
	case kindSlice, kindArray:
		s.elem, err = b.buildPart(s.typ.Elem(), "[]")
	case kindMap:
		if s.key, err = b.buildPart(s.typ.Key(), "[key]"); err != nil {
			return err
		}
		switch s.key.kind {
		case kindString, kindInt, kindUint, kindBool, kindTime, kindDuration, kindText:
		default:
			return schemaError("%s cannot be stored: a map key must be a string, an integer, a bool, a time or a type with MarshalText and UnmarshalText", s.typ)
		}
		s.elem, err = b.buildPart(s.typ.Elem(), "*")
	case kindPointer:
		if s.elem, err = b.buildPart(s.typ.Elem(), ""); err == nil && s.elem.nilable {
			return schemaError("%s cannot be stored: a nil pointer could not be distinguished from a pointer to nil; use %s",
				s.typ, s.typ.Elem())
		}
	case kindStruct:
		err = b.buildMembers(s)
	}
	return err
}

func (b builder) buildPart(t reflect.Type, step string) (*shape, error) {
	inner, err := b.build(t)
	if err != nil {
		return nil, within(err, step)
	}
	if inner.kind == kindValue {
		return nil, within(schemaError("codec.Value is a whole stored value and cannot be a part of another; use json.RawMessage"), step)
	}
	return inner, nil
}

func (b builder) buildMembers(s *shape) error {
	list, err := fields.Of(s.typ)
	if err != nil {
		return schemaError("%w", err)
	}
	if len(list) == 0 && s.typ.NumField() > 0 {
		return schemaError("%s has no fields that can be stored; store a string in its place, wrap the type that contains it "+
			"in one of your own with MarshalText and UnmarshalText, or exclude the field with `redis:\"-\"`", s.typ)
	}
	s.index = make(map[string]int, len(list))
	for i, f := range list {
		if f.Extra {
			return within(schemaError("the tag option extra is only for fields of the record itself; remove it"), f.GoName)
		}
		if f.Version {
			return within(schemaError("the tag option version is only for fields of the record itself; remove it"), f.GoName)
		}
		if f.Sealed {
			return within(schemaError("the tag option sealed is only for fields of the record itself; set it on the field that contains the value"), f.GoName)
		}
		if len(f.Was) > 0 {
			return within(schemaError("the tag option was is only for fields of the record itself; remove it"), f.GoName)
		}
		if f.Quoted {
			return within(schemaError("the json tag option string is not supported inside a value; name the field with "+
				"`redis:%q`, which replaces the json tag, or use a json.Number", f.Name), f.GoName)
		}
		inner, err := b.buildPart(f.Type, f.GoName)
		if err != nil {
			return err
		}
		prefix, ok := appendQuoted(nil, f.Name)
		if !ok {
			return within(schemaError("the stored name %q is not valid UTF-8; correct it in the tag", f.Name), f.GoName)
		}
		s.index[f.Name] = i
		m := member{Field: f, shape: inner, prefix: "," + string(prefix) + ":"}
		m.offset, m.direct = offsetOf(s.typ, f.Index)
		if f.OmitZero || f.OmitEmpty {
			m.omit = f.OmitFunc()
		}
		s.fields = append(s.fields, m)
	}
	return nil
}

// checkMsgPack returns an error if s contains a type that has methods for
// MessagePack and is not written as text or JSON. MsgPack does not call those
// methods. visiting holds the shapes that are being checked.
func (s *shape) checkMsgPack(visiting map[*shape]bool) error {
	if s.kind == kindText || s.kind == kindJSON || visiting[s] {
		return nil
	}
	if s.msgpackMethod != "" {
		return schemaError("%s has the method %s, which codec.MsgPack does not call; use codec.Compact or codec.JSON, "+
			"wrap the type in one with MarshalText and UnmarshalText, or exclude the field with `redis:\"-\"`", s.typ, s.msgpackMethod)
	}
	visiting[s] = true
	if s.key != nil {
		if err := s.key.checkMsgPack(visiting); err != nil {
			return within(err, "[key]")
		}
	}
	if s.elem != nil {
		step := map[kind]string{kindSlice: "[]", kindArray: "[]", kindMap: "*"}[s.kind]
		if err := s.elem.checkMsgPack(visiting); err != nil {
			return within(err, step)
		}
	}
	for i := range s.fields {
		if err := s.fields[i].shape.checkMsgPack(visiting); err != nil {
			return within(err, s.fields[i].GoName)
		}
	}
	return nil
}

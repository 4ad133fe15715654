package pythontest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"time"
)

type (
	// Enum is the type of an enum whose values are strings.
	Enum string
	// UUID implements the text interfaces, as the UUID types of common packages
	// do.
	UUID [16]byte
)

// MarshalText returns the canonical form.
func (u UUID) MarshalText() ([]byte, error) {
	h := hex.EncodeToString(u[:])
	return []byte(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]), nil
}

// UnmarshalText parses the canonical form.
func (u *UUID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "-", ""))
	if err != nil || len(b) != len(u) || len(text) != 36 {
		return errors.New("not a UUID")
	}
	copy(u[:], b)
	return nil
}

// A sample does not show the type of a None or of the elements of an empty
// container. These types stand for it until other elements show it.
type (
	none  struct{}
	empty struct{}
)

var (
	noneType  = reflect.TypeFor[none]()
	emptyType = reflect.TypeFor[empty]()
	anyType   = reflect.TypeFor[any]()
	bigType   = reflect.TypeFor[*big.Int]()
)

// GoType returns the type that a Go program would read the value into: a struct
// for a model, a slice or map of one type if all elements have it, a pointer if
// there is a None. If [Value.Without] returns a reason, there is no such type.
func (v Value) GoType() reflect.Type {
	if t := v.goType(); t != noneType {
		return resolve(t)
	}
	return reflect.TypeFor[*string]()
}

func (v Value) goType() reflect.Type {
	switch v.Type {
	case "none":
		return noneType
	case "bool":
		return reflect.TypeFor[bool]()
	case "int":
		n, _ := new(big.Int).SetString(v.Text, 10)
		switch {
		case n.IsInt64():
			return reflect.TypeFor[int64]()
		case n.IsUint64():
			return reflect.TypeFor[uint64]()
		}
		return bigType
	case "float":
		return reflect.TypeFor[float64]()
	case "datetime", "date":
		return reflect.TypeFor[time.Time]()
	case "timedelta":
		return reflect.TypeFor[time.Duration]()
	case "Decimal":
		return reflect.TypeFor[json.Number]()
	case "UUID":
		return reflect.TypeFor[UUID]()
	case "enum":
		if inner := v.Plain(); inner.Type != "str" {
			return inner.goType()
		}
		return reflect.TypeFor[Enum]()
	case "list", "tuple":
		return reflect.SliceOf(elementType(v.Items))
	case "dict":
		return reflect.MapOf(v.keyType(), elementType(v.values()))
	case "model":
		if v.Inner != nil {
			return v.Inner.goType()
		}
		return v.structType()
	}
	return reflect.TypeFor[string]()
}

func (v Value) values() []Value {
	values := make([]Value, len(v.Pairs))
	for i, p := range v.Pairs {
		values[i] = p.Value
	}
	return values
}

func (v Value) keyType() reflect.Type {
	keys := make([]Value, len(v.Pairs))
	for i, p := range v.Pairs {
		keys[i] = p.Key
	}
	switch t := elementType(keys); {
	case t == emptyType, t.Kind() == reflect.Bool, t.Kind() == reflect.Int64:
		return t
	default:
		return reflect.TypeFor[string]()
	}
}

func (v Value) structType() reflect.Type {
	fields := make([]reflect.StructField, len(v.Pairs))
	for i, p := range v.Pairs {
		fields[i] = structField(p.Key.Text, p.Value.goType())
	}
	return reflect.StructOf(fields)
}

func structField(name string, t reflect.Type) reflect.StructField {
	return reflect.StructField{
		Name: "F" + hex.EncodeToString([]byte(name)), Type: t, Tag: reflect.StructTag(`redis:"` + name + `"`),
	}
}

// elementType returns the type that all values fit.
func elementType(values []Value) reflect.Type {
	t := emptyType
	for _, v := range values {
		t = commonType(t, v.goType())
	}
	return t
}

// commonType returns the type that values of both types fit.
func commonType(a, b reflect.Type) reflect.Type {
	switch {
	case a == b, b == emptyType:
		return a
	case a == emptyType:
		return b
	case b == noneType:
		return optional(a)
	case a == noneType:
		return optional(b)
	case isOptional(a), isOptional(b):
		return optional(commonType(dereference(a), dereference(b)))
	case a.Kind() == reflect.Slice && b.Kind() == reflect.Slice:
		return reflect.SliceOf(commonType(a.Elem(), b.Elem()))
	case a.Kind() == reflect.Map && b.Kind() == reflect.Map:
		return commonMap(a, b)
	case a.Kind() == reflect.Struct && b.Kind() == reflect.Struct && a.NumField() == b.NumField():
		return commonStruct(a, b)
	}
	return anyType
}

func commonMap(a, b reflect.Type) reflect.Type {
	key := commonType(a.Key(), b.Key())
	if key == anyType {
		return anyType
	}
	return reflect.MapOf(key, commonType(a.Elem(), b.Elem()))
}

func commonStruct(a, b reflect.Type) reflect.Type {
	fields := make([]reflect.StructField, a.NumField())
	for i := range fields {
		f, g := a.Field(i), b.Field(i)
		if f.Name != g.Name || f.Tag == "" {
			return anyType
		}
		fields[i] = reflect.StructField{Name: f.Name, Type: commonType(f.Type, g.Type), Tag: f.Tag}
	}
	return reflect.StructOf(fields)
}

// optional returns t, or a pointer to t if t has no nil value.
func optional(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return t
	}
	return reflect.PointerTo(t)
}

func isOptional(t reflect.Type) bool { return t.Kind() == reflect.Pointer && t != bigType }

func dereference(t reflect.Type) reflect.Type {
	if isOptional(t) {
		return t.Elem()
	}
	return t
}

// resolve returns t with a type in place of those that no element showed.
func resolve(t reflect.Type) reflect.Type {
	switch {
	case t == noneType, t == emptyType:
		return anyType
	case t.Kind() == reflect.Slice:
		return reflect.SliceOf(resolve(t.Elem()))
	case t.Kind() == reflect.Map:
		return reflect.MapOf(resolveKey(t.Key()), resolve(t.Elem()))
	case isOptional(t):
		return optional(resolve(t.Elem()))
	case t.Kind() == reflect.Struct && t.Name() == "":
		fields := make([]reflect.StructField, t.NumField())
		for i := range fields {
			f := t.Field(i)
			fields[i] = reflect.StructField{Name: f.Name, Type: resolve(f.Type), Tag: f.Tag}
		}
		return reflect.StructOf(fields)
	}
	return t
}

func resolveKey(t reflect.Type) reflect.Type {
	if t == emptyType {
		return reflect.TypeFor[string]()
	}
	return t
}

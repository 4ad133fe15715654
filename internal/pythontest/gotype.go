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
	// Enum is the type of an enum whose values are texts.
	Enum string
	// UUID writes itself as text, as the usual packages' do.
	UUID [16]byte
)

// MarshalText gives the usual form.
func (u UUID) MarshalText() ([]byte, error) {
	h := hex.EncodeToString(u[:])
	return []byte(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]), nil
}

// UnmarshalText reads the usual form.
func (u *UUID) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(strings.ReplaceAll(string(text), "-", ""))
	if err != nil || len(b) != len(u) || len(text) != 36 {
		return errors.New("no UUID")
	}
	copy(u[:], b)
	return nil
}

// Of None alone, and of what an empty container holds, no value tells the type.
// These two stand for it while others may.
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

// GoType is the type that a Go program would read the value into: a struct for
// a model, a slice or map of one type where all elements have it, a pointer
// where there is None. For a value that is [Value.Without] an equivalent there
// is none.
func (v Value) GoType() reflect.Type {
	if t := v.goType(); t != noneType {
		return settled(t)
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
		return reflect.SliceOf(elements(v.Items))
	case "dict":
		return reflect.MapOf(v.keyType(), elements(v.values()))
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
	switch t := elements(keys); {
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

// elements is the one type that all values fit.
func elements(values []Value) reflect.Type {
	t := emptyType
	for _, v := range values {
		t = both(t, v.goType())
	}
	return t
}

// both is the type that values of two types fit.
func both(a, b reflect.Type) reflect.Type {
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
		return optional(both(bare(a), bare(b)))
	case a.Kind() == reflect.Slice && b.Kind() == reflect.Slice:
		return reflect.SliceOf(both(a.Elem(), b.Elem()))
	case a.Kind() == reflect.Map && b.Kind() == reflect.Map:
		return bothMaps(a, b)
	case a.Kind() == reflect.Struct && b.Kind() == reflect.Struct && a.NumField() == b.NumField():
		return bothStructs(a, b)
	}
	return anyType
}

func bothMaps(a, b reflect.Type) reflect.Type {
	key := both(a.Key(), b.Key())
	if key == anyType {
		return anyType
	}
	return reflect.MapOf(key, both(a.Elem(), b.Elem()))
}

func bothStructs(a, b reflect.Type) reflect.Type {
	fields := make([]reflect.StructField, a.NumField())
	for i := range fields {
		f, g := a.Field(i), b.Field(i)
		if f.Name != g.Name || f.Tag == "" {
			return anyType
		}
		fields[i] = reflect.StructField{Name: f.Name, Type: both(f.Type, g.Type), Tag: f.Tag}
	}
	return reflect.StructOf(fields)
}

// optional is t, or a pointer to it, so that it has a nil.
func optional(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return t
	}
	return reflect.PointerTo(t)
}

func isOptional(t reflect.Type) bool { return t.Kind() == reflect.Pointer && t != bigType }

func bare(t reflect.Type) reflect.Type {
	if isOptional(t) {
		return t.Elem()
	}
	return t
}

// settled is t with something for the types that no value told.
func settled(t reflect.Type) reflect.Type {
	switch {
	case t == noneType, t == emptyType:
		return anyType
	case t.Kind() == reflect.Slice:
		return reflect.SliceOf(settled(t.Elem()))
	case t.Kind() == reflect.Map:
		return reflect.MapOf(settledKey(t.Key()), settled(t.Elem()))
	case isOptional(t):
		return optional(settled(t.Elem()))
	case t.Kind() == reflect.Struct && t.Name() == "":
		fields := make([]reflect.StructField, t.NumField())
		for i := range fields {
			f := t.Field(i)
			fields[i] = reflect.StructField{Name: f.Name, Type: settled(f.Type), Tag: f.Tag}
		}
		return reflect.StructOf(fields)
	}
	return t
}

func settledKey(t reflect.Type) reflect.Type {
	if t == emptyType {
		return reflect.TypeFor[string]()
	}
	return t
}

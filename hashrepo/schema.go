package hashrepo

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/option"
)

// Schema describes how the records of a type are stored, for a program that
// does not have the type. [Describe] makes it, encoding/json writes and reads
// it, and [NewChecker] compares records with it.
type Schema struct {
	Type     string        `json:"type"`             // the Go type
	Codec    string        `json:"codec"`            // the name of the codec
	Lifetime int64         `json:"lifetime_ms"`      // of the records, in milliseconds; 0 if they have none
	Listed   bool          `json:"listed,omitempty"` // the space has a list of its records
	Fields   []SchemaField `json:"fields,omitempty"` // of a struct
	Values   *SchemaType   `json:"values,omitempty"` // of a map: the type of every field
	Extra    bool          `json:"extra,omitempty"`  // the record keeps fields that are not in Fields
}

// SchemaField is a field of a record, or of a struct inside a value.
type SchemaField struct {
	Name string `json:"name"` // as it is stored

	SchemaType

	Was       []string `json:"was,omitempty"`    // its old names
	Index     string   `json:"index,omitempty"`  // the name of its index in the keys of docs/bytes.md
	Unique    bool     `json:"unique,omitempty"` // the index is unique
	Version   bool     `json:"version,omitempty"`
	Sealed    bool     `json:"sealed,omitempty"` // its values are encrypted
	OmitZero  bool     `json:"omitzero,omitempty"`
	OmitEmpty bool     `json:"omitempty,omitempty"`
}

// SchemaType is the type of a value.
type SchemaType struct {
	Go string `json:"go"` // the Go type

	// Kind is how values are stored: bool, string, time, duration, bytes, any,
	// a number type of Go such as int64, bigint for a big.Int, number for a
	// json.Number, raw for a json.RawMessage, value for a codec.Value, text and
	// json for types with methods of their own, pointer, list, array, map or
	// object.
	Kind string `json:"kind"`

	Key    *SchemaType   `json:"key,omitempty"`    // of a map
	Elem   *SchemaType   `json:"elem,omitempty"`   // of a pointer, list, array or map
	Len    int           `json:"len,omitempty"`    // of an array
	Fields []SchemaField `json:"fields,omitempty"` // of an object
}

// Kinds of a [SchemaType] beside those of [basicTypes].
const (
	kindText    = "text"
	kindJSON    = "json"
	kindAny     = "any"
	kindPointer = "pointer"
	kindList    = "list"
	kindArray   = "array"
	kindMap     = "map"
	kindObject  = "object"
)

// basicTypes are the Go types by the kinds that have no parts. A type with
// methods of its own is known as text or JSON alone.
var basicTypes = map[string]reflect.Type{
	"bool": reflect.TypeFor[bool](), "string": reflect.TypeFor[string](),
	"int": reflect.TypeFor[int](), "int8": reflect.TypeFor[int8](), "int16": reflect.TypeFor[int16](),
	"int32": reflect.TypeFor[int32](), "int64": reflect.TypeFor[int64](),
	"uint": reflect.TypeFor[uint](), "uint8": reflect.TypeFor[uint8](), "uint16": reflect.TypeFor[uint16](),
	"uint32": reflect.TypeFor[uint32](), "uint64": reflect.TypeFor[uint64](), "uintptr": reflect.TypeFor[uintptr](),
	"float32": reflect.TypeFor[float32](), "float64": reflect.TypeFor[float64](),
	"time": reflect.TypeFor[time.Time](), "duration": reflect.TypeFor[time.Duration](), "bytes": reflect.TypeFor[[]byte](),
	"number": reflect.TypeFor[json.Number](), "bigint": reflect.TypeFor[big.Int](), "raw": reflect.TypeFor[json.RawMessage](),
	"value": reflect.TypeFor[codec.Value](), kindAny: reflect.TypeFor[any](),
	kindText: reflect.TypeFor[string](), kindJSON: reflect.TypeFor[json.RawMessage](),
}

// namedKinds are the kinds of those basic types that are not known by their
// reflect.Kind.
var namedKinds = func() map[reflect.Type]string {
	all := map[reflect.Type]string{}
	for _, kind := range []string{"time", "duration", "number", "bigint", "raw", "value"} {
		all[basicTypes[kind]] = kind
	}
	return all
}()

// Describe returns the schema of T, a record type, in a repository with the
// given options: [Codec], [TTL], [NoTTL] and [Listed] count. It sends nothing.
//
// A type with MarshalText or MarshalJSON is described as text or JSON, and a
// type inside itself as any value.
//
// Describe returns the errors of [New] that are about T and the options.
func Describe[T any](opts ...Option) (Schema, error) {
	settings := option.Settings{Lifetime: DefaultLifetime, Codec: codec.Compact}
	t := reflect.TypeFor[T]()
	err := settings.Apply(hashSpec.Traits, opts...)
	var p *plan
	if err == nil {
		p, err = describedPlan(t, settings.Codec)
	}
	if err != nil {
		return Schema{}, fmt.Errorf("symphony: %w", err)
	}
	s := Schema{
		Type: t.String(), Codec: settings.Codec.Name(), Lifetime: settings.Lifetime.Milliseconds(),
		Listed: settings.Listed || len(p.indexes) > 0, Extra: p.extra != nil,
	}
	if p.elemType != nil {
		values := describeType(t.Elem(), nil)
		s.Values = &values
		return s, nil
	}
	for i := range p.fields {
		f := describeField(p.fields[i].Field, nil)
		f.Sealed = p.fields[i].sealed
		if x := p.indexOf(f.Name); x != nil {
			f.Index = x.name
		}
		s.Fields = append(s.Fields, f)
	}
	return s, nil
}

// describedPlan returns the plan for a codec, which may be sealed.
func describedPlan(t reflect.Type, c codec.Codec) (*plan, error) {
	parts, sealed, err := codec.SealingOf(internal.NotForPublicUse{}, c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalidArgument, err)
	}
	if sealed {
		c = parts.Inner
	}
	return planFor(t, c, sealed, codec.DefaultMaxDecoded)
}

func describeField(f fields.Field, within []reflect.Type) SchemaField {
	return SchemaField{
		Name: f.Name, SchemaType: describeType(f.Type, within), Was: f.Was,
		Unique: f.Unique, Version: f.Version, OmitZero: f.OmitZero, OmitEmpty: f.OmitEmpty,
	}
}

// describeType describes a type that is inside of others.
func describeType(t reflect.Type, within []reflect.Type) SchemaType {
	s := SchemaType{Go: t.String(), Kind: kindOf(t, within)}
	within = append(within[:len(within):len(within)], t)
	part := func(t reflect.Type) *SchemaType {
		inner := describeType(t, within)
		return &inner
	}
	switch s.Kind {
	case kindPointer:
		if s.Elem = part(t.Elem()); s.Elem.Kind == kindAny {
			return SchemaType{Go: s.Go, Kind: kindAny}
		}
	case kindList:
		s.Elem = part(t.Elem())
	case kindArray:
		s.Elem, s.Len = part(t.Elem()), t.Len()
	case kindMap:
		s.Key, s.Elem = part(t.Key()), part(t.Elem())
	case kindObject:
		list, err := fields.Of(t)
		if err != nil {
			s.Kind = kindAny // a codec that is not of package codec stores it
		}
		for _, f := range list {
			s.Fields = append(s.Fields, describeField(f, within))
		}
	}
	return s
}

// kindOf returns the kind of a type, as package codec stores it.
func kindOf(t reflect.Type, within []reflect.Type) string {
	if kind, ok := namedKinds[t]; ok {
		return kind
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return kindPointer
	case t.Kind() == reflect.Interface:
		return kindAny
	case fields.TextMethods(t).Complete():
		return kindText
	case fields.JSONMethods(t).Complete():
		return kindJSON
	}
	if slices.Contains(within, t) {
		return kindAny
	}
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && !fields.MarshalsItself(t.Elem()) {
			return "bytes"
		}
		return kindList
	case reflect.Array:
		return kindArray
	case reflect.Map:
		return kindMap
	case reflect.Struct:
		return kindObject
	}
	if _, ok := basicTypes[t.Kind().String()]; ok {
		return t.Kind().String()
	}
	return kindAny
}

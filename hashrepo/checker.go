package hashrepo

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
)

// Checker compares stored records with a [Schema]. It is safe for concurrent
// use, and sends nothing.
type Checker struct {
	schema Schema
	plan   *plan
}

// NewChecker returns the checker of a schema, which may come from JSON.
//
// If the schema is not one that [Describe] returns, the error is
// [ErrInvalidSchema]. If its codec is not one of package codec, it is
// [ErrUnsupported].
func NewChecker(s Schema) (*Checker, error) {
	c, err := codecNamed(s.Codec)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	t, err := recordType(s)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w: the description of %s: %w", fault.ErrInvalidSchema, s.Type, err)
	}
	p, err := compilePlan(t, c, false, codec.DefaultMaxDecoded)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w: the description of %s: %w", fault.ErrInvalidSchema, s.Type, err)
	}
	return &Checker{s, p}, nil
}

// Schema returns the schema of the checker.
func (c *Checker) Schema() Schema { return c.schema }

// Check returns the errors of a record, which has the texts of its fields by
// their stored names. An error wraps [ErrUnknownField] if the type has no such
// field, or a [*codec.DecodeError] if the text does not fit the type. A field
// that is missing is no error, because it is read as zero.
func (c *Checker) Check(record map[string]string) (errs []error) {
	rest := maps.Clone(record)
	delete(rest, reservedField)
	for i := range c.plan.fields {
		f := &c.plan.fields[i]
		if text, ok := f.takeText(rest); ok {
			if err := f.Decode(text, reflect.New(f.Field.Type).Elem()); err != nil {
				errs = append(errs, &fieldError{f.Name, err})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		switch {
		case c.plan.elemType != nil:
			if err := c.plan.elemType.Decode(rest[name], reflect.New(c.plan.typ.Elem()).Elem()); err != nil {
				errs = append(errs, &fieldError{name, err})
			}
		case c.plan.extra == nil:
			known := slices.Sorted(slices.Values(c.plan.names))
			errs = append(errs, &fieldError{name, fmt.Errorf("%w: the fields of %s are %s%s; add it to the type, or remove it with HDEL",
				fault.ErrUnknownField, c.schema.Type, strings.Join(known, ", "), suggestion(name, known))})
		}
	}
	return errs
}

// IndexTexts returns the sort texts that stand for a record in each index, by
// the name of the index. There are none for a field that is absent. An index
// whose field does not decode, or whose order depends on methods of the type,
// is left out.
func (c *Checker) IndexTexts(record map[string]string) map[string][]string {
	all := map[string][]string{}
	for _, x := range c.plan.indexes {
		if at := slices.IndexFunc(c.schema.Fields, func(f SchemaField) bool { return f.Index == x.name }); at < 0 {
			continue
		}
		all[x.name] = nil
		for _, name := range x.field.appendNames(nil) {
			text, ok := record[name]
			if !ok {
				continue
			}
			v := reflect.New(x.field.Field.Type).Elem()
			if x.field.Decode(text, v) != nil {
				delete(all, x.name)
				break
			}
			all[x.name], _ = x.encoder.Append(nil, v) // a value without an order has no text
			break
		}
	}
	return all
}

func codecNamed(name string) (codec.Codec, error) {
	for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
		if c.Name() == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: the codec %q is not one of package codec, so its values cannot be decoded; check such records in the service", fault.ErrUnsupported, name)
}

// recordType returns a record type that is stored as the one of a schema.
func recordType(s Schema) (reflect.Type, error) {
	if s.Values != nil {
		if len(s.Fields) > 0 || s.Extra {
			return nil, fmt.Errorf("it has values, as a map, and fields, as a struct; remove one of them")
		}
		values, err := typeOf(*s.Values, 0)
		if err != nil {
			return nil, err
		}
		return reflect.MapOf(reflect.TypeFor[string](), values), nil
	}
	return structOf(s.Fields, s.Extra, 0)
}

// structOf returns a struct type with fields that are stored as those given.
func structOf(list []SchemaField, extra bool, depth int) (reflect.Type, error) {
	var all []reflect.StructField
	add := func(t reflect.Type, tag string) {
		all = append(all, reflect.StructField{Name: "F" + strconv.Itoa(len(all)), Type: t, Tag: reflect.StructTag("redis:" + strconv.Quote(tag))})
	}
	for _, f := range list {
		if f.Name == "" || strings.Contains(f.Name, ",") {
			return nil, fmt.Errorf("%q is not the name of a field", f.Name)
		}
		t, err := typeOf(f.SchemaType, depth)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		add(t, f.Name+f.options())
	}
	if extra {
		add(reflect.TypeFor[map[string]string](), ",extra")
	}
	return reflect.StructOf(all), nil
}

// options returns the options of the redis tag of a field. They begin with a
// comma, so that the name "-" is a name.
func (f *SchemaField) options() string {
	var b strings.Builder
	b.WriteByte(',')
	for option, set := range map[string]bool{
		"version": f.Version, "omitzero": f.OmitZero, "omitempty": f.OmitEmpty, "unique": f.Unique, "index": f.Index != "" && !f.Unique,
	} {
		if set {
			b.WriteString("," + option)
		}
	}
	for _, old := range f.Was {
		b.WriteString(",was=" + old)
	}
	return b.String()
}

// maxSchemaDepth and maxArrayBytes limit a type that comes from a file.
const (
	maxSchemaDepth = 100
	maxArrayBytes  = 16 << 20
)

// typeOf returns a type whose values are stored as those of s.
func typeOf(s SchemaType, depth int) (reflect.Type, error) {
	if t, ok := basicTypes[s.Kind]; ok {
		return t, nil
	}
	if depth++; depth > maxSchemaDepth {
		return nil, fmt.Errorf("it has more than %d types inside each other", maxSchemaDepth)
	}
	if s.Kind == kindObject {
		return structOf(s.Fields, false, depth)
	}
	if !slices.Contains([]string{kindPointer, kindList, kindArray, kindMap}, s.Kind) {
		return nil, fmt.Errorf("there is no kind %q; make the description with Describe", s.Kind)
	}
	if s.Elem == nil || s.Kind == kindMap && s.Key == nil {
		return nil, fmt.Errorf("the kind %s needs the type of its parts", s.Kind)
	}
	elem, err := typeOf(*s.Elem, depth)
	if err != nil {
		return nil, err
	}
	switch s.Kind {
	case kindPointer:
		return reflect.PointerTo(elem), nil
	case kindList:
		return reflect.SliceOf(elem), nil
	case kindArray:
		if s.Len < 0 || s.Len > maxArrayBytes || uintptr(s.Len)*elem.Size() > maxArrayBytes {
			return nil, fmt.Errorf("an array of %d elements is too large", s.Len)
		}
		return reflect.ArrayOf(s.Len, elem), nil
	}
	key, err := typeOf(*s.Key, depth)
	if err == nil && !key.Comparable() {
		err = fmt.Errorf("the kind %s cannot be the key of a map", s.Key.Kind)
	}
	if err != nil {
		return nil, err
	}
	return reflect.MapOf(key, elem), nil
}

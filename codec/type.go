package codec

import (
	"fmt"
	"reflect"
)

// Type is a Go type compiled for a codec. It encodes and decodes values of that
// type. A Type is safe for concurrent use.
//
// Use [For] to compile a type. Programs rarely need a Type: the repositories
// compile the types that they store, and [Codec.Marshal] and [Codec.Unmarshal]
// compile theirs.
type Type struct {
	codec    Codec
	engine   engine
	typ      reflect.Type
	shape    *shape // nil for a codec that is not of this package
	budget   budget // 0 means DefaultMaxDecoded
	verbatim bool   // a string that is stored verbatim
}

// For compiles t for c. It caches the Types for the codecs of this package. For
// any other codec, For does not check t, and the Type calls the Marshal and
// Unmarshal methods of c.
//
// If t cannot be stored, For returns a [*SchemaError], which wraps
// [ErrUnstorable]. If t is nil, For returns an error that wraps
// [ErrUnstorable]. If c is nil, it returns an error.
func For(c Codec, t reflect.Type) (*Type, error) {
	if t == nil {
		return nil, fmt.Errorf("a nil reflect.Type %w", ErrUnstorable)
	}
	e, ok := c.(builtin)
	if !ok {
		if c == nil {
			return nil, fmt.Errorf("the Codec for %s is nil; use codec.Compact, codec.JSON, codec.MsgPack or one of your own", t)
		}
		return &Type{codec: c, engine: customEngine{c}, typ: t}, nil
	}
	if compiled, ok := e.compiledTypes().Load(t); ok {
		return compiled.(*Type), nil
	}
	s, err := shapeOf(t)
	if err == nil && c == MsgPack {
		err = s.checkMsgPack(map[*shape]bool{})
	}
	if err != nil {
		return nil, withRoot(err, t)
	}
	fresh := &Type{codec: c, engine: e, typ: t, shape: s, verbatim: s.kind == kindString && c == Compact}
	compiled, _ := e.compiledTypes().LoadOrStore(t, fresh)
	return compiled.(*Type), nil
}

// WithMaxDecoded returns a Type like t that limits the memory for decoding a
// value to the given number of bytes. If bytes is 0, the limit is
// [DefaultMaxDecoded], which is also the default.
func (t *Type) WithMaxDecoded(bytes int) *Type {
	limit := budget(bytes)
	if bytes == DefaultMaxDecoded {
		limit = 0
	}
	if limit == t.budget {
		return t
	}
	c := *t
	c.budget = limit
	return &c
}

// limit returns the memory that decoding a value may take.
func (t *Type) limit() budget {
	if t.budget == 0 {
		return DefaultMaxDecoded
	}
	return t.budget
}

// Codec returns the codec that t was compiled for.
func (t *Type) Codec() Codec { return t.codec }

// Append appends the encoding of v to dst and returns the extended slice. The
// type of v must be the compiled type.
//
// If v cannot be encoded, Append returns an [*EncodeError] and a slice that may
// end with a part of the encoding.
func (t *Type) Append(dst []byte, v reflect.Value) ([]byte, error) {
	return t.engine.append(dst, t.shape, v)
}

// Verbatim returns the encoding of v if v holds it as a string already. This is
// the case for strings with [Compact], and for a [Value]. Otherwise Verbatim
// returns false, and [Type.Append] encodes v.
func (t *Type) Verbatim(v reflect.Value) (string, bool) {
	switch {
	case t.verbatim:
		return v.String(), true
	case t.shape != nil && t.shape.kind == kindValue:
		return valueIn(v).data, true
	}
	return "", false
}

// Decode decodes data into v, which must be settable and of the compiled type.
// It replaces the whole value of v. If Decode returns an error, the value of v
// is undefined.
//
// Strings in v may share memory with data, so a string that outlives v keeps
// all of data in memory. [strings.Clone] avoids that. Byte slices are always
// copies.
//
// If data does not fit the type, Decode returns a [*DecodeError]. If data is
// longer than the limit of t, or if decoding would take more memory than that,
// the error wraps [ErrTooLarge]. For a codec that is not of this package, only
// the length of data is limited.
func (t *Type) Decode(data string, v reflect.Value) error {
	limit := t.limit()
	if len(data) > int(limit) {
		return decodeError(t.typ, errBudget)
	}
	if t.verbatim {
		v.SetString(data)
		return nil
	}
	if t.typ == valueType {
		*v.Addr().Interface().(*Value) = Value{data: data, codec: t.codec, budget: t.budget}
		return nil
	}
	return t.engine.decode(data, t.shape, v, limit)
}

// Nilable reports whether a value of the type may be nil. A hash has no field
// for a nil value.
func (t *Type) Nilable() bool {
	if t.shape != nil {
		return t.shape.nilable
	}
	switch t.typ.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	default:
		return false
	}
}

// DecimalInteger reports whether values are stored as decimal integers, which
// Redis can increment with HINCRBY.
func (t *Type) DecimalInteger() bool {
	return t.textual() && (t.shape.kind == kindInt || t.shape.kind == kindUint)
}

// DecimalFloat reports whether the type is a float64 that [Compact] stores as
// decimal text, which Redis can increment with HINCRBYFLOAT.
func (t *Type) DecimalFloat() bool {
	return t.shape != nil && t.codec == Compact && t.shape.kind == kindFloat && t.typ.Kind() == reflect.Float64
}

// JSONList returns an encoder for the elements of a slice type. If the type is
// not a slice that is stored as a JSON array, JSONList returns false.
func (t *Type) JSONList() (Element, bool) {
	if t.textual() && t.shape.kind == kindSlice {
		return Element{python: t.codec == Compact, shape: t.shape.elem}, true
	}
	return Element{}, false
}

// textual reports whether values are stored as text.
func (t *Type) textual() bool {
	return t.shape != nil && (t.codec == Compact || t.codec == JSON)
}

// Element encodes the elements of a stored JSON array. It is returned by
// [Type.JSONList].
type Element struct {
	python bool
	shape  *shape
}

// Type returns the Go type of the elements.
func (e Element) Type() reflect.Type { return e.shape.typ }

// Append appends the JSON of v, as it is written inside the array, to dst and
// returns the extended slice. The type of v must be that of the elements.
//
// If v cannot be encoded, Append returns an [*EncodeError].
func (e Element) Append(dst []byte, v reflect.Value) ([]byte, error) {
	w := jsonWriter{buf: dst, python: e.python, depth: 1}
	err := w.encode(e.shape, v, false)
	return w.buf, err
}

// customEngine is the engine for a codec that is not of this package.
type customEngine struct{ codec Codec }

func (e customEngine) append(dst []byte, _ *shape, v reflect.Value) ([]byte, error) {
	if v.Type() == valueType {
		return append(dst, valueIn(v).data...), nil
	}
	data, err := e.codec.Marshal(v.Interface())
	if err != nil {
		return dst, encodeError(v.Type(), err)
	}
	return append(dst, data...), nil
}

func (e customEngine) decode(data string, _ *shape, v reflect.Value, _ budget) error {
	v.SetZero()
	if err := e.codec.Unmarshal([]byte(data), v.Addr().Interface()); err != nil {
		return decodeError(v.Type(), &redactedError{"codec " + e.codec.Name() + " returned an error", err})
	}
	return nil
}

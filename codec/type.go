package codec

import (
	"fmt"
	"reflect"
)

// Type is one Go type compiled for one codec. It is safe for concurrent use.
type Type struct {
	codec    Codec
	engine   engine
	typ      reflect.Type
	shape    *shape // nil for a codec of somebody else's
	budget   budget // 0 stands for DefaultMaxDecoded
	verbatim bool   // a string that is stored as it is
}

// For compiles t for c. A type that cannot be stored is a *SchemaError, in which errors.Is finds ErrUnstorable. For a
// codec from elsewhere nothing is compiled and nothing is checked: its Marshal and Unmarshal do the work.
func For(c Codec, t reflect.Type) (*Type, error) {
	if t == nil {
		return nil, fmt.Errorf("codec: no type to compile: %w", ErrUnstorable)
	}
	e, ok := c.(builtin)
	if !ok {
		if c == nil {
			return nil, fmt.Errorf("codec: no codec for %s", t)
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

// Within returns the type with another bound than DefaultMaxDecoded for the memory that reading a value takes.
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

func (t *Type) limit() budget {
	if t.budget == 0 {
		return DefaultMaxDecoded
	}
	return t.budget
}

// Codec returns the codec that the type is compiled for.
func (t *Type) Codec() Codec { return t.codec }

// Append appends the bytes of v, which is of the compiled type, to dst. After an error what it appended is without use.
func (t *Type) Append(dst []byte, v reflect.Value) ([]byte, error) {
	return t.engine.append(dst, t.shape, v)
}

// Text returns the bytes of v where they are a string that v holds already; false means that Append has to make them.
func (t *Type) Verbatim(v reflect.Value) (string, bool) {
	switch {
	case t.verbatim:
		return v.String(), true
	case t.shape != nil && t.shape.kind == kindValue:
		return valueIn(v).data, true
	}
	return "", false
}

// Decode reads data into v, which is of the compiled type and settable. Nothing is left of what v held before, except
// after an error. Strings in v may share memory with data, byte slices never do: one that outlives v keeps all of data in
// memory, which strings.Clone ends.
//
// A value that takes more memory than the type allows, and a text that is longer than that, are ErrTooLarge.
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

// Nilable says that a value of the type may be nil, so that a hash has no field for it.
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

// Decimal says that a value is stored as a decimal integer, which HINCRBY understands.
func (t *Type) DecimalInteger() bool {
	return t.textual() && (t.shape.kind == kindInt || t.shape.kind == kindUint)
}

// Float64 says that a value is stored as Compact spells a float64.
func (t *Type) DecimalFloat() bool {
	return t.shape != nil && t.codec == Compact && t.shape.kind == kindFloat && t.typ.Kind() == reflect.Float64
}

// JSONList returns how an element of the type is written where the type is stored as a JSON list.
func (t *Type) JSONList() (Element, bool) {
	if t.textual() && t.shape.kind == kindSlice {
		return Element{python: t.codec == Compact, shape: t.shape.elem}, true
	}
	return Element{}, false
}

func (t *Type) textual() bool {
	return t.shape != nil && (t.codec == Compact || t.codec == JSON)
}

// Element writes one element of a stored JSON list.
type Element struct {
	python bool
	shape  *shape
}

// Type returns the element's Go type.
func (e Element) Type() reflect.Type { return e.shape.typ }

// Append appends the JSON of v as it stands inside the list.
func (e Element) Append(dst []byte, v reflect.Value) ([]byte, error) {
	w := jsonWriter{buf: dst, python: e.python, depth: 1}
	err := w.encode(e.shape, v, false)
	return w.buf, err
}

// foreign makes an engine of a codec from elsewhere.
type customEngine struct{ codec Codec }

func (f customEngine) append(dst []byte, _ *shape, v reflect.Value) ([]byte, error) {
	if v.Type() == valueType {
		return append(dst, valueIn(v).data...), nil
	}
	data, err := f.codec.Marshal(v.Interface())
	if err != nil {
		return dst, encodeError(v.Type(), err)
	}
	return append(dst, data...), nil
}

func (f customEngine) decode(data string, _ *shape, v reflect.Value, _ budget) error {
	v.SetZero()
	if err := f.codec.Unmarshal([]byte(data), v.Addr().Interface()); err != nil {
		return decodeError(v.Type(), &redactedError{"the codec " + f.codec.Name() + " refuses it", err})
	}
	return nil
}

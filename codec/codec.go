package codec

import (
	"fmt"
	"reflect"
	"sync"
)

// Codec converts Go values to the bytes of Redis values and back.
//
// [Compact], [JSON] and [MsgPack] are the codecs of this package. Any other
// type with these methods can be used too. Its methods must be safe for
// concurrent use. For such a codec, a repository does not check whether a type
// can be stored. It limits the length of data, but not the memory that
// Unmarshal takes.
type Codec interface {
	// Name returns a name that no other codec has. It appears in errors, and
	// the payload of a trigger is stored with it.
	Name() string
	// Marshal returns the encoding of v.
	Marshal(v any) ([]byte, error)
	// Unmarshal decodes data into the value that v points to.
	Unmarshal(data []byte, v any) error
}

// The codecs of this package. They are safe for concurrent use.
//
// If v is a pointer to a slice, a map, a pointer or an interface, Marshal
// encodes the value that v points to. If v cannot be encoded, Marshal returns
// an [*EncodeError].
//
// Unmarshal takes at most [DefaultMaxDecoded] bytes of memory. If data does not
// fit the type, Unmarshal returns a [*DecodeError]. If v is not a non-nil
// pointer, Unmarshal returns an error.
//
// If the type of the value cannot be stored, both return a [*SchemaError].
var (
	// Compact is the default codec. It writes what the Python package writes,
	// and reads that. It also reads the numbers, bools, objects and arrays that
	// JSON writes.
	Compact Codec = compactCodec{}
	// JSON writes every value as plain JSON, for other programs.
	JSON Codec = jsonCodec{}
	// MsgPack writes every value as MessagePack.
	MsgPack Codec = msgpackCodec{}
)

// engine encodes and decodes values of compiled types.
type engine interface {
	append(dst []byte, s *shape, v reflect.Value) ([]byte, error)
	decode(data string, s *shape, v reflect.Value, limit budget) error
}

// builtin is a codec of this package.
type builtin interface {
	engine
	compiledTypes() *sync.Map // reflect.Type -> *Type
}

type compactCodec struct{}

var compactTypes, jsonTypes, msgpackTypes sync.Map

func (compactCodec) compiledTypes() *sync.Map { return &compactTypes }
func (jsonCodec) compiledTypes() *sync.Map    { return &jsonTypes }
func (msgpackCodec) compiledTypes() *sync.Map { return &msgpackTypes }

func (compactCodec) Name() string                         { return "compact" }
func (c compactCodec) Marshal(v any) ([]byte, error)      { return marshal(c, v) }
func (c compactCodec) Unmarshal(data []byte, v any) error { return unmarshalJSON(c, data, v, true) }

type jsonCodec struct{}

func (jsonCodec) Name() string                         { return "json" }
func (c jsonCodec) Marshal(v any) ([]byte, error)      { return marshal(c, v) }
func (c jsonCodec) Unmarshal(data []byte, v any) error { return unmarshalJSON(c, data, v, false) }

func (jsonCodec) append(dst []byte, s *shape, v reflect.Value) ([]byte, error) {
	if s.kind == kindValue {
		return append(dst, valueIn(v).data...), nil
	}
	w := jsonWriter{buf: dst}
	err := w.encode(s, v, false)
	return w.buf, err
}

func (jsonCodec) decode(data string, s *shape, v reflect.Value, limit budget) error {
	return readJSON(data, s, v, false, limit)
}

type msgpackCodec struct{}

func (msgpackCodec) Name() string                         { return "msgpack" }
func (c msgpackCodec) Marshal(v any) ([]byte, error)      { return marshal(c, v) }
func (c msgpackCodec) Unmarshal(data []byte, v any) error { return unmarshal(c, string(data), v) }

// buffers holds the buffers that marshal encodes into, since the length of the
// encoding is not known in advance.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// largestBuffer is the capacity of the largest buffer that is put back.
const largestBuffer = 64 << 10

func marshal(c Codec, v any) ([]byte, error) {
	rv := nilAny
	if v != nil {
		rv = pointee(reflect.ValueOf(v))
	}
	t, err := For(c, rv.Type())
	if err != nil {
		return nil, err
	}
	buf := buffers.Get().(*[]byte)
	data, err := t.Append((*buf)[:0], rv)
	if cap(data) <= largestBuffer {
		defer buffers.Put(buf)
		*buf = data
	}
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(data)), data...), nil
}

// nilAny is a nil interface value.
var nilAny = reflect.Zero(reflect.TypeFor[any]())

// pointee follows pointers to slices, maps, pointers and interfaces, because a
// nil pointer to such a type could not be distinguished from a pointer to nil.
// The caller of Marshal only uses the pointer to pass the value.
func pointee(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		switch v.Elem().Kind() {
		case reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
			v = v.Elem()
		default:
			return v
		}
	}
	return v
}

func unmarshal(c Codec, data string, v any) error {
	t, dst, err := destination(c, v)
	if err != nil {
		return err
	}
	return t.Decode(data, dst)
}

// unmarshalJSON is unmarshal for codecs that write composite values as JSON. It
// does not copy a large composite value as a whole. If it did, each string that
// outlives the value would keep all of the copy in memory.
func unmarshalJSON(c Codec, data []byte, v any, allowNaN bool) error {
	t, dst, err := destination(c, v)
	if err != nil {
		return err
	}
	if t.shape.composite() && len(data) > largestChunk {
		return readJSONBytes(data, t.shape, dst, allowNaN, t.limit())
	}
	return t.Decode(string(data), dst)
}

// destination returns the value that v points to, and its type compiled for c.
func destination(c Codec, v any) (*Type, reflect.Value, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return nil, rv, fmt.Errorf("cannot decode into %T; pass a non-nil pointer", v)
	}
	t, err := For(c, rv.Type().Elem())
	return t, rv.Elem(), err
}

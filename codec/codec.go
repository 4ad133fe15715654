package codec

import (
	"fmt"
	"reflect"
	"sync"
)

// Codec turns one Go value into the bytes of one Redis value and back. An implementation of one's own only needs these
// three methods, which are called from many goroutines at once.
type Codec interface {
	// Name tells the codec's bytes from those of every other codec.
	Name() string
	// Marshal returns the bytes of v.
	Marshal(v any) ([]byte, error)
	// Unmarshal reads data into the value that v points to.
	Unmarshal(data []byte, v any) error
}

var (
	// Compact is the default: what the Python package writes and reads.
	Compact Codec = compactCodec{}
	// JSON writes every value as JSON, as any other program would.
	JSON Codec = jsonCodec{}
	// MsgPack writes every value as MessagePack.
	MsgPack Codec = msgpackCodec{}
)

// engine works on compiled types.
type engine interface {
	append(dst []byte, s *shape, v reflect.Value) ([]byte, error)
	decode(data string, s *shape, v reflect.Value, limit budget) error
}

// own is what the codecs of this package have beyond Codec.
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
func (c compactCodec) Unmarshal(data []byte, v any) error { return unmarshalLarge(c, data, v, true) }

type jsonCodec struct{}

func (jsonCodec) Name() string                         { return "json" }
func (c jsonCodec) Marshal(v any) ([]byte, error)      { return marshal(c, v) }
func (c jsonCodec) Unmarshal(data []byte, v any) error { return unmarshalLarge(c, data, v, false) }

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

// buffers are what marshal writes to, as long as it does not know how much there is to write.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// largestBuffer is the size of the largest buffer that is kept.
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

// nilAny is an interface that holds nothing.
var nilAny = reflect.Zero(reflect.TypeFor[any]())

// pointee follows a pointer to something that is itself nil at times: as a stored type it would be two sorts of nil,
// as an argument it is only the caller's way to hand the value over.
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

// unmarshalJSON is unmarshal for a codec that writes what has parts as JSON: that is not copied as a whole where it is
// large, since a text that outlives the value would keep all of it in memory.
func unmarshalLarge(c Codec, data []byte, v any, allowNaN bool) error {
	t, dst, err := destination(c, v)
	if err != nil {
		return err
	}
	if t.shape.composite() && len(data) > largestChunk {
		return readJSONBytes(data, t.shape, dst, allowNaN, t.limit())
	}
	return t.Decode(string(data), dst)
}

// destination returns what v points to, and its type compiled for c.
func destination(c Codec, v any) (*Type, reflect.Value, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return nil, rv, fmt.Errorf("codec: cannot read into %T: a pointer that is not nil is needed", v)
	}
	t, err := For(c, rv.Type().Elem())
	return t, rv.Elem(), err
}

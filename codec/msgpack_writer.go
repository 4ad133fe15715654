package codec

import (
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

func (msgpackCodec) append(dst []byte, s *shape, v reflect.Value) ([]byte, error) {
	if s.kind == kindValue {
		return append(dst, valueIn(v).data...), nil
	}
	out := byteWriter(dst)
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&out)
	w := msgpackWriter{enc: enc}
	err := w.value(s, v)
	return out, err
}

// byteWriter is an io.Writer that appends to a slice.
type byteWriter []byte

func (a *byteWriter) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

func (a *byteWriter) WriteByte(c byte) error {
	*a = append(*a, c)
	return nil
}

// msgpackWriter writes MessagePack. Structs are maps with the stored names as
// keys. Durations are nanoseconds.
type msgpackWriter struct {
	enc   *msgpack.Encoder
	depth int
}

func (w *msgpackWriter) value(s *shape, v reflect.Value) error {
	if s.nilable && v.IsNil() {
		return w.enc.EncodeNil()
	}
	switch s.kind {
	case kindBool:
		return w.enc.EncodeBool(v.Bool())
	case kindInt, kindDuration:
		return w.enc.EncodeInt(v.Int())
	case kindUint:
		return w.enc.EncodeUint(v.Uint())
	case kindFloat:
		if s.bits == 32 {
			return w.enc.EncodeFloat32(float32(v.Float()))
		}
		return w.enc.EncodeFloat64(v.Float())
	case kindString:
		return w.enc.EncodeString(v.String())
	case kindNumber:
		if text := v.String(); text != "" && !isNumber(text) {
			return encodeError(s.typ, errFloat)
		}
		return w.enc.EncodeString(v.String())
	case kindTime:
		return w.time(s, timeIn(v))
	case kindBytes:
		return w.enc.EncodeBytes(v.Bytes())
	case kindText:
		text, err := callMarshalText(s, v)
		if err != nil {
			return err
		}
		return w.enc.EncodeString(string(text))
	case kindJSON, kindRaw:
		return w.writeRaw(s, v, s.nilable)
	case kindPointer:
		if s.elem.kind == kindJSON {
			return w.writeRaw(s.elem, v.Elem(), true)
		}
		return w.value(s.elem, v.Elem())
	case kindAny:
		inner, err := For(MsgPack, v.Elem().Type())
		if err != nil {
			return encodeError(v.Elem().Type(), err)
		}
		return w.value(inner.shape, v.Elem())
	case kindValue:
		return encodeError(s.typ, errNested)
	default:
		return w.writeContainer(s, v)
	}
}

func (w *msgpackWriter) writeContainer(s *shape, v reflect.Value) (err error) {
	if w.depth++; w.depth > maxDepth {
		return encodeError(s.typ, errCycle)
	}
	switch s.kind {
	case kindStruct:
		err = w.writeStruct(s, v)
	case kindMap:
		err = w.writeMap(s, v)
	default:
		err = w.writeArray(s, v)
	}
	w.depth--
	return err
}

func (w *msgpackWriter) writeArray(s *shape, v reflect.Value) error {
	if err := w.enc.EncodeArrayLen(v.Len()); err != nil {
		return err
	}
	for i := range v.Len() {
		if err := w.value(s.elem, v.Index(i)); err != nil {
			return within(err, indexStep(i))
		}
	}
	return nil
}

func (w *msgpackWriter) writeStruct(s *shape, v reflect.Value) error {
	n := 0
	for i := range s.fields {
		m := &s.fields[i]
		if field, ok := m.Value(v); ok && !m.omitted(field) {
			n++
		}
	}
	if err := w.enc.EncodeMapLen(n); err != nil {
		return err
	}
	for i := range s.fields {
		m := &s.fields[i]
		field, ok := m.Value(v)
		if !ok || m.omitted(field) {
			continue
		}
		if err := w.enc.EncodeString(m.Name); err != nil {
			return err
		}
		if err := w.value(m.shape, field); err != nil {
			return within(err, m.Name)
		}
	}
	return nil
}

// writeMap writes a map in the order of the texts of its keys, so that equal
// maps have equal encodings.
func (w *msgpackWriter) writeMap(s *shape, v reflect.Value) error {
	entries, err := sortedEntries(s, v, false)
	if err != nil {
		return err
	}
	if err := w.enc.EncodeMapLen(len(entries)); err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.writeKey(s.key, e); err != nil {
			return err
		}
		if err := w.value(s.elem, e.value); err != nil {
			return within(err, "*")
		}
	}
	return nil
}

// writeKey writes the key of a map. Integers, durations and bools keep their
// type. All other keys are strings.
func (w *msgpackWriter) writeKey(s *shape, e mapEntry) error {
	switch s.kind {
	case kindInt, kindDuration:
		n, _ := parseInt(e.key, 64)
		return w.enc.EncodeInt(n)
	case kindUint:
		n, _ := parseUint(e.key, 64)
		return w.enc.EncodeUint(n)
	case kindBool:
		return w.enc.EncodeBool(e.key == "true")
	default:
		return w.enc.EncodeString(e.key)
	}
}

func (w *msgpackWriter) time(s *shape, t time.Time) error {
	t = t.UTC()
	if year := t.Year(); year < 0 || year > 9999 {
		return encodeError(s.typ, errYear)
	}
	return w.enc.EncodeTime(t)
}

func (w *msgpackWriter) writeRaw(s *shape, v reflect.Value, rejectNull bool) error {
	text, err := callMarshalJSON(s, v, rejectNull, w.depth)
	if err != nil {
		return err
	}
	return w.enc.EncodeString(text)
}

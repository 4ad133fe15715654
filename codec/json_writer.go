package codec

import (
	"bytes"
	"encoding/base64"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// maxDepth is the maximum depth of nested slices, arrays, maps and structs, for
// reading and for writing.
const maxDepth = 10000

// jsonWriter writes JSON, either as Python writes it or as other programs do.
type jsonWriter struct {
	buf    []byte
	python bool
	inAny  bool // inside an interface, so floats need a point or an exponent
	depth  int
}

// encode writes v, which need not be addressable.
func (w *jsonWriter) encode(s *shape, v reflect.Value, inStruct bool) error {
	if v.CanAddr() {
		return w.value(s, pointerTo(v), inStruct)
	}
	c := s.getZero()
	defer s.putZero(c)
	c.Set(v)
	return w.value(s, pointerTo(*c), inStruct)
}

// value writes the value at p. inStruct reports whether a struct contains it.
// Python's models write a bool as a string in that case.
func (w *jsonWriter) value(s *shape, p pointer, inStruct bool) error {
	if s.nilable && p.isNil() {
		w.buf = append(w.buf, "null"...)
		return nil
	}
	switch s.kind {
	case kindBool:
		w.bool(p.bool(), inStruct)
	case kindInt:
		w.buf = strconv.AppendInt(w.buf, p.int(s.bits), 10)
	case kindUint:
		w.buf = strconv.AppendUint(w.buf, p.uint(s.bits), 10)
	case kindFloat:
		return w.float(s, p.float(s.bits))
	case kindString:
		return w.string(s, p.string())
	case kindNumber:
		return w.number(s, p.string())
	case kindTime:
		return w.time(s, p.time())
	case kindDuration:
		w.duration(p.duration())
	case kindBytes:
		w.buf = append(w.buf, '"')
		w.buf = base64.StdEncoding.AppendEncode(w.buf, p.bytes())
		w.buf = append(w.buf, '"')
	case kindText:
		text, err := callMarshalText(s, p.value(s))
		if err != nil {
			return err
		}
		if s.typ == bigIntType {
			w.buf = append(w.buf, text...)
			return nil
		}
		return w.string(s, string(text))
	case kindJSON, kindRaw:
		return w.writeRaw(s, p, s.nilable)
	case kindPointer:
		if s.elem.kind == kindJSON {
			return w.writeRaw(s.elem, p.deref(), true)
		}
		return w.value(s.elem, p.deref(), inStruct)
	case kindAny:
		return w.any(p.any(), inStruct)
	case kindValue:
		return encodeError(s.typ, errNested)
	default:
		return w.writeContainer(s, p, inStruct)
	}
	return nil
}

// writeContainer writes a struct, map, array or slice.
func (w *jsonWriter) writeContainer(s *shape, p pointer, inStruct bool) (err error) {
	if w.depth++; w.depth > maxDepth {
		return encodeError(s.typ, errCycle)
	}
	switch s.kind {
	case kindStruct:
		err = w.writeStruct(s, p)
	case kindMap:
		err = w.writeMap(s, p, inStruct)
	case kindArray:
		err = w.writeElements(s, p, s.typ.Len(), inStruct)
	default:
		h := p.header()
		err = w.writeElements(s, pointer{h.data}, h.len, inStruct)
	}
	w.depth--
	return err
}

// writeElements writes n elements. p points to the first one.
func (w *jsonWriter) writeElements(s *shape, p pointer, n int, inStruct bool) error {
	w.buf = append(w.buf, '[')
	for i := range n {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if err := w.value(s.elem, p.element(s.elem, i), inStruct); err != nil {
			return within(err, indexStep(i))
		}
	}
	w.buf = append(w.buf, ']')
	return nil
}

func (w *jsonWriter) writeStruct(s *shape, p pointer) error {
	w.buf = append(w.buf, '{')
	comma := 1
	for i := range s.fields {
		m := &s.fields[i]
		field, ok := p.presentField(s, m)
		if !ok {
			continue
		}
		w.buf = append(w.buf, m.prefix[comma:]...)
		comma = 0
		if err := w.value(m.shape, field, true); err != nil {
			return within(err, m.Name)
		}
	}
	w.buf = append(w.buf, '}')
	return nil
}

// writeMap writes a map in the order of its keys, so that equal maps have equal
// encodings.
func (w *jsonWriter) writeMap(s *shape, p pointer, inStruct bool) error {
	if s.mapKind == mapOfString {
		return w.writeStringMap(s, *valueAt[map[string]string](p))
	}
	buffer := mapBuffers.Get().(*mapBuffer)
	defer buffer.release()
	key, elem := s.key.getZero(), s.elem.getZero()
	defer s.key.putZero(key)
	defer s.elem.putZero(elem)
	w.buf = append(w.buf, '{')
	start := len(w.buf)
	buffer.spans = buffer.spans[:0]
	for iter := p.value(s).MapRange(); iter.Next(); {
		key.SetIterKey(iter)
		elem.SetIterValue(iter)
		span := entrySpan{start: len(w.buf)}
		var err error
		if span.key, err = mapKeyText(s.key, *key, w.python); err != nil {
			return err
		}
		if err := w.writeEntry(s, span.key, pointerTo(*elem), inStruct); err != nil {
			return err
		}
		span.end = len(w.buf)
		buffer.spans = append(buffer.spans, span)
	}
	if !buffer.sort(w.buf, start) {
		return encodeError(s.typ, errKeys)
	}
	w.endObject(start)
	return nil
}

// writeEntry writes an entry of a map and a comma.
func (w *jsonWriter) writeEntry(s *shape, key string, elem pointer, inStruct bool) error {
	if err := w.string(s.key, key); err != nil {
		return err
	}
	w.buf = append(w.buf, ':')
	if err := w.value(s.elem, elem, inStruct); err != nil {
		return within(err, "*")
	}
	w.buf = append(w.buf, ',')
	return nil
}

// endObject replaces the last comma of the object whose entries begin at start
// with a closing brace.
func (w *jsonWriter) endObject(start int) {
	if len(w.buf) > start {
		w.buf = w.buf[:len(w.buf)-1]
	}
	w.buf = append(w.buf, '}')
}

func (w *jsonWriter) writeStringMap(s *shape, m map[string]string) error {
	buffer := mapBuffers.Get().(*mapBuffer)
	defer buffer.release()
	buffer.keys = slices.AppendSeq(buffer.keys[:0], maps.Keys(m))
	slices.Sort(buffer.keys)
	w.buf = append(w.buf, '{')
	start := len(w.buf)
	for _, key := range buffer.keys {
		if err := w.string(s.key, key); err != nil {
			return err
		}
		w.buf = append(w.buf, ':')
		if err := w.string(s.elem, m[key]); err != nil {
			return within(err, "*")
		}
		w.buf = append(w.buf, ',')
	}
	w.endObject(start)
	return nil
}

func (w *jsonWriter) any(x any, inStruct bool) error {
	v := reflect.ValueOf(x)
	s, err := dynamicShape(v.Type())
	if err != nil {
		return err
	}
	wasInAny := w.inAny
	w.inAny = true
	err = w.encode(s, v, inStruct)
	w.inAny = wasInAny
	return err
}

func (w *jsonWriter) bool(b, inStruct bool) {
	switch {
	case w.python && inStruct && b:
		w.buf = append(w.buf, `"1"`...)
	case w.python && inStruct:
		w.buf = append(w.buf, `"0"`...)
	default:
		w.buf = strconv.AppendBool(w.buf, b)
	}
}

func (w *jsonWriter) float(s *shape, f float64) error {
	if w.python {
		w.buf = appendFloat(w.buf, f, s.bits)
		return nil
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return encodeError(s.typ, errNonFinite)
	}
	start := len(w.buf)
	w.buf = appendJSONFloat(w.buf, f, s.bits)
	if w.inAny && !bytes.ContainsAny(w.buf[start:], ".e") {
		w.buf = append(w.buf, ".0"...)
	}
	return nil
}

func (w *jsonWriter) string(s *shape, text string) error {
	var ok bool
	if w.buf, ok = appendQuoted(w.buf, text); !ok {
		return encodeError(s.typ, errUTF8)
	}
	return nil
}

func (w *jsonWriter) number(s *shape, text string) error {
	switch {
	case text == "":
		w.buf = append(w.buf, `""`...)
	case isNumber(text):
		w.buf = append(w.buf, text...)
	default:
		return encodeError(s.typ, errFloat)
	}
	return nil
}

func (w *jsonWriter) time(s *shape, t time.Time) (err error) {
	w.buf = append(w.buf, '"')
	if w.buf, err = appendTime(w.buf, t); err != nil {
		return encodeError(s.typ, err)
	}
	w.buf = append(w.buf, '"')
	return nil
}

func (w *jsonWriter) duration(d time.Duration) {
	if !w.python {
		w.buf = strconv.AppendInt(w.buf, int64(d), 10)
		return
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, d.String()...)
	w.buf = append(w.buf, '"')
}

func (w *jsonWriter) writeRaw(s *shape, p pointer, rejectNull bool) error {
	text, err := callMarshalJSON(s, p.value(s), rejectNull, w.depth)
	if err != nil {
		return err
	}
	w.buf = append(w.buf, text...)
	return nil
}

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

// maxDepth is how deep lists, maps and structs may be nested, read and written alike.
const maxDepth = 10000

// jsonWriter writes values as JSON, in Python's dialect or as other programs do.
type jsonWriter struct {
	buf    []byte
	python bool
	loose  bool // inside an interface, where only a point or an exponent tells a float from an integer
	depth  int
}

// whole writes v, which need not have an address.
func (w *jsonWriter) whole(s *shape, v reflect.Value, modelled bool) error {
	if v.CanAddr() {
		return w.value(s, spotOf(v), modelled)
	}
	c := s.borrow()
	defer s.giveBack(c)
	c.Set(v)
	return w.value(s, spotOf(*c), modelled)
}

// value writes what is at x; modelled says that a struct encloses it, where Python's models write a bool as a string.
func (w *jsonWriter) value(s *shape, x spot, modelled bool) error {
	if s.nilable && x.isNil() {
		w.buf = append(w.buf, "null"...)
		return nil
	}
	switch s.kind {
	case kindBool:
		w.bool(x.bool(), modelled)
	case kindInt:
		w.buf = strconv.AppendInt(w.buf, x.int(s.bits), 10)
	case kindUint:
		w.buf = strconv.AppendUint(w.buf, x.uint(s.bits), 10)
	case kindFloat:
		return w.float(s, x.float(s.bits))
	case kindString:
		return w.string(s, x.string())
	case kindNumber:
		return w.number(s, x.string())
	case kindTime:
		return w.time(s, x.time())
	case kindDuration:
		w.duration(x.duration())
	case kindBytes:
		w.buf = append(w.buf, '"')
		w.buf = base64.StdEncoding.AppendEncode(w.buf, x.bytes())
		w.buf = append(w.buf, '"')
	case kindText:
		text, err := textOf(s, x.value(s))
		if err != nil {
			return err
		}
		if s.typ == bigIntType {
			w.buf = append(w.buf, text...)
			return nil
		}
		return w.string(s, string(text))
	case kindJSON, kindRaw:
		return w.raw(s, x, s.nilable)
	case kindPointer:
		if s.elem.kind == kindJSON {
			return w.raw(s.elem, x.target(), true)
		}
		return w.value(s.elem, x.target(), modelled)
	case kindAny:
		return w.any(x.any(), modelled)
	case kindValue:
		return unwritable(s.typ, errNested)
	default:
		return w.container(s, x, modelled)
	}
	return nil
}

// container writes what has parts.
func (w *jsonWriter) container(s *shape, x spot, modelled bool) (err error) {
	if w.depth++; w.depth > maxDepth {
		return unwritable(s.typ, errCycle)
	}
	switch s.kind {
	case kindStruct:
		err = w.object(s, x)
	case kindMap:
		err = w.table(s, x, modelled)
	case kindArray:
		err = w.list(s, x, s.typ.Len(), modelled)
	default:
		h := x.slice()
		err = w.list(s, spot{h.data}, h.len, modelled)
	}
	w.depth--
	return err
}

// list writes n elements, the first of which is at x.
func (w *jsonWriter) list(s *shape, x spot, n int, modelled bool) error {
	w.buf = append(w.buf, '[')
	for i := range n {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if err := w.value(s.elem, x.element(s.elem, i), modelled); err != nil {
			return within(err, index(i))
		}
	}
	w.buf = append(w.buf, ']')
	return nil
}

func (w *jsonWriter) object(s *shape, x spot) error {
	w.buf = append(w.buf, '{')
	comma := 1
	for i := range s.fields {
		m := &s.fields[i]
		field, ok := x.present(s, m)
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

// table writes a map, its keys in order, so that equal maps give equal bytes.
func (w *jsonWriter) table(s *shape, x spot, modelled bool) error {
	if s.common == mapOfString {
		return w.strings(s, *at[map[string]string](x))
	}
	t := tables.Get().(*table)
	defer t.release()
	key, elem := s.key.borrow(), s.elem.borrow()
	defer s.key.giveBack(key)
	defer s.elem.giveBack(elem)
	w.buf = append(w.buf, '{')
	start := len(w.buf)
	t.parts = t.parts[:0]
	for iter := x.value(s).MapRange(); iter.Next(); {
		key.SetIterKey(iter)
		elem.SetIterValue(iter)
		p := part{start: len(w.buf)}
		var err error
		if p.key, err = keyText(s.key, *key, w.python); err != nil {
			return err
		}
		if err := w.entry(s, p.key, spotOf(*elem), modelled); err != nil {
			return err
		}
		p.end = len(w.buf)
		t.parts = append(t.parts, p)
	}
	if !t.sort(w.buf, start) {
		return unwritable(s.typ, errKeys)
	}
	w.endTable(start)
	return nil
}

// entry writes one entry of a map, with a comma behind it.
func (w *jsonWriter) entry(s *shape, key string, elem spot, modelled bool) error {
	if err := w.string(s.key, key); err != nil {
		return err
	}
	w.buf = append(w.buf, ':')
	if err := w.value(s.elem, elem, modelled); err != nil {
		return within(err, "*")
	}
	w.buf = append(w.buf, ',')
	return nil
}

// endTable ends the object whose entries begin at start, in the place of the last comma.
func (w *jsonWriter) endTable(start int) {
	if len(w.buf) > start {
		w.buf = w.buf[:len(w.buf)-1]
	}
	w.buf = append(w.buf, '}')
}

func (w *jsonWriter) strings(s *shape, m map[string]string) error {
	t := tables.Get().(*table)
	defer t.release()
	t.keys = slices.AppendSeq(t.keys[:0], maps.Keys(m))
	slices.Sort(t.keys)
	w.buf = append(w.buf, '{')
	start := len(w.buf)
	for _, key := range t.keys {
		if err := w.string(s.key, key); err != nil {
			return err
		}
		w.buf = append(w.buf, ':')
		if err := w.string(s.elem, m[key]); err != nil {
			return within(err, "*")
		}
		w.buf = append(w.buf, ',')
	}
	w.endTable(start)
	return nil
}

func (w *jsonWriter) any(x any, modelled bool) error {
	v := reflect.ValueOf(x)
	s, err := dynamicShape(v.Type())
	if err != nil {
		return err
	}
	loose := w.loose
	w.loose = true
	err = w.whole(s, v, modelled)
	w.loose = loose
	return err
}

func (w *jsonWriter) bool(b, modelled bool) {
	switch {
	case w.python && modelled && b:
		w.buf = append(w.buf, `"1"`...)
	case w.python && modelled:
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
		return unwritable(s.typ, errNonFinite)
	}
	start := len(w.buf)
	w.buf = appendJSONFloat(w.buf, f, s.bits)
	if w.loose && !bytes.ContainsAny(w.buf[start:], ".e") {
		w.buf = append(w.buf, ".0"...)
	}
	return nil
}

func (w *jsonWriter) string(s *shape, text string) error {
	var ok bool
	if w.buf, ok = appendQuoted(w.buf, text); !ok {
		return unwritable(s.typ, errUTF8)
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
		return unwritable(s.typ, errFloat)
	}
	return nil
}

func (w *jsonWriter) time(s *shape, t time.Time) (err error) {
	w.buf = append(w.buf, '"')
	if w.buf, err = appendTime(w.buf, t); err != nil {
		return unwritable(s.typ, err)
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

func (w *jsonWriter) raw(s *shape, x spot, strict bool) error {
	text, err := rawJSON(s, x.value(s), strict, w.depth)
	if err != nil {
		return err
	}
	w.buf = append(w.buf, text...)
	return nil
}

package codec

import (
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
	depth  int
}

// value writes v; modelled says that a struct encloses it, where Python's models write a bool as a string.
func (w *jsonWriter) value(s *shape, v reflect.Value, modelled bool) error {
	if s.nilable && v.IsNil() {
		w.buf = append(w.buf, "null"...)
		return nil
	}
	switch s.kind {
	case kindBool:
		w.bool(v.Bool(), modelled)
	case kindInt:
		w.buf = strconv.AppendInt(w.buf, v.Int(), 10)
	case kindUint:
		w.buf = strconv.AppendUint(w.buf, v.Uint(), 10)
	case kindFloat:
		return w.float(s, v.Float())
	case kindString:
		return w.string(s, v.String())
	case kindNumber:
		return w.number(s, v.String())
	case kindTime:
		return w.time(s, timeOf(v))
	case kindDuration:
		w.duration(time.Duration(v.Int()))
	case kindBytes:
		w.buf = append(w.buf, '"')
		w.buf = base64.StdEncoding.AppendEncode(w.buf, v.Bytes())
		w.buf = append(w.buf, '"')
	case kindText:
		text, err := textOf(s, v)
		if err != nil {
			return err
		}
		return w.string(s, string(text))
	case kindJSON, kindRaw:
		return w.raw(s, v, s.nilable)
	case kindPointer:
		if s.elem.kind == kindJSON {
			return w.raw(s.elem, v.Elem(), true)
		}
		return w.value(s.elem, v.Elem(), modelled)
	case kindAny:
		return w.any(v.Elem(), modelled)
	case kindValue:
		return unwritable(s.typ, errNested)
	default:
		return w.container(s, v, modelled)
	}
	return nil
}

// container writes what has parts.
func (w *jsonWriter) container(s *shape, v reflect.Value, modelled bool) (err error) {
	if w.depth++; w.depth > maxDepth {
		return unwritable(s.typ, errCycle)
	}
	switch s.kind {
	case kindStruct:
		err = w.object(s, v)
	case kindMap:
		err = w.table(s, v, modelled)
	default:
		err = w.list(s, v, modelled)
	}
	w.depth--
	return err
}

func (w *jsonWriter) list(s *shape, v reflect.Value, modelled bool) error {
	w.buf = append(w.buf, '[')
	for i := range v.Len() {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		if err := w.value(s.elem, v.Index(i), modelled); err != nil {
			return within(err, index(i))
		}
	}
	w.buf = append(w.buf, ']')
	return nil
}

func (w *jsonWriter) object(s *shape, v reflect.Value) error {
	w.buf = append(w.buf, '{')
	more := false
	for i := range s.fields {
		m := &s.fields[i]
		field, ok := m.Value(v)
		if !ok || m.omitted(field) {
			continue
		}
		if more {
			w.buf = append(w.buf, ',')
		}
		more = true
		w.buf = append(w.buf, m.prefix...)
		if err := w.value(m.shape, field, true); err != nil {
			return within(err, m.Name)
		}
	}
	w.buf = append(w.buf, '}')
	return nil
}

// table writes a map, its keys in order, so that equal maps give equal bytes.
func (w *jsonWriter) table(s *shape, v reflect.Value, modelled bool) error {
	if s.typ == stringMapType {
		return w.strings(s, v.Interface().(map[string]string))
	}
	t := tables.Get().(*table)
	defer t.release()
	e := s.takeEntry()
	defer s.giveEntry(e)
	w.buf = append(w.buf, '{')
	start := len(w.buf)
	t.parts = t.parts[:0]
	for iter := v.MapRange(); iter.Next(); {
		e.key.SetIterKey(iter)
		e.elem.SetIterValue(iter)
		p := part{start: len(w.buf)}
		if err := w.entry(s, e, &p, modelled); err != nil {
			return err
		}
		t.parts = append(t.parts, p)
	}
	if !t.sort(w.buf, start) {
		return unwritable(s.typ, errKeys)
	}
	w.endTable(start)
	return nil
}

// entry writes one entry of a map, with a comma behind it.
func (w *jsonWriter) entry(s *shape, e *mapEntry, p *part, modelled bool) (err error) {
	if p.key, err = keyText(s.key, e.key, w.python); err != nil {
		return err
	}
	if err := w.string(s.key, p.key); err != nil {
		return err
	}
	w.buf = append(w.buf, ':')
	if err := w.value(s.elem, e.elem, modelled); err != nil {
		return within(err, "*")
	}
	w.buf = append(w.buf, ',')
	p.end = len(w.buf)
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

func (w *jsonWriter) any(v reflect.Value, modelled bool) error {
	s, err := dynamicShape(v.Type())
	if err != nil {
		return err
	}
	return w.value(s, v, modelled)
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
	w.buf = appendJSONFloat(w.buf, f, s.bits)
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

func (w *jsonWriter) raw(s *shape, v reflect.Value, strict bool) error {
	text, err := rawJSON(s, v, strict, w.depth)
	if err != nil {
		return err
	}
	w.buf = append(w.buf, text...)
	return nil
}

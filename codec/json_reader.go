package codec

import (
	"encoding/base64"
	"reflect"
	"strings"
)

// readJSON reads data, which is one JSON value, into v.
func readJSON(data string, s *shape, v reflect.Value, bare bool, most room) error {
	r := jsonReader{s: data, bare: bare, room: most}
	return r.whole(s, v)
}

// readJSONBytes is readJSON for bytes that are the caller's: nothing in v is a part of them.
func readJSONBytes(data []byte, s *shape, v reflect.Value, bare bool, most room) error {
	if len(data) > int(most) {
		return misfit(s.typ, errRoom)
	}
	r := jsonReader{s: view(data), bare: bare, room: most, texts: texts{lent: true}}
	return r.whole(s, v)
}

func (r *jsonReader) whole(s *shape, v reflect.Value) error {
	if r.s == "" {
		return misfit(s.typ, errEmpty)
	}
	v.SetZero()
	if err := r.value(s, spotOf(v)); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return misfit(s.typ, err)
	}
	return nil
}

// value reads the next value to x, where the zero value is.
func (r *jsonReader) value(s *shape, x spot) error {
	if err := r.into(s, x); err != nil {
		return misfit(s.typ, err)
	}
	return nil
}

// into returns DecodeErrors of parts, and reasons of its own.
func (r *jsonReader) into(s *shape, x spot) error {
	c := r.peek()
	if c == 'n' && s.kind != kindJSON {
		return r.null(s)
	}
	switch s.kind {
	case kindBool:
		b, err := r.bool(c)
		x.setBool(b)
		return err
	case kindInt:
		n, err := r.int(s.bits)
		x.setUint(uint64(n), s.bits)
		return err
	case kindUint:
		n, err := r.uint(s.bits)
		x.setUint(n, s.bits)
		return err
	case kindFloat:
		f, err := r.float(s.bits)
		x.setFloat(f, s.bits)
		return err
	case kindString:
		text, err := r.string()
		x.setString(r.keep(text))
		return err
	case kindNumber:
		text, err := r.jsonNumber(c)
		x.setString(r.keep(text))
		return err
	case kindTime, kindDuration, kindBytes, kindText:
		return r.quoted(s, x, c)
	case kindJSON, kindRaw:
		text, err := r.raw()
		if err != nil {
			return err
		}
		return setJSON(s, x.value(s), text)
	case kindPointer:
		if err := r.take(int(s.elem.size)); err != nil {
			return err
		}
		return r.value(s.elem, x.point(s.elem))
	case kindAny:
		v, err := r.any()
		x.setAny(v)
		return err
	case kindSlice:
		return r.slice(s, x)
	case kindArray:
		return r.array(s, x)
	case kindMap:
		return r.table(s, x)
	default:
		return r.object(s, x)
	}
}

// null reads null, which is the zero value of what can be nil.
func (r *jsonReader) null(s *shape) error {
	if err := r.word("null"); err != nil {
		return err
	}
	if !s.nilable {
		return errNull
	}
	return nil
}

func (r *jsonReader) bool(c byte) (bool, error) {
	switch c {
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case '"':
		text, err := r.string()
		if err != nil {
			return false, err
		}
		return parseBool(text)
	default:
		token, _, err := r.number()
		if err != nil {
			return false, err
		}
		return parseBool(token)
	}
}

func (r *jsonReader) jsonNumber(c byte) (string, error) {
	if c != '"' {
		token, _, err := r.number()
		return token, err
	}
	text, err := r.string()
	if err == nil && text != "" && !isNumber(text) {
		err = errFloat
	}
	return text, err
}

// quoted reads the types whose text stands between quotes; durations and texts also read a bare number.
func (r *jsonReader) quoted(s *shape, x spot, c byte) error {
	var text string
	var err error
	if c != '"' && (s.kind == kindDuration || s.kind == kindText) {
		text, _, err = r.number()
	} else {
		text, err = r.string()
	}
	if err != nil {
		return err
	}
	switch s.kind {
	case kindTime:
		t, err := parseTime(text)
		x.setTime(t)
		return err
	case kindDuration:
		d, err := parseDuration(text)
		x.setDuration(d)
		return err
	case kindBytes:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errBase64
		}
		x.setBytes(data)
		return nil
	default:
		return setText(s, x.value(s), text, &r.room)
	}
}

func (r *jsonReader) slice(s *shape, x spot) error {
	if err := r.open('['); err != nil {
		return err
	}
	n := 0
	for more := r.first(']'); more; n++ {
		if n == 0 {
			guess := r.elements(s.elem)
			if err := r.take(guess * int(s.elem.size)); err != nil {
				return err
			}
			x.reserve(s, guess)
		}
		if h := x.slice(); h.len == h.cap {
			if err := r.take(max(h.len, 4) * int(s.elem.size)); err != nil {
				return err
			}
		}
		if err := r.into(s.elem, x.extend(s)); err != nil {
			return within(misfit(s.elem.typ, err), index(n))
		}
		var err error
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	if n == 0 {
		x.value(s).Set(reflect.MakeSlice(s.typ, 0, 0))
	}
	return r.close(']')
}

func (r *jsonReader) array(s *shape, x spot) error {
	if err := r.open('['); err != nil {
		return err
	}
	n, length := 0, s.typ.Len()
	for more := r.first(']'); more; n++ {
		if n == length {
			return errLength
		}
		if err := r.value(s.elem, x.element(s.elem, n)); err != nil {
			return within(err, index(n))
		}
		var err error
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	if n != length {
		return errLength
	}
	return r.close(']')
}

func (r *jsonReader) object(s *shape, x spot) error {
	if err := r.open('{'); err != nil {
		return err
	}
	if !r.first('}') {
		return r.close('}')
	}
	next := 0 // of the fields, none from here on has been there
	i, err := r.member(s, next)
	for err == nil {
		if err = r.field(s, x, i, i < next); err != nil {
			return err
		}
		next = max(next, i+1)
		if next < len(s.fields) && strings.HasPrefix(r.s[r.i:], s.fields[next].prefix) {
			i = next
			r.i += len(s.fields[i].prefix)
			continue
		}
		var more bool
		if more, err = r.next('}'); !more {
			break
		}
		i, err = r.member(s, next)
	}
	if err != nil {
		return err
	}
	return r.close('}')
}

// field reads the value of a field, or passes over that of an unknown one. A repeated one may have left something.
func (r *jsonReader) field(s *shape, x spot, i int, repeated bool) error {
	if i < 0 {
		return r.skip()
	}
	m := &s.fields[i]
	if !m.direct {
		if err := r.take(m.missing(x.value(s))); err != nil {
			return err
		}
	}
	to := x.field(s, m)
	if repeated {
		to.value(m.shape).SetZero()
	}
	if err := r.into(m.shape, to); err != nil {
		return within(misfit(m.shape.typ, err), m.Name)
	}
	return nil
}

// member reads a name and tells which field has it, -1 for none. Most often it is the next one, which stands there as
// it is always written.
func (r *jsonReader) member(s *shape, next int) (int, error) {
	r.peek()
	if next < len(s.fields) && strings.HasPrefix(r.s[r.i:], s.fields[next].prefix[1:]) {
		r.i += len(s.fields[next].prefix) - 1
		return next, nil
	}
	name, err := r.name()
	if err != nil {
		return -1, err
	}
	if i, ok := s.index[name]; ok {
		return i, nil
	}
	return -1, nil
}

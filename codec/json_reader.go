package codec

import (
	"encoding/base64"
	"reflect"
	"strings"
)

// readJSON decodes data, which is a single JSON value, into v.
func readJSON(data string, s *shape, v reflect.Value, allowNaN bool, limit budget) error {
	r := jsonReader{data: data, allowNaN: allowNaN, budget: limit}
	return r.decode(s, v)
}

// readJSONBytes is readJSON for bytes that belong to the caller. The value
// shares no memory with data.
func readJSONBytes(data []byte, s *shape, v reflect.Value, allowNaN bool, limit budget) error {
	if len(data) > int(limit) {
		return decodeError(s.typ, errBudget)
	}
	r := jsonReader{data: stringView(data), allowNaN: allowNaN, budget: limit, arena: arena{copies: true}}
	return r.decode(s, v)
}

func (r *jsonReader) decode(s *shape, v reflect.Value) error {
	if r.data == "" {
		return decodeError(s.typ, errEmpty)
	}
	v.SetZero()
	if err := r.value(s, pointerTo(v)); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return decodeError(s.typ, err)
	}
	return nil
}

// value reads the next value into p, which points to a zero value.
func (r *jsonReader) value(s *shape, p pointer) error {
	if err := r.read(s, p); err != nil {
		return decodeError(s.typ, err)
	}
	return nil
}

// read is value without wrapping of its error.
func (r *jsonReader) read(s *shape, p pointer) error {
	c := r.peek()
	start := r.pos
	if c == 'n' && s.kind != kindJSON {
		return r.null(s)
	}
	switch s.kind {
	case kindBool:
		b, err := r.bool(c)
		p.setBool(b)
		return r.offending(s, start, err)
	case kindInt:
		n, err := r.int(s.bits)
		p.setUint(uint64(n), s.bits)
		return r.offending(s, start, err)
	case kindUint:
		n, err := r.uint(s.bits)
		p.setUint(n, s.bits)
		return r.offending(s, start, err)
	case kindFloat:
		f, err := r.float(s.bits)
		p.setFloat(f, s.bits)
		return r.offending(s, start, err)
	case kindString:
		text, err := r.string()
		p.setString(r.retain(text))
		return err
	case kindNumber:
		text, err := r.jsonNumber(c)
		p.setString(r.retain(text))
		return r.offending(s, start, err)
	case kindTime, kindDuration, kindBytes, kindText:
		return r.offending(s, start, r.readQuoted(s, p, c))
	case kindJSON, kindRaw:
		text, err := r.raw()
		if err != nil {
			return err
		}
		return callUnmarshalJSON(s, p.value(s), text)
	case kindPointer:
		if err := r.spend(int(s.elem.size)); err != nil {
			return err
		}
		return r.value(s.elem, p.allocate(s.elem))
	case kindAny:
		v, err := r.any()
		p.setAny(v)
		return err
	case kindSlice:
		return r.readSlice(s, p)
	case kindArray:
		return r.readArray(s, p)
	case kindMap:
		return r.readMap(s, p)
	default:
		return r.readStruct(s, p)
	}
}

// offending adds the start of the value that begins at start to an error, if
// the value is no secret.
func (r *jsonReader) offending(s *shape, start int, err error) error {
	if err == nil {
		return nil
	}
	return withValue(s.typ, err, strings.Trim(r.data[start:r.pos], `"`))
}

// null reads null. If the type can be nil, null is its zero value.
func (r *jsonReader) null(s *shape) error {
	if err := r.literal("null"); err != nil {
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
		return true, r.literal("true")
	case 'f':
		return false, r.literal("false")
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

// readQuoted reads the types that are written as JSON strings. Durations and
// text marshalers may also be numbers.
func (r *jsonReader) readQuoted(s *shape, p pointer, c byte) error {
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
		p.setTime(t)
		return err
	case kindDuration:
		d, err := parseDuration(text)
		p.setDuration(d)
		return err
	case kindBytes:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errBase64
		}
		p.setBytes(data)
		return nil
	default:
		return callUnmarshalText(s, p.value(s), text, &r.budget)
	}
}

func (r *jsonReader) readSlice(s *shape, p pointer) error {
	if err := r.open('['); err != nil {
		return err
	}
	n := 0
	for more := r.first(']'); more; n++ {
		if n == 0 {
			guess := r.guessLen(s.elem)
			if err := r.spend(guess * int(s.elem.size)); err != nil {
				return err
			}
			p.allocateSlice(s, guess)
		}
		if h := p.header(); h.len == h.cap {
			if err := r.spend(max(h.len, 4) * int(s.elem.size)); err != nil {
				return err
			}
		}
		if err := r.read(s.elem, p.appendZero(s)); err != nil {
			return within(decodeError(s.elem.typ, err), indexStep(n))
		}
		var err error
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	if n == 0 {
		p.value(s).Set(reflect.MakeSlice(s.typ, 0, 0))
	}
	return r.close(']')
}

func (r *jsonReader) readArray(s *shape, p pointer) error {
	if err := r.open('['); err != nil {
		return err
	}
	n, length := 0, s.typ.Len()
	for more := r.first(']'); more; n++ {
		if n == length {
			return errLength
		}
		if err := r.value(s.elem, p.element(s.elem, n)); err != nil {
			return within(err, indexStep(n))
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

func (r *jsonReader) readStruct(s *shape, p pointer) error {
	if err := r.open('{'); err != nil {
		return err
	}
	if !r.first('}') {
		return r.close('}')
	}
	next := 0 // fields from here on were not read yet
	i, err := r.fieldIndex(s, next)
	for err == nil {
		if err = r.readField(s, p, i, i < next); err != nil {
			return err
		}
		next = max(next, i+1)
		if next < len(s.fields) && strings.HasPrefix(r.data[r.pos:], s.fields[next].prefix) {
			i = next
			r.pos += len(s.fields[i].prefix)
			continue
		}
		var more bool
		if more, err = r.next('}'); !more {
			break
		}
		i, err = r.fieldIndex(s, next)
	}
	if err != nil {
		return err
	}
	return r.close('}')
}

// readField reads the value of field i, or skips the value of an unknown field.
// If the field was read before, it is cleared first.
func (r *jsonReader) readField(s *shape, p pointer, i int, repeated bool) error {
	if i < 0 {
		return r.skip()
	}
	m := &s.fields[i]
	if !m.direct {
		if err := r.spend(m.unallocated(p.value(s))); err != nil {
			return err
		}
	}
	to := p.field(s, m)
	if repeated {
		to.value(m.shape).SetZero()
	}
	if err := r.read(m.shape, to); err != nil {
		return within(decodeError(m.shape.typ, err), m.Name)
	}
	return nil
}

// fieldIndex reads the name of a member and returns the index of its field, or
// -1 if there is none. It first tries the field at next, because fields are
// usually in order.
func (r *jsonReader) fieldIndex(s *shape, next int) (int, error) {
	r.peek()
	if next < len(s.fields) && strings.HasPrefix(r.data[r.pos:], s.fields[next].prefix[1:]) {
		r.pos += len(s.fields[next].prefix) - 1
		return next, nil
	}
	name, err := r.memberName()
	if err != nil {
		return -1, err
	}
	if i, ok := s.index[name]; ok {
		return i, nil
	}
	return -1, nil
}

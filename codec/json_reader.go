package codec

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// readJSON reads data, which is one JSON value, into v.
func readJSON(data string, s *shape, v reflect.Value, bare bool) error {
	r := jsonReader{s: data, bare: bare}
	if data == "" {
		return misfit(s.typ, errEmpty)
	}
	if err := r.value(s, v); err != nil {
		return err
	}
	if err := r.end(); err != nil {
		return misfit(s.typ, err)
	}
	return nil
}

// value reads the next value into v and leaves nothing of what v held before.
func (r *jsonReader) value(s *shape, v reflect.Value) error {
	err := r.into(s, v)
	if err != nil {
		return misfit(s.typ, err)
	}
	return nil
}

// into returns DecodeErrors of parts, and reasons of its own.
func (r *jsonReader) into(s *shape, v reflect.Value) error {
	c := r.peek()
	if c == 'n' && s.kind != kindJSON {
		if err := r.word("null"); err != nil {
			return err
		}
		if !s.nilable {
			return errNull
		}
		v.SetZero()
		return nil
	}
	switch s.kind {
	case kindBool:
		b, err := r.bool(c)
		v.SetBool(b)
		return err
	case kindInt:
		n, err := r.int(s.bits)
		v.SetInt(n)
		return err
	case kindUint:
		n, err := r.uint(s.bits)
		v.SetUint(n)
		return err
	case kindFloat:
		f, err := r.float(s.bits)
		v.SetFloat(f)
		return err
	case kindString:
		text, err := r.string()
		v.SetString(text)
		return err
	case kindNumber:
		return r.jsonNumber(v, c)
	case kindTime, kindDuration, kindBytes, kindText:
		return r.quoted(s, v, c)
	case kindJSON, kindRaw:
		text, err := r.raw()
		if err != nil {
			return err
		}
		return setJSON(s, v, text)
	case kindPointer:
		p := reflect.New(s.elem.typ)
		if err := r.value(s.elem, p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case kindAny:
		x, err := r.any()
		setAny(v, x)
		return err
	case kindSlice:
		return r.slice(s, v)
	case kindArray:
		return r.array(s, v)
	case kindMap:
		return r.table(s, v)
	default:
		return r.object(s, v)
	}
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

func (r *jsonReader) jsonNumber(v reflect.Value, c byte) error {
	if c == '"' {
		text, err := r.string()
		if err == nil && text != "" && !isNumber(text) {
			err = errFloat
		}
		v.SetString(text)
		return err
	}
	token, _, err := r.number()
	v.SetString(token)
	return err
}

// quoted reads the types whose text stands between quotes; durations and texts also read a bare number.
func (r *jsonReader) quoted(s *shape, v reflect.Value, c byte) error {
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
		*v.Addr().Interface().(*time.Time) = t
		return err
	case kindDuration:
		d, err := parseDuration(text)
		v.SetInt(int64(d))
		return err
	case kindBytes:
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return errBase64
		}
		v.SetBytes(data)
		return nil
	default:
		return setText(s, v, text)
	}
}

// text reads a string where there is nothing else to expect but null, which does not fit.
func (r *jsonReader) text() (string, error) {
	if r.peek() != 'n' {
		return r.string()
	}
	if err := r.word("null"); err != nil {
		return "", err
	}
	return "", errNull
}

var stringsType = reflect.TypeFor[[]string]()

func (r *jsonReader) slice(s *shape, v reflect.Value) error {
	if err := r.open('['); err != nil {
		return err
	}
	if s.typ == stringsType {
		return r.strings(v.Addr().Interface().(*[]string))
	}
	v.SetZero()
	n := 0
	for more := r.first(']'); more; n++ {
		if n == v.Cap() {
			v.Grow(max(4, n))
		}
		v.SetLen(n + 1)
		if err := r.value(s.elem, v.Index(n)); err != nil {
			return within(err, index(n))
		}
		var err error
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	if n == 0 {
		v.Set(reflect.MakeSlice(s.typ, 0, 0))
	}
	return r.close(']')
}

func (r *jsonReader) strings(dst *[]string) error {
	list := make([]string, 0, r.commas())
	for more := r.first(']'); more; {
		text, err := r.text()
		if err != nil {
			return within(misfit(stringsType.Elem(), err), index(len(list)))
		}
		list = append(list, text)
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	*dst = list
	return r.close(']')
}

func (r *jsonReader) array(s *shape, v reflect.Value) error {
	if err := r.open('['); err != nil {
		return err
	}
	n := 0
	for more := r.first(']'); more; n++ {
		if n == v.Len() {
			return errLength
		}
		if err := r.value(s.elem, v.Index(n)); err != nil {
			return within(err, index(n))
		}
		var err error
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	if n != v.Len() {
		return errLength
	}
	return r.close(']')
}

func (r *jsonReader) table(s *shape, v reflect.Value) error {
	if err := r.open('{'); err != nil {
		return err
	}
	if s.typ == stringMapType {
		return r.stringMap(v.Addr().Interface().(*map[string]string))
	}
	m := reflect.MakeMap(s.typ)
	key, elem := reflect.New(s.key.typ).Elem(), reflect.New(s.elem.typ).Elem()
	for more := r.first('}'); more; {
		text, err := r.name()
		if err != nil {
			return err
		}
		if err := setKey(s.key, key, text); err != nil {
			return within(err, "[key]")
		}
		if err := r.value(s.elem, elem); err != nil {
			return within(err, "*")
		}
		m.SetMapIndex(key, elem)
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	v.Set(m)
	return r.close('}')
}

func (r *jsonReader) stringMap(dst *map[string]string) error {
	m := map[string]string{}
	for more := r.first('}'); more; {
		name, err := r.name()
		if err != nil {
			return err
		}
		text, err := r.text()
		if err != nil {
			return within(misfit(stringMapType.Elem(), err), "*")
		}
		m[name] = text
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	*dst = m
	return r.close('}')
}

func (r *jsonReader) object(s *shape, v reflect.Value) error {
	if err := r.open('{'); err != nil {
		return err
	}
	v.SetZero()
	expected := 0
	for more := r.first('}'); more; {
		i, err := r.member(s, expected)
		if err != nil {
			return err
		}
		if i < 0 {
			err = r.skip()
		} else {
			m := &s.fields[i]
			if err = r.value(m.shape, m.Settable(v)); err != nil {
				return within(err, m.Name)
			}
			expected = i + 1
		}
		if err != nil {
			return err
		}
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	return r.close('}')
}

// member reads a name and tells which field has it, -1 for none. Most often it is the expected one, which stands there
// as it is always written.
func (r *jsonReader) member(s *shape, expected int) (int, error) {
	r.peek()
	if expected < len(s.fields) && strings.HasPrefix(r.s[r.i:], s.fields[expected].prefix) {
		r.i += len(s.fields[expected].prefix)
		return expected, nil
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

// any reads the next value as the type that its text suggests.
func (r *jsonReader) any() (any, error) {
	switch r.peek() {
	case 'n':
		return nil, r.word("null")
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	case '"':
		return r.string()
	case '[':
		return r.anyList()
	case '{':
		return r.anyTable()
	default:
		token, err := r.floatToken()
		if err != nil {
			return nil, err
		}
		return anyNumber(token), nil
	}
}

// anyNumber is an int64 or a float64, and a json.Number where neither can hold it.
func anyNumber(token string) any {
	if n, err := parseInt(token, 64); err == nil {
		return n
	} else if err == errRange {
		return json.Number(token)
	}
	f, err := parseFloat(token, 64)
	if err != nil {
		return json.Number(token)
	}
	return f
}

func (r *jsonReader) anyList() (any, error) {
	if err := r.open('['); err != nil {
		return nil, err
	}
	list := []any{}
	for more := r.first(']'); more; {
		x, err := r.any()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
		if more, err = r.next(']'); err != nil {
			return nil, err
		}
	}
	return list, r.close(']')
}

func (r *jsonReader) anyTable() (any, error) {
	if err := r.open('{'); err != nil {
		return nil, err
	}
	table := map[string]any{}
	for more := r.first('}'); more; {
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		x, err := r.any()
		if err != nil {
			return nil, err
		}
		table[name] = x
		if more, err = r.next('}'); err != nil {
			return nil, err
		}
	}
	return table, r.close('}')
}

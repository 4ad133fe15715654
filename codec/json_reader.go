package codec

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
)

// readJSON reads data, which is one JSON value, into v.
func readJSON(data string, s *shape, v reflect.Value, bare bool) error {
	r := jsonReader{s: data, bare: bare}
	return r.whole(s, v)
}

// readJSONBytes is readJSON for bytes that are the caller's: nothing in v is a part of them.
func readJSONBytes(data []byte, s *shape, v reflect.Value, bare bool) error {
	r := jsonReader{s: view(data), bare: bare, texts: texts{lent: true}}
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
		return setText(s, x.value(s), text)
	}
}

func (r *jsonReader) slice(s *shape, x spot) error {
	if err := r.open('['); err != nil {
		return err
	}
	n := 0
	for more := r.first(']'); more; n++ {
		if n == 0 {
			x.reserve(s, r.elements(s.elem))
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

func (r *jsonReader) table(s *shape, x spot) error {
	if err := r.open('{'); err != nil {
		return err
	}
	switch s.common {
	case mapOfString:
		return r.textMap(s.elem, at[map[string]string](x))
	case mapOfBool:
		return entries(r, s.elem, at[map[string]bool](x))
	case mapOfInt:
		return entries(r, s.elem, at[map[string]int](x))
	case mapOfInt64:
		return entries(r, s.elem, at[map[string]int64](x))
	case mapOfFloat64:
		return entries(r, s.elem, at[map[string]float64](x))
	case mapOfAny:
		return entries(r, s.elem, at[map[string]any](x))
	}
	m := reflect.MakeMap(s.typ)
	key, elem := s.key.borrow(), s.elem.borrow()
	defer s.key.giveBack(key)
	defer s.elem.giveBack(elem)
	for more := r.first('}'); more; {
		text, err := r.name()
		if err != nil {
			return err
		}
		if s.key.kind == kindString {
			text = r.keep(text)
		}
		if err := setKey(s.key, *key, text); err != nil {
			return within(err, "[key]")
		}
		elem.SetZero()
		if err := r.value(s.elem, spotOf(*elem)); err != nil {
			return within(err, "*")
		}
		m.SetMapIndex(*key, *elem)
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	x.value(s).Set(m)
	return r.close('}')
}

// textMap is table, from behind the brace, for the most common of maps.
func (r *jsonReader) textMap(s *shape, dst *map[string]string) error {
	m := map[string]string{}
	for more := r.first('}'); more; {
		name, err := r.name()
		if err != nil {
			return err
		}
		name = r.keep(name)
		text, err := r.text()
		if err != nil {
			return within(misfit(s.typ, err), "*")
		}
		m[name] = r.keep(text)
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	*dst = m
	return r.close('}')
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

// entries is textMap for the other maps that need no reflection.
func entries[V any](r *jsonReader, s *shape, dst *map[string]V) error {
	m := map[string]V{}
	v := s.borrow()
	defer s.giveBack(v)
	there := spotOf(*v)
	elem := at[V](there)
	for more := r.first('}'); more; {
		name, err := r.name()
		if err != nil {
			return err
		}
		name = r.keep(name)
		var zero V
		*elem = zero
		if err := r.value(s, there); err != nil {
			return within(err, "*")
		}
		m[name] = *elem
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	*dst = m
	return r.close('}')
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
		text, err := r.string()
		return r.keep(text), err
	case '[':
		return r.anyList()
	case '{':
		return r.anyTable()
	default:
		token, err := r.floatToken()
		if err != nil {
			return nil, err
		}
		x := anyNumber(token)
		if n, ok := x.(json.Number); ok {
			return json.Number(r.keep(string(n))), nil
		}
		return x, nil
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
		name = r.keep(name)
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

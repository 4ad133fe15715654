package codec

import (
	"errors"
	"reflect"
	"strconv"
	"time"
)

// append encodes a whole value: verbatim if it is a single text, else as JSON.
func (c compactCodec) append(dst []byte, s *shape, v reflect.Value) ([]byte, error) {
	if s.nilable && v.IsNil() {
		return append(dst, "null"...), nil
	}
	switch s.kind {
	case kindBool:
		if v.Bool() {
			return append(dst, '1'), nil
		}
		return append(dst, '0'), nil
	case kindInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case kindUint:
		return strconv.AppendUint(dst, v.Uint(), 10), nil
	case kindFloat:
		return appendFloat(dst, v.Float(), s.bits), nil
	case kindString:
		return append(dst, v.String()...), nil
	case kindNumber:
		if text := v.String(); text == "" || isNumber(text) {
			return append(dst, text...), nil
		}
		return dst, encodeError(s.typ, errFloat)
	case kindTime:
		dst, err := appendTime(dst, timeIn(v))
		if err != nil {
			return dst, encodeError(s.typ, err)
		}
		return dst, nil
	case kindDuration:
		return append(dst, time.Duration(v.Int()).String()...), nil
	case kindBytes:
		start := len(dst)
		return quoteNull(append(dst, v.Bytes()...), start), nil
	case kindText:
		return c.appendText(dst, s, v)
	case kindValue:
		return append(dst, valueIn(v).data...), nil
	case kindPointer:
		return c.appendPointer(dst, s, v)
	case kindAny:
		inner, err := dynamicShape(v.Elem().Type())
		if err != nil {
			return dst, err
		}
		return c.append(dst, inner, v.Elem())
	default:
		w := jsonWriter{buf: dst, python: true}
		err := w.encode(s, v, false)
		return w.buf, err
	}
}

func (compactCodec) appendText(dst []byte, s *shape, v reflect.Value) ([]byte, error) {
	text, err := callMarshalText(s, v)
	if err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(dst, text...)
	if s.nilable {
		dst = quoteNull(dst, start)
	}
	return dst, nil
}

func (c compactCodec) appendPointer(dst []byte, s *shape, v reflect.Value) ([]byte, error) {
	switch s.elem.kind {
	case kindString, kindText:
		start := len(dst)
		dst, err := c.append(dst, s.elem, v.Elem())
		if err != nil {
			return dst, err
		}
		return quoteNull(dst, start), nil
	case kindJSON:
		w := jsonWriter{buf: dst, python: true}
		err := w.encode(s, v, false)
		return w.buf, err
	default:
		return c.append(dst, s.elem, v.Elem())
	}
}

// decode decodes a whole value.
func (c compactCodec) decode(data string, s *shape, v reflect.Value, limit budget) (err error) {
	switch s.kind {
	case kindBool:
		var b bool
		b, err = parseBool(data)
		v.SetBool(b)
	case kindInt:
		var n int64
		n, err = parseInt(data, s.bits)
		v.SetInt(n)
	case kindUint:
		var n uint64
		n, err = parseUint(data, s.bits)
		v.SetUint(n)
	case kindFloat:
		var f float64
		f, err = parseFloat(data, s.bits)
		v.SetFloat(f)
	case kindString:
		v.SetString(data)
	case kindNumber:
		if data != "" && !isNumber(data) {
			err = errFloat
			break
		}
		v.SetString(data)
	case kindTime:
		var t time.Time
		t, err = parseTime(data)
		*v.Addr().Interface().(*time.Time) = t
	case kindDuration:
		var d time.Duration
		d, err = parseDuration(data)
		v.SetInt(int64(d))
	case kindBytes:
		if data == "null" {
			v.SetZero()
			break
		}
		v.SetBytes([]byte(unquoteNull(data)))
	case kindText:
		return c.decodeText(data, s, v, limit)
	case kindPointer:
		return c.decodePointer(data, s, v, limit)
	case kindAny:
		var x any
		if x, err = readUntyped(data, limit); err == nil {
			setAny(v, x)
		}
	default:
		return readJSON(data, s, v, true, limit)
	}
	if err != nil {
		return decodeError(s.typ, withValue(s.typ, err, data))
	}
	return nil
}

func (compactCodec) decodeText(data string, s *shape, v reflect.Value, limit budget) error {
	if s.nilable {
		if data == "null" {
			v.SetZero()
			return nil
		}
		data = unquoteNull(data)
	}
	return callUnmarshalText(s, v, data, &limit)
}

func (c compactCodec) decodePointer(data string, s *shape, v reflect.Value, limit budget) error {
	if data == "null" {
		v.SetZero()
		return nil
	}
	switch s.elem.kind {
	case kindString, kindText:
		data = unquoteNull(data)
	case kindJSON:
		return readJSON(data, s, v, true, limit)
	}
	p := reflect.New(s.elem.typ)
	if err := c.decode(data, s.elem, p.Elem(), limit); err != nil {
		return err
	}
	v.Set(p)
	return nil
}

// readUntyped decodes a whole value into an any. The value is JSON or a float
// in one of Python's spellings. Any other text is returned as a string.
func readUntyped(data string, limit budget) (any, error) {
	switch data {
	case "nan", "inf", "-inf":
		f, _ := parseFloat(data, 64)
		return f, nil
	}
	r := jsonReader{data: data, allowNaN: true, budget: limit}
	x, err := r.any()
	if err == nil {
		err = r.end()
	}
	if errors.Is(err, ErrTooLarge) {
		return nil, err
	}
	if err != nil {
		x = data
	}
	return x, nil
}

// setAny sets v, which is of an empty interface type, to x.
func setAny(v reflect.Value, x any) {
	if x == nil {
		v.SetZero()
		return
	}
	v.Set(reflect.ValueOf(x))
}

func isNumber(s string) bool {
	n, _ := scanNumber(s)
	return n > 0 && n == len(s)
}

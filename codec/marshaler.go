package codec

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
)

var (
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	jsonMarshalerType = reflect.TypeFor[json.Marshaler]()

	errUnmarshalText = errors.New("UnmarshalText returned an error")
	errUnmarshalJSON = errors.New("UnmarshalJSON returned an error")
)

// receiver returns v or a pointer to it, whichever has the methods that marshal
// it.
func receiver(s *shape, v reflect.Value) any {
	if v.CanAddr() || !s.marshalsByValue {
		return addressable(v).Addr().Interface()
	}
	return v.Interface()
}

// callMarshalText returns the result of the MarshalText method of v.
func callMarshalText(s *shape, v reflect.Value) ([]byte, error) {
	text, err := receiver(s, v).(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return nil, encodeError(s.typ, err)
	}
	if len(text) > maxNumberLen && s.bigType != nil {
		return nil, encodeError(s.typ, errDigits)
	}
	return text, nil
}

// callUnmarshalText passes text to the UnmarshalText method of v.
func callUnmarshalText(s *shape, v reflect.Value, text string, limit *budget) error {
	if s.bigType != nil {
		if err := limit.spendBig(s.bigType, text); err != nil {
			return decodeError(s.typ, err)
		}
	}
	v.SetZero()
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		return decodeError(s.typ, errUnmarshalText)
	}
	return nil
}

// callMarshalJSON returns the JSON of v. It removes the space around a
// [json.RawMessage], and all space between the tokens of a MarshalJSON result.
// If the JSON is not valid, it returns an error. If rejectNull is set, null is
// an error too, because null stands for nil.
func callMarshalJSON(s *shape, v reflect.Value, rejectNull bool, depth int) (string, error) {
	var text string
	if s.kind == kindRaw {
		text = strings.Trim(string(v.Bytes()), jsonSpace)
	} else {
		data, err := receiver(s, v).(json.Marshaler).MarshalJSON()
		if err != nil {
			return "", encodeError(s.typ, err)
		}
		text = compactJSON(data)
	}
	r := jsonReader{data: text, depth: depth}
	err := r.skip()
	if err == nil {
		err = r.end()
	}
	switch {
	case err == errDepth:
		err = errCycle
	case err == nil && rejectNull && text == "null":
		err = errNullJSON
	}
	if err != nil {
		return "", encodeError(s.typ, err)
	}
	return text, nil
}

// callUnmarshalJSON passes JSON text to the UnmarshalJSON method of v.
func callUnmarshalJSON(s *shape, v reflect.Value, text string) error {
	v.SetZero()
	if s.kind == kindRaw {
		v.SetBytes([]byte(text))
		return nil
	}
	if s.nilable && text == "null" {
		return nil
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON([]byte(text)); err != nil {
		return decodeError(s.typ, errUnmarshalJSON)
	}
	return nil
}

const jsonSpace = " \t\r\n"

// compactJSON removes the space between the tokens of data.
func compactJSON(data []byte) string {
	out := make([]byte, 0, len(data))
	quoted, escaped := false, false
	for _, c := range data {
		if !quoted && strings.IndexByte(jsonSpace, c) >= 0 {
			continue
		}
		switch {
		case escaped:
			escaped = false
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			escaped = true
		}
		out = append(out, c)
	}
	return string(out)
}

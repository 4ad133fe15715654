package codec

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"
)

var (
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
	jsonMarshalerType = reflect.TypeFor[json.Marshaler]()

	errText = errors.New("its UnmarshalText refuses it")
	errJSON = errors.New("its UnmarshalJSON refuses it")
)

// self returns v, or a pointer to it, for a call of its own methods.
func self(s *shape, v reflect.Value) any {
	if v.CanAddr() || !s.byValue {
		return addressable(v).Addr().Interface()
	}
	return v.Interface()
}

// textOf returns what the MarshalText of v gives.
func textOf(s *shape, v reflect.Value) ([]byte, error) {
	text, err := self(s, v).(encoding.TextMarshaler).MarshalText()
	if err != nil {
		return nil, unwritable(s.typ, err)
	}
	if len(text) > longestNumber && s.big != nil {
		return nil, unwritable(s.typ, errDigits)
	}
	return text, nil
}

// setText has v read the text by its UnmarshalText.
func setText(s *shape, v reflect.Value, text string, most *room) error {
	if s.big != nil {
		if err := most.takeBig(s.big, text); err != nil {
			return misfit(s.typ, err)
		}
	}
	v.SetZero()
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
		return misfit(s.typ, errText)
	}
	return nil
}

// rawJSON returns the JSON that v itself makes, checked; strict says that null, which stands for nil, is an error.
func rawJSON(s *shape, v reflect.Value, strict bool, depth int) (string, error) {
	var text string
	if s.kind == kindRaw {
		text = strings.Trim(string(v.Bytes()), jsonSpace)
	} else {
		data, err := self(s, v).(json.Marshaler).MarshalJSON()
		if err != nil {
			return "", unwritable(s.typ, err)
		}
		text = compactJSON(data)
	}
	r := jsonReader{s: text, depth: depth}
	err := r.skip()
	if err == nil {
		err = r.end()
	}
	switch {
	case err == errDepth:
		err = errCycle
	case err == nil && strict && text == "null":
		err = errNullJSON
	}
	if err != nil {
		return "", unwritable(s.typ, err)
	}
	return text, nil
}

// setJSON has v read the JSON by its UnmarshalJSON.
func setJSON(s *shape, v reflect.Value, text string) error {
	v.SetZero()
	if s.kind == kindRaw {
		v.SetBytes([]byte(text))
		return nil
	}
	if s.nilable && text == "null" {
		return nil
	}
	if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON([]byte(text)); err != nil {
		return misfit(s.typ, errJSON)
	}
	return nil
}

const jsonSpace = " \t\r\n"

// compactJSON leaves out the space between the tokens.
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

// appendQuoted appends s as a JSON string, without any escape that JSON does not require; false says that s is no
// valid UTF-8.
func appendQuoted(dst []byte, s string) ([]byte, bool) {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := plainEnd(s, 0); i < len(s); i = plainEnd(s, i) {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				return dst, false
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"'), true
}

// isNull says that text is null inside any number of quotes.
func isNull[T string | []byte](text T) bool {
	n := len(text) - len("null")
	if n < 0 || n%2 != 0 || string(text[n/2:n/2+4]) != "null" {
		return false
	}
	for i := range n / 2 {
		if text[i] != '"' || text[len(text)-1-i] != '"' {
			return false
		}
	}
	return true
}

// guardNull adds a pair of quotes to the text from dst[start:] on where it could be taken for nil.
func guardNull(dst []byte, start int) []byte {
	if !isNull(dst[start:]) {
		return dst
	}
	dst = append(dst, '"', '"')
	copy(dst[start+1:], dst[start:len(dst)-2])
	dst[start] = '"'
	return dst
}

// unguardNull takes away what guardNull added.
func unguardNull(text string) string {
	if isNull(text) && text != "null" {
		return text[1 : len(text)-1]
	}
	return text
}

package codec

import (
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// string reads a string. If nothing in it is escaped, the result is a part of
// the JSON text. A caller that stores the result in a value must call retain.
func (r *jsonReader) string() (string, error) {
	if r.pos >= len(r.data) {
		return "", errSyntax
	}
	if r.data[r.pos] != '"' {
		return "", r.mismatch()
	}
	start := r.pos + 1
	end := plainEnd(r.data, start)
	if end >= len(r.data) || r.data[end] != '"' {
		return r.slowString(start, end)
	}
	r.pos = end + 1
	return r.data[start:end], nil
}

// slowString reads the remainder of a string that begins at start. i is the
// position of the first character that is not plain ASCII.
func (r *jsonReader) slowString(start, i int) (string, error) {
	var short [64]byte
	out := short[:0]
	escaped := false
	for i < len(r.data) {
		c := r.data[i]
		switch {
		case c == '"':
			r.pos = i + 1
			if !escaped {
				return r.data[start:i], nil
			}
			return r.unescaped(append(out, r.data[start:i]...)), nil
		case c == '\\':
			escaped = true
			out = append(out, r.data[start:i]...)
			var err error
			if out, i, err = r.escape(out, i+1); err != nil {
				return "", err
			}
			start = i
		case c < 0x20:
			return "", errSyntax
		case c < utf8.RuneSelf:
			i = plainEnd(r.data, i)
		default:
			char, n := utf8.DecodeRuneInString(r.data[i:])
			if char == utf8.RuneError && n == 1 {
				return "", errUTF8
			}
			i += n
		}
	}
	return "", errSyntax
}

// escape appends the character of the escape sequence whose backslash is at
// i-1, and returns the position after the sequence.
func (r *jsonReader) escape(out []byte, i int) ([]byte, int, error) {
	if i >= len(r.data) {
		return out, i, errSyntax
	}
	switch c := r.data[i]; c {
	case '"', '\\', '/':
		return append(out, c), i + 1, nil
	case 'b':
		return append(out, '\b'), i + 1, nil
	case 'f':
		return append(out, '\f'), i + 1, nil
	case 'n':
		return append(out, '\n'), i + 1, nil
	case 'r':
		return append(out, '\r'), i + 1, nil
	case 't':
		return append(out, '\t'), i + 1, nil
	case 'u':
		char, ok := r.hex(i + 1)
		if !ok {
			return out, i, errSyntax
		}
		i += 5
		if utf16.IsSurrogate(char) {
			if !strings.HasPrefix(r.data[i:], `\u`) {
				return out, i, errSurrogate
			}
			low, ok := r.hex(i + 2)
			if !ok {
				return out, i, errSyntax
			}
			if char = utf16.DecodeRune(char, low); char == utf8.RuneError {
				return out, i, errSurrogate
			}
			i += 6
		}
		return utf8.AppendRune(out, char), i, nil
	default:
		return out, i, errSyntax
	}
}

// hex returns the value of the four hexadecimal digits at i.
func (r *jsonReader) hex(i int) (rune, bool) {
	if i+4 > len(r.data) {
		return 0, false
	}
	var v rune
	for _, c := range []byte(r.data[i : i+4]) {
		switch {
		case isDigit(c):
			v = v<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			v = v<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			v = v<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return v, true
}

// skipString skips a string. An unpaired surrogate is valid JSON, so it is only
// an error when the string is read.
func (r *jsonReader) skipString() error {
	start := r.pos
	_, err := r.string()
	if err != errSurrogate {
		return err
	}
	for i := start + 1; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			if !utf8.ValidString(r.data[start:r.pos]) {
				return errUTF8
			}
			return nil
		case c < 0x20:
			return errSyntax
		case c == '\\':
			_, end, err := r.escape(nil, i+1)
			if err != nil && err != errSurrogate {
				return err
			}
			i = end - 1
		}
	}
	return errSyntax
}

// plainASCII reports for each byte whether it is an ASCII character that a JSON
// string contains unescaped.
var plainASCII = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// plainEnd returns the position of the first byte at or after s[i] that is not
// in plainASCII. It tests eight bytes at a time: the highest bit of a byte in
// special is set if the character is special. A subtraction may borrow from the
// next byte, but only a special character borrows, so the lowest bit that is
// set is always correct.
func plainEnd(s string, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		c := s[i : i+8]
		w := uint64(c[0]) | uint64(c[1])<<8 | uint64(c[2])<<16 | uint64(c[3])<<24 |
			uint64(c[4])<<32 | uint64(c[5])<<40 | uint64(c[6])<<48 | uint64(c[7])<<56
		special := (w | (w - ' '*ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones)) & highs
		if special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(s) && plainASCII[s[i]] {
		i++
	}
	return i
}

// appendQuoted appends s as a JSON string. It escapes only the characters that
// JSON requires to be escaped. If s is not valid UTF-8, it returns false.
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

package codec

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader takes one JSON text apart from the front. It is strict, but for the bare NaN and Infinity that Python
// writes, where bare allows them.
type jsonReader struct {
	s     string
	i     int
	depth int
	bare  bool
}

// peek skips the space and returns the character after it, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.i < len(r.s) {
		switch c := r.s[r.i]; c {
		case ' ', '\t', '\r', '\n':
			r.i++
		default:
			return c
		}
	}
	return 0
}

// end checks that nothing follows.
func (r *jsonReader) end() error {
	if r.peek(); r.i < len(r.s) {
		return errTrailing
	}
	return nil
}

// word reads a literal.
func (r *jsonReader) word(word string) error {
	if !strings.HasPrefix(r.s[r.i:], word) {
		return errSyntax
	}
	r.i += len(word)
	return nil
}

// open enters a list or an object.
func (r *jsonReader) open(c byte) error {
	switch got := r.peek(); got {
	case c:
	case 0:
		return errSyntax
	default:
		return r.wrong()
	}
	r.i++
	if r.depth++; r.depth > maxDepth {
		return errDepth
	}
	return nil
}

// first says whether the list or object that was just opened holds anything.
func (r *jsonReader) first(end byte) bool { return r.peek() != end }

// next says whether another element follows the one just read.
func (r *jsonReader) next(end byte) (bool, error) {
	switch r.peek() {
	case ',':
		r.i++
		return true, nil
	case end:
		return false, nil
	default:
		return false, errSyntax
	}
}

// close leaves the list or object.
func (r *jsonReader) close(end byte) error {
	if r.peek() != end {
		return errSyntax
	}
	r.i++
	r.depth--
	return nil
}

// name reads the name of a member and the colon after it.
func (r *jsonReader) name() (string, error) {
	if r.peek() != '"' {
		return "", errSyntax
	}
	text, err := r.string()
	if err != nil {
		return "", err
	}
	if r.peek() != ':' {
		return "", errSyntax
	}
	r.i++
	return text, nil
}

// wrong tells JSON of another kind from no JSON.
func (r *jsonReader) wrong() error {
	if err := r.skip(); err != nil {
		return err
	}
	return errKind
}

// number reads a number and says whether it is written as an integer.
func (r *jsonReader) number() (token string, integer bool, err error) {
	r.peek()
	n, integer := scanNumber(r.s[r.i:])
	if n == 0 {
		return "", false, r.wrong()
	}
	token = r.s[r.i : r.i+n]
	r.i += n
	return token, integer, nil
}

// floatToken reads a number, or the name of one that is not finite.
func (r *jsonReader) floatToken() (string, error) {
	r.peek()
	if word := r.bareWord(); word != "" {
		return word, nil
	}
	token, _, err := r.number()
	return token, err
}

// bareWord reads the name of a number that is not finite, if it comes next.
func (r *jsonReader) bareWord() string {
	if r.bare {
		for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
			if strings.HasPrefix(r.s[r.i:], word) {
				r.i += len(word)
				return word
			}
		}
	}
	return ""
}

// string reads a string, as a part of the text where nothing in it is escaped.
func (r *jsonReader) string() (string, error) {
	if r.i >= len(r.s) {
		return "", errSyntax
	}
	if r.s[r.i] != '"' {
		return "", r.wrong()
	}
	start := r.i + 1
	for i := start; i < len(r.s); i++ {
		c := r.s[i]
		switch {
		case plain[c]:
		case c == '"':
			r.i = i + 1
			return r.s[start:i], nil
		case c == '\\', c >= utf8.RuneSelf:
			return r.longString(start, i)
		default:
			return "", errSyntax
		}
	}
	return "", errSyntax
}

// longString goes on with a string from the first character that is not plain ASCII.
func (r *jsonReader) longString(start, i int) (string, error) {
	var out []byte
	for i < len(r.s) {
		c := r.s[i]
		switch {
		case c == '"':
			r.i = i + 1
			if out == nil {
				return r.s[start:i], nil
			}
			return string(append(out, r.s[start:i]...)), nil
		case c == '\\':
			out = append(out, r.s[start:i]...)
			var err error
			if out, i, err = r.escape(out, i+1); err != nil {
				return "", err
			}
			start = i
		case c < 0x20:
			return "", errSyntax
		case c < utf8.RuneSelf:
			i++
		default:
			char, n := utf8.DecodeRuneInString(r.s[i:])
			if char == utf8.RuneError && n == 1 {
				return "", errUTF8
			}
			i += n
		}
	}
	return "", errSyntax
}

// escape appends what the escape at i, after its backslash, stands for, and returns where it ends.
func (r *jsonReader) escape(out []byte, i int) ([]byte, int, error) {
	if i >= len(r.s) {
		return out, i, errSyntax
	}
	switch c := r.s[i]; c {
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
			if !strings.HasPrefix(r.s[i:], `\u`) {
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

func (r *jsonReader) hex(i int) (rune, bool) {
	if i+4 > len(r.s) {
		return 0, false
	}
	var v rune
	for _, c := range []byte(r.s[i : i+4]) {
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

// raw returns the next value as it is written; it must be JSON to the letter.
func (r *jsonReader) raw() (string, error) {
	bare := r.bare
	r.bare = false
	r.peek()
	start := r.i
	err := r.skip()
	r.bare = bare
	return r.s[start:r.i], err
}

// skip passes over the next value and checks it.
func (r *jsonReader) skip() error {
	switch r.peek() {
	case 0:
		return errSyntax
	case 'n':
		return r.word("null")
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case '"':
		return r.skipString()
	case '[':
		return r.skipList()
	case '{':
		return r.skipObject()
	}
	if r.bareWord() != "" {
		return nil
	}
	n, _ := scanNumber(r.s[r.i:])
	if n == 0 {
		return errSyntax
	}
	r.i += n
	return nil
}

// skipString passes over a string; half a surrogate pair is JSON, so that it only matters to who reads it.
func (r *jsonReader) skipString() error {
	start := r.i
	_, err := r.string()
	if err != errSurrogate {
		return err
	}
	for i := start + 1; i < len(r.s); i++ {
		switch c := r.s[i]; {
		case c == '"':
			r.i = i + 1
			if !utf8.ValidString(r.s[start:r.i]) {
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

func (r *jsonReader) skipList() error {
	if err := r.open('['); err != nil {
		return err
	}
	for more := r.first(']'); more; {
		err := r.skip()
		if err != nil {
			return err
		}
		if more, err = r.next(']'); err != nil {
			return err
		}
	}
	return r.close(']')
}

func (r *jsonReader) skipObject() error {
	if err := r.open('{'); err != nil {
		return err
	}
	for more := r.first('}'); more; {
		if r.peek() != '"' {
			return errSyntax
		}
		err := r.skipString()
		if err != nil {
			return err
		}
		if r.peek() != ':' {
			return errSyntax
		}
		r.i++
		if err = r.skip(); err != nil {
			return err
		}
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	return r.close('}')
}

// commas guesses how many elements the list that was just opened has, from its commas; strings may hold some too.
func (r *jsonReader) commas() int {
	n := strings.IndexByte(r.s[r.i:], ']')
	if n <= 0 {
		return 0
	}
	return strings.Count(r.s[r.i:r.i+n], ",") + 1
}

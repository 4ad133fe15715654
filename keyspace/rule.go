package keyspace

import (
	"fmt"
	"strings"
)

// rule says what one parameter's values may hold and how they are written.
// Without escape and underscore they are written verbatim.
type rule uint8

const (
	escape     rule = 1 << iota // % and : become %25 and %3A
	underscore                  // : becomes _
	noBraces                    // { and } are refused
	noColon                     // : is refused
)

const (
	faultEmpty = "is empty; give it a value"
	faultNUL   = "holds a NUL byte; take it out"
	faultAny   = "is Any, which only Glob and Bind take; give it a value"
	faultBrace = "holds a brace, which in this pattern marks the hash tag alone; take it out"
	faultColon = "holds a colon, so that in the Python package's keys other parts could give the same key; take it out, or allow it with keyspace.AllowAmbiguous"
	faultOwn   = "makes a key that begins with % and a lower-case letter, as the library's own do; begin it with another character"
)

// fault says what is wrong with a value; empty: nothing.
func (r rule) fault(value string) string {
	switch {
	case value == "":
		return faultEmpty
	case value == Any:
		return faultAny
	case strings.IndexByte(value, 0) >= 0:
		return faultNUL
	case r&noBraces != 0 && (strings.IndexByte(value, '{') >= 0 || strings.IndexByte(value, '}') >= 0):
		return faultBrace
	case r&noColon != 0 && strings.IndexByte(value, ':') >= 0:
		return faultColon
	}
	return ""
}

func (r rule) size(value string) int {
	if r&escape == 0 {
		return len(value)
	}
	return len(value) + 2*(strings.Count(value, "%")+strings.Count(value, ":"))
}

func (r rule) write(b *strings.Builder, value string) {
	for r&(escape|underscore) != 0 {
		at := r.special(value)
		if at < 0 {
			break
		}
		b.WriteString(value[:at])
		switch {
		case r&underscore != 0:
			b.WriteByte('_')
		case value[at] == '%':
			b.WriteString("%25")
		default:
			b.WriteString("%3A")
		}
		value = value[at+1:]
	}
	b.WriteString(value)
}

// encode is write for a value that stands alone.
func (r rule) encode(value string) string {
	if r.special(value) < 0 {
		return value
	}
	var b strings.Builder
	b.Grow(r.size(value))
	r.write(&b, value)
	return b.String()
}

// decode gives the value that encode turns into text, if there is one.
func (r rule) decode(text string) (value string, ok bool) {
	if r.fault(text) != "" {
		return "", false
	}
	if r.special(text) < 0 {
		return text, true
	}
	var b strings.Builder
	b.Grow(len(text))
	for {
		at := r.special(text)
		if at < 0 {
			b.WriteString(text)
			return b.String(), true
		}
		b.WriteString(text[:at])
		switch text = text[at:]; {
		case strings.HasPrefix(text, "%25"):
			b.WriteByte('%')
		case strings.HasPrefix(text, "%3A"):
			b.WriteByte(':')
		default:
			return "", false
		}
		text = text[3:]
	}
}

// special gives the place of the first byte that is not written as it is, or -1.
func (r rule) special(s string) int {
	if r&(escape|underscore) == 0 {
		return -1
	}
	colon := strings.IndexByte(s, ':')
	if r&underscore != 0 {
		return colon
	}
	if colon >= 0 {
		s = s[:colon]
	}
	if percent := strings.IndexByte(s, '%'); percent >= 0 {
		return percent
	}
	return colon
}

func (p param) invalid(source, value, fault string) error {
	shown := ""
	if n := len(value); n > 0 && n <= 32 && value != Any {
		shown = fmt.Sprintf(" (%q)", value)
	}
	return fmt.Errorf("%w: {%s} of %q%s %s", ErrInvalidKey, p.name, source, shown, fault)
}

// own reports whether a key is of the form that the library keeps to itself.
func own(key string) bool {
	return len(key) > 1 && key[0] == '%' && 'a' <= key[1] && key[1] <= 'z'
}

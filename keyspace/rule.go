package keyspace

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// rule describes the values that a parameter accepts and how they are written.
// Without escape and underscore, a value is written verbatim.
type rule uint8

const (
	escape     rule = 1 << iota // % and : become %25 and %3A
	underscore                  // : becomes _
	noBraces                    // { and } are refused
	noColon                     // : is refused
)

// Faults of a value, worded to follow the name of its parameter.
const (
	faultEmpty    = "is empty; give it a value"
	faultNUL      = "contains a NUL byte; remove it"
	faultAny      = "is keyspace.Any, which only Bind and Glob accept; give it a value"
	faultBrace    = "contains a brace, which would change the cluster slot of the key; remove it"
	faultColon    = "contains a colon, so that other parts could make the same key; remove it, or allow it with keyspace.AllowAmbiguous"
	faultReserved = "makes a key that begins with % and a lower-case letter, which is reserved for the library; begin it with another character"
)

// fault returns why a value is refused, or "" if it is accepted.
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

// size returns the length of a value as it is written.
func (r rule) size(value string) int {
	if r&escape == 0 {
		return len(value)
	}
	return len(value) + 2*(strings.Count(value, "%")+strings.Count(value, ":"))
}

func (r rule) write(b *strings.Builder, value string) {
	for r&(escape|underscore) != 0 {
		at := r.indexSpecial(value)
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

// encode returns a value as write writes it.
func (r rule) encode(value string) string {
	if r.indexSpecial(value) < 0 {
		return value
	}
	var b strings.Builder
	b.Grow(r.size(value))
	r.write(&b, value)
	return b.String()
}

// decode returns the value that encode turns into text. It reports false if
// there is none.
func (r rule) decode(text string) (value string, ok bool) {
	if r.fault(text) != "" {
		return "", false
	}
	if r.indexSpecial(text) < 0 {
		return text, true
	}
	var b strings.Builder
	b.Grow(len(text))
	for {
		at := r.indexSpecial(text)
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

// indexSpecial returns the index of the first byte that is not written as it
// is, or -1.
func (r rule) indexSpecial(s string) int {
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

// check returns the error of a value that the parameter refuses.
func (p param) check(source, value string) error {
	if fault := p.rule.fault(value); fault != "" {
		return p.invalid(source, value, fault)
	}
	return nil
}

// invalid returns the error of a value. It quotes the start of the value.
func (p param) invalid(source, value, fault string) error {
	switch {
	case value == "":
		return fmt.Errorf("%w: the %s %s", ErrInvalidKey, p.name, fault)
	case value == Any:
		return fmt.Errorf("%w: the %s of %q %s", ErrInvalidKey, p.name, source, fault)
	}
	quoted := fmt.Sprintf("%.32q", value)
	if utf8.RuneCountInString(value) > 32 {
		quoted += "..."
	}
	return fmt.Errorf("%w: the %s %s of %q %s", ErrInvalidKey, p.name, quoted, source, fault)
}

// isReserved reports whether a key has the form that is reserved for the
// library.
func isReserved(key string) bool {
	return len(key) > 1 && key[0] == '%' && 'a' <= key[1] && key[1] <= 'z'
}

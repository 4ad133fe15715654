package keyspace

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidKey reports that a part cannot be in a key, or that the number of
// parts is wrong. The error that wraps it names the template and the parameter.
// If the number of parts is wrong, it names all parameters.
var ErrInvalidKey = errors.New("invalid key")

// Any stands for every value in [Pattern.Glob] and for the free part in
// [Pattern.Bind]. It contains a NUL byte, so no part can be equal to it.
const Any = "\x00any"

// Pattern builds and parses the keys of one template. It is immutable, small
// and safe for concurrent use. [Compile] returns one. The zero Pattern has no
// template: Key, CheckPart and Bind return [ErrInvalidKey], Parse reports
// false, and Glob returns a glob that matches no key.
type Pattern struct{ t *template }

// Key returns the key of the parts, one for each parameter in the order of the
// template. It allocates only the key.
//
// If a part cannot be in a key, or if the number of parts is wrong, Key returns
// [ErrInvalidKey].
func (p Pattern) Key(parts ...string) (string, error) {
	if err := p.checkCount(len(parts)); err != nil {
		return "", err
	}
	return p.t.render(parts, 0, len(parts))
}

// CheckPart returns the error that [Pattern.Key] returns if value is the part
// at index i, or nil if Key accepts it there. It validates a part when the
// others are not known. The index counts the parameters, as in
// [Pattern.Params].
//
// If the pattern has no parameter i, CheckPart returns [ErrInvalidKey].
func (p Pattern) CheckPart(i int, value string) error {
	switch {
	case p.t == nil:
		return p.checkCount(0)
	case i < 0 || i >= len(p.t.params):
		return fmt.Errorf("%w: %q has no parameter %d; pass an index from 0 to %d", ErrInvalidKey, p.t.source, i, len(p.t.params)-1)
	}
	param := p.t.params[i]
	if err := param.check(p.t.source, value); err != nil {
		return err
	}
	if i == 0 && !p.t.avoidsReserved(param.rule.encode(value)+p.t.literals[1]) {
		return param.invalid(p.t.source, value, faultReserved)
	}
	return nil
}

// Parse returns the parts of a key, unescaped. It reports true only if
// [Pattern.Key] returns exactly this key for the parts. It therefore reports
// false for a key with another spelling of an escape, such as "%3a", or with a
// "%" that does not begin an escape.
//
// With [AllowAmbiguous], verbatim parts may contain the separator, so a key can
// have several readings. Parse returns the reading with the shortest first
// part, then the shortest second part, and so on. "a:b:user:u" is the user "u"
// of "a:b", and "t:state:a:b:u" is the state "a" of the user "b:u". A ":" that
// was written as "_" is not restored: "t:EXPTRIGGER:a_b:c" has the action
// "a_b".
func (p Pattern) Parse(key string) (parts []string, ok bool) {
	if p.t == nil || !p.t.avoidsReserved(key) {
		return nil, false
	}
	rest, ok := strings.CutPrefix(key, p.t.literals[0])
	if !ok {
		return nil, false
	}
	parts = make([]string, len(p.t.params))
	if !p.t.split(parts, 0, rest) {
		return nil, false
	}
	return parts, true
}

// Glob returns the Redis glob of the keys with these parts. A part that is
// [Any] matches every value. Any other part matches only itself, even if it
// contains characters that are special in a glob. If a part cannot be in a key,
// or if the number of parts is wrong, Glob returns a glob that matches no key.
//
// "*" also matches ":", so the glob can match keys that have other parts. Pass
// each key that SCAN returns to [Pattern.Parse], and skip the keys for which it
// reports false or returns other parts.
func (p Pattern) Glob(parts ...string) string {
	if p.checkCount(len(parts)) != nil {
		return matchesNothing
	}
	var b strings.Builder
	from := 0
	for i := 0; i <= len(parts); i++ {
		if i < len(parts) && parts[i] != Any {
			continue
		}
		text, err := p.t.render(parts, from, i)
		if err != nil {
			return matchesNothing
		}
		writeGlob(&b, text)
		if i < len(parts) {
			b.WriteByte('*')
		}
		from = i + 1
	}
	return b.String()
}

// Bind fixes every part but one and returns the [Space] of the remaining keys.
// The free part is the ID of a record. If the last part is omitted, it is the
// free one; otherwise pass [Any] in place of the free part.
//
//	state.Bind("acme", "chat")              // acme:state:chat:{user}
//	shared.Bind("acme", keyspace.Any, "u1") // acme:SS:{state}:u1
//
// If a part cannot be in a key, or if not exactly one part is free, Bind
// returns [ErrInvalidKey].
func (p Pattern) Bind(parts ...string) (Space, error) {
	if p.t != nil && len(parts) == len(p.t.params)-1 {
		parts = append(parts[:len(parts):len(parts)], Any)
	}
	if err := p.checkCount(len(parts)); err != nil {
		if p.t != nil {
			err = fmt.Errorf("%w, with keyspace.Any in place of the ID", err)
		}
		return Space{}, err
	}
	free := -1
	for i, part := range parts {
		if part != Any {
			continue
		}
		if free >= 0 {
			return Space{}, fmt.Errorf("%w: {%s} and {%s} of %q are both free; give one of them a value",
				ErrInvalidKey, p.t.params[free].name, p.t.params[i].name, p.t.source)
		}
		free = i
	}
	if free < 0 {
		return Space{}, fmt.Errorf("%w: no part of %q is free; omit the last part, or pass keyspace.Any in place of the ID",
			ErrInvalidKey, p.t.source)
	}
	prefix, err := p.t.render(parts, 0, free)
	if err != nil {
		return Space{}, err
	}
	suffix, err := p.t.render(parts, free+1, len(parts))
	if err != nil {
		return Space{}, err
	}
	space := Space{prefix: prefix, suffix: suffix, free: p.t.params[free], source: p.t.source}
	switch i := p.t.tenant; {
	case i >= 0 && i < free:
		space.tenant = p.t.span(parts, 0, i)
	case i > free:
		space.tenant = p.t.span(parts, free+1, i)
		space.tenant.inSuffix = true
	}
	return space, nil
}

// Params returns the names of the parameters, in the order in which
// [Pattern.Key] takes their values. For the zero Pattern, it returns nil.
func (p Pattern) Params() []string {
	if p.t == nil {
		return nil
	}
	names := make([]string, len(p.t.params))
	for i, param := range p.t.params {
		names[i] = param.name
	}
	return names
}

// HashTag returns the name of the parameter in double braces. If the template
// has none, HashTag returns "".
func (p Pattern) HashTag() string {
	if p.t == nil {
		return ""
	}
	return p.t.hashTag
}

// IsPython reports whether the pattern writes parts as the Python package does.
func (p Pattern) IsPython() bool { return p.t != nil && p.t.python }

// String returns the template. For the zero Pattern, it returns "".
func (p Pattern) String() string {
	if p.t == nil {
		return ""
	}
	return p.t.source
}

// checkCount returns an error unless the pattern takes n parts.
func (p Pattern) checkCount(n int) error {
	switch {
	case p.t == nil:
		return fmt.Errorf("%w: the Pattern is zero; make one with keyspace.Compile", ErrInvalidKey)
	case n != len(p.t.params):
		return fmt.Errorf("%w: the number of parts for %q is %d; pass %d: %s",
			ErrInvalidKey, p.t.source, n, len(p.t.params), strings.Join(p.Params(), ", "))
	}
	return nil
}

package keyspace

import (
	"errors"
	"fmt"
	"strings"
)

// ErrInvalidKey is the reason of every error about parts that cannot be a key.
// The error itself names the parameter, the template and the way out.
var ErrInvalidKey = errors.New("keyspace: invalid key")

// Any stands for any value in [Pattern.Glob] and for the free part in
// [Pattern.Bind]. It holds a NUL, so no part can be equal to it.
const Any = "\x00any"

// Pattern builds the keys of one template and reads them back. It is immutable,
// small and safe for concurrent use. The zero Pattern has no template: Key and
// Bind answer with an error, Parse with false, Glob with what matches nothing.
type Pattern struct{ t *template }

// Key gives the key of the parts, one for each parameter in the template's
// order. It allocates the key and nothing else.
func (p Pattern) Key(parts ...string) (string, error) {
	if err := p.takes(len(parts)); err != nil {
		return "", err
	}
	return p.t.render(parts, 0, len(parts))
}

// Parse gives the parts of a key, unescaped. It says true only if Key gives that
// very key for these parts, so other spellings of an escape, such as "%3a", and
// a stray "%" are not keys of the pattern.
//
// With [AllowAmbiguous] verbatim parts may hold the separator themselves. Of all
// ways to read such a key Parse takes the one whose first part is shortest, then
// the second, and so on: "a:b:user:u" is the user "u" of "a:b", while
// "t:state:a:b:u" is the state "a" of the user "b:u". What "_" was before is lost:
// "t:EXPTRIGGER:a_b:c" has the action "a_b".
func (p Pattern) Parse(key string) (parts []string, ok bool) {
	if p.t == nil || !p.t.open(key) {
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

// Glob gives the Redis glob of the keys with these parts. A part that is [Any]
// matches every value; every other part matches itself alone, whatever
// characters it holds. Parts that Key would refuse, and too few or too many of
// them, give a glob that matches no key.
//
// "*" matches ":" too, so a glob may also match keys whose parts differ: parse
// what SCAN yields, and pass over what is not meant.
func (p Pattern) Glob(parts ...string) string {
	if p.takes(len(parts)) != nil {
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

// Bind fixes every part but one and gives the space of the keys that are left.
// The free part is the record's id: the last parameter where it is not given, or
// the one that is given as [Any].
//
//	state.Bind("acme", "chat")           // {tenant}:state:{name}:{user}, the user is free
//	shared.Bind("acme", keyspace.Any, "u1") // {tenant}:SS:{state}:{user}, the state is free
func (p Pattern) Bind(parts ...string) (Space, error) {
	if p.t != nil && len(parts) == len(p.t.params)-1 {
		parts = append(parts[:len(parts):len(parts)], Any)
	}
	if err := p.takes(len(parts)); err != nil {
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
		return Space{}, fmt.Errorf("%w: no part of %q is free; leave the last one out, or give Any for the record's id",
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
	return Space{prefix: prefix, suffix: suffix, free: p.t.params[free], source: p.t.source}, nil
}

// Params gives the names of the parameters in the order in which Key takes them.
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

// IsPython reports whether the pattern writes parts as the Python package does.
func (p Pattern) IsPython() bool { return p.t != nil && p.t.python }

// String gives the template.
func (p Pattern) String() string {
	if p.t == nil {
		return ""
	}
	return p.t.source
}

func (p Pattern) takes(n int) error {
	switch {
	case p.t == nil:
		return fmt.Errorf("%w: the pattern has no template; make it with Compile", ErrInvalidKey)
	case n != len(p.t.params):
		return fmt.Errorf("%w: %q takes %d parts (%s), not %d",
			ErrInvalidKey, p.t.source, len(p.t.params), strings.Join(p.Params(), ", "), n)
	}
	return nil
}

package keyspace

import (
	"fmt"
	"strings"
)

// Space is a pattern with every part but one given: the keys of one repository,
// told apart by the record's id. Its fixed text is rendered once, so Key is one
// concatenation. [Pattern.Bind] makes it; equal spaces compare equal. The zero
// Space has no keys: Key gives an error, ID false, Glob what matches nothing.
type Space struct {
	prefix, suffix string
	free           param
	source         string
}

// Key gives the key of the record with that id.
func (s Space) Key(id string) (string, error) {
	if s.source == "" {
		return "", fmt.Errorf("%w: the space is bound to no pattern; make it with Pattern.Bind", ErrInvalidKey)
	}
	if fault := s.free.rule.fault(id); fault != "" {
		return "", s.free.invalid(s.source, id, fault)
	}
	key := s.prefix + s.free.rule.encode(id) + s.suffix
	if s.prefix == "" && own(key) {
		return "", s.free.invalid(s.source, id, faultOwn)
	}
	return key, nil
}

// ID gives the id of the record that has that key. It says true only if Key
// gives that very key for the id, so keys of other spaces that a glob also
// matched are told apart. In a space of a Python pattern with [AllowAmbiguous]
// whose free part is verbatim, all that stands between the fixed parts is the id.
func (s Space) ID(key string) (string, bool) {
	if s.source == "" || len(key) <= len(s.prefix)+len(s.suffix) ||
		!strings.HasPrefix(key, s.prefix) || !strings.HasSuffix(key, s.suffix) ||
		s.prefix == "" && own(key) {
		return "", false
	}
	return s.free.rule.decode(key[len(s.prefix) : len(key)-len(s.suffix)])
}

// Glob gives the Redis glob of the space. It matches every key of the space and
// may match others, which ID tells apart.
func (s Space) Glob() string {
	if s.source == "" {
		return matchesNothing
	}
	var b strings.Builder
	b.Grow(len(s.prefix) + 1 + len(s.suffix))
	writeGlob(&b, s.prefix)
	b.WriteByte('*')
	writeGlob(&b, s.suffix)
	return b.String()
}

// String gives the space as a template whose only parameter is the free one,
// for messages: "acme:user:{id}".
func (s Space) String() string {
	if s.source == "" {
		return ""
	}
	return s.prefix + "{" + s.free.name + "}" + s.suffix
}

package keyspace

import (
	"fmt"
	"strings"
)

// Space is a pattern in which every part but one is fixed: the keys of one
// repository. The free part is the ID of a record. [Pattern.Bind] returns a
// Space.
//
// The fixed text is rendered once, so Key is one concatenation. Spaces can be
// compared with ==: two spaces of the same template and the same parts are
// equal. The zero Space has no keys: Key returns [ErrInvalidKey], ID reports
// false, and Glob returns a glob that matches no key.
type Space struct {
	prefix, suffix string
	free           param
	source         string
}

// Key returns the key of the record with this ID. If the ID cannot be in a key,
// Key returns [ErrInvalidKey].
func (s Space) Key(id string) (string, error) {
	if s.source == "" {
		return "", fmt.Errorf("%w: the Space is zero; make one with Pattern.Bind", ErrInvalidKey)
	}
	if err := s.free.check(s.source, id); err != nil {
		return "", err
	}
	key := s.prefix + s.free.rule.encode(id) + s.suffix
	if s.prefix == "" && isReserved(key) {
		return "", s.free.invalid(s.source, id, faultReserved)
	}
	return key, nil
}

// ID returns the ID of the record at key. It reports true only if [Space.Key]
// returns exactly this key for the ID, so it reports false for keys of other
// spaces that the glob also matched.
//
// With [AllowAmbiguous], a free part that is written verbatim is all text
// between the fixed parts. [Pattern.Parse] may return other parts for the same
// key.
func (s Space) ID(key string) (string, bool) {
	if s.source == "" || len(key) <= len(s.prefix)+len(s.suffix) ||
		!strings.HasPrefix(key, s.prefix) || !strings.HasSuffix(key, s.suffix) ||
		s.prefix == "" && isReserved(key) {
		return "", false
	}
	return s.free.rule.decode(key[len(s.prefix) : len(key)-len(s.suffix)])
}

// Glob returns a Redis glob that matches every key of the space. It can match
// other keys too; [Space.ID] reports false for them.
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

// String returns the space as a template with the free part as its only
// parameter, such as "acme:user:{id}". It is for messages.
func (s Space) String() string {
	if s.source == "" {
		return ""
	}
	return s.prefix + "{" + s.free.name + "}" + s.suffix
}

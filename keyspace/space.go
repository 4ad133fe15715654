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
	tenant         span // of the part that is called tenant
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

// Parts returns the text of every key of the space before and after the free
// part. The text after it is often empty. For the zero Space, both are empty.
func (s Space) Parts() (prefix, suffix string) { return s.prefix, s.suffix }

// OneSlot reports whether all keys of the space are in one cluster slot. This
// is so if the text around the free part contains the hash tag, and no ID can
// change it. A prefix of the pool makes no difference, because it contains no
// braces.
func (s Space) OneSlot() bool {
	if strings.Contains(s.prefix, "{") {
		return hashTag(s.prefix) != ""
	}
	return s.ForCluster() && hashTag(s.suffix) != ""
}

// ForCluster reports whether the space is of a pattern for a cluster, whose
// parts contain no braces: a pattern of [Cluster] or [ClusterByTenant], or
// another one with a hash tag.
func (s Space) ForCluster() bool { return s.free.rule&noBraces != 0 }

// Tenant returns the value of the parameter {tenant}. If the pattern has no
// such parameter, or if it is the free part, Tenant returns "".
func (s Space) Tenant() string {
	text := s.prefix
	if s.tenant.inSuffix {
		text = s.suffix
	}
	tenant, _ := s.tenant.rule.decode(text[s.tenant.start:s.tenant.end])
	return tenant
}

// span is the place of a part in the prefix or the suffix of a Space.
type span struct {
	start, end int
	inSuffix   bool
	rule       rule
}

// Template returns the template of the pattern that the space was bound from.
// The spaces of all tenants of a repository have the same template.
func (s Space) Template() string { return s.source }

// String returns the space as a template with the free part as its only
// parameter, such as "acme:user:{id}". It is for messages.
func (s Space) String() string {
	if s.source == "" {
		return ""
	}
	return s.prefix + "{" + s.free.name + "}" + s.suffix
}

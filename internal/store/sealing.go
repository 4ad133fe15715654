package store

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/seal"
)

// sealing is the sealed codec of a Store, for its tenant.
type sealing struct {
	codec  codec.Codec // of which this is made
	parts  codec.Sealing
	sealer *seal.Sealer
	other  atomic.Pointer[sealing] // the last one for another tenant
}

// newSealing returns the sealing of the codec, or nil if it is not sealed. It
// keeps that of s if it is for the same codec, because its keys are derived.
func (s *Store) newSealing() (*sealing, error) {
	parts, ok, err := codec.SealingOf(internal.NotForPublicUse{}, s.Codec)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalidArgument, err)
	case !ok:
		return nil, nil //nolint:nilnil // values are not sealed
	case s.sealing != nil && s.sealing.codec == s.Codec:
		return s.sealing, nil
	}
	return &sealing{codec: s.Codec, parts: parts, sealer: parts.Sealer(s.space.Tenant())}, nil
}

// bindSealing makes the sealing that of the tenant of the space.
func (s *Store) bindSealing() {
	if s.sealing != nil {
		s.sealing = s.sealing.forTenant(s.space.Tenant())
	}
}

// forTenant returns the sealing of the same codec for another tenant. It keeps
// the last one, because its keys are derived: each call of a Batch asks for its
// tenant.
func (g *sealing) forTenant(tenant string) *sealing {
	if g.sealer.Tenant() == tenant {
		return g
	}
	if last := g.other.Load(); last != nil && last.sealer.Tenant() == tenant {
		return last
	}
	other := &sealing{codec: g.codec, parts: g.parts, sealer: g.parts.Sealer(tenant)}
	g.other.Store(other)
	return other
}

// Seals reports whether values are sealed.
func (s *Store) Seals() bool { return s.sealing != nil }

// Encoding returns the codec that encodes values before they are sealed.
func (s *Store) Encoding() codec.Codec {
	if s.sealing != nil {
		return s.sealing.parts.Inner
	}
	return s.Codec
}

// CheckKeys returns an error if values are sealed and the KeyRing does not
// return a current key.
func (s *Store) CheckKeys(t fault.Target) error {
	if s.sealing == nil {
		return nil
	}
	if err := s.sealing.sealer.Check(); err != nil {
		return t.NotApplied(err)
	}
	return nil
}

// Place is where the values of a record are sealed. The zero Place is for
// records whose values are not sealed.
type Place struct {
	*sealing
	kind, key string
}

// Place returns the place of the record at t.Key. It is that of the key without
// the prefix of the pool and without hash tags, so that a record opens in
// another layout and on a cluster.
func (s *Store) Place(t fault.Target) Place {
	if s.sealing == nil {
		return Place{}
	}
	key := strings.TrimPrefix(t.Key, s.prefix)
	if s.space.ForCluster() {
		key = withoutTags.Replace(key)
	}
	return Place{s.sealing, string(s.spec.Kind), key}
}

// withoutTags removes the braces of hash tags. The keys of a pattern for a
// cluster have no others.
var withoutTags = strings.NewReplacer("{", "", "}", "")

// Seals reports whether values are sealed at the place.
func (p Place) Seals() bool { return p.sealing != nil }

// Seal returns a text as it is stored in a field, whose name is empty if the
// key has one value.
func (p Place) Seal(field, text string) (string, error) {
	if p.sealing == nil {
		return text, nil
	}
	return p.sealer.Seal(p.at(field), text)
}

// Open is the inverse of Seal. A value of a field with old names opens if it
// was sealed under any of the names, because scripts move it.
func (p Place) Open(text, field string, old ...string) (string, error) {
	if p.sealing == nil {
		return text, nil
	}
	if p.parts.ReadPlain && !seal.Sealed(text) {
		return text, nil
	}
	opened, err := p.sealer.Open(p.at(field), text)
	for i := 0; i < len(old) && errors.Is(err, seal.ErrCannotOpen); i++ {
		opened, err = p.sealer.Open(p.at(old[i]), text)
	}
	return opened, err
}

// Reseal returns the text of a field sealed anew. It reports false if the text
// is as [Place.Seal] would seal it.
func (p Place) Reseal(text, field string, old ...string) (resealed string, changed bool, err error) {
	plain, err := p.Open(text, field)
	if err == nil && seal.Sealed(text) {
		current, err := p.sealer.Current(text)
		if current || err != nil {
			return text, false, err
		}
	}
	if errors.Is(err, seal.ErrCannotOpen) {
		plain, err = p.Open(text, field, old...)
	}
	if err != nil {
		return text, false, err
	}
	resealed, err = p.Seal(field, plain)
	return resealed, true, err
}

func (p Place) at(field string) seal.Place { return seal.Place{Kind: p.kind, Key: p.key, Field: field} }

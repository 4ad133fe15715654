package codec

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/symphony-go/symphony/internal/seal"
)

// KeyRing has the keys of a [Sealed] codec. [NewKeyRing] and [NewTenantKeys]
// return the KeyRings of this package. Any other type with these methods can be
// used too, such as one that loads keys from a service.
//
// The methods are called for each value. They must be fast, and safe for
// concurrent use. A key has 32 bytes, and the caller does not change it. From
// each key, a sealed codec derives one for the tenant. The tenant is the value
// of the parameter {tenant} in the pattern of the repository. It is empty if
// the pattern has no such parameter.
type KeyRing interface {
	// Current returns the key that seals new values of a tenant, and its id,
	// which has 1 to 255 bytes. The id is stored with each value.
	Current(tenant string) (id string, key []byte, err error)
	// Key returns the key with an id. If there is none, it returns
	// [ErrUnknownKey], or [ErrKeyForgotten] if it was forgotten on purpose.
	Key(tenant, id string) ([]byte, error)
}

// Keys is a [KeyRing] with the same keys for all tenants. It is immutable and
// safe for concurrent use. No format shows the keys.
type Keys struct{ set *keySet }

// NewKeyRing returns a KeyRing whose keys seal the values of all tenants. New
// values are sealed with the key whose id is current. The others open the
// values of the time before. The keys are copied.
//
// A key must be 32 random bytes, from crypto/rand for example. A password is
// none.
//
// If there is no key with the id current, if a key does not have 32 bytes, if
// two keys are equal, or if an id is empty or longer than 255 bytes, NewKeyRing
// returns [ErrInvalidKeys].
func NewKeyRing(current string, keys map[string][]byte) (*Keys, error) {
	set, err := newKeySet(current, keys)
	if err != nil {
		return nil, fmt.Errorf("codec: %w", err)
	}
	return &Keys{set}, nil
}

// Current returns the current key and its id.
func (k *Keys) Current(string) (id string, key []byte, err error) {
	if k == nil || k.set == nil {
		return "", nil, errZeroKeys
	}
	return k.set.currentKey()
}

// Key returns the key with an id. If there is none, it returns [ErrUnknownKey].
func (k *Keys) Key(_, id string) ([]byte, error) {
	if k == nil || k.set == nil {
		return nil, errZeroKeys
	}
	return k.set.key(id)
}

var errZeroKeys = fmt.Errorf("%w: the KeyRing is empty; make one with codec.NewKeyRing", ErrInvalidKeys)

// String returns the ids of the keys, the current one first.
func (k *Keys) String() string {
	if k == nil {
		return "codec.Keys(nil)"
	}
	return "codec.Keys(" + k.set.text() + ")"
}

// Format writes the ids of the keys with every verb.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, k.String()) }

// MarshalText returns the ids of the keys.
func (k *Keys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue returns the ids of the keys.
func (k *Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// TenantKeys is a [KeyRing] with keys for each tenant, which can be forgotten.
// It holds them in memory: the program loads them from where it keeps its
// secrets, calls [TenantKeys.Set], and removes them there when it calls
// [TenantKeys.Forget]. A TenantKeys is safe for concurrent use. No format shows
// the keys.
type TenantKeys struct {
	mu      sync.RWMutex
	tenants map[string]*keySet // nil: forgotten
}

// NewTenantKeys returns a KeyRing without keys.
func NewTenantKeys() *TenantKeys { return &TenantKeys{tenants: map[string]*keySet{}} }

// Set replaces the keys of a tenant. New values are sealed with the key whose
// id is current. The keys are copied. Set ends the effect of
// [TenantKeys.Forget].
//
// Set returns the errors of [NewKeyRing], and changes nothing then.
func (k *TenantKeys) Set(tenant, current string, keys map[string][]byte) error {
	set, err := newKeySet(current, keys)
	if err != nil {
		return fmt.Errorf("codec: the keys of the tenant %q: %w", tenant, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tenants[tenant] = set
	return nil
}

// Forget removes the keys of a tenant. From then on, reads and writes of its
// sealed values return [ErrKeyForgotten]. If no copy of the keys is left,
// nobody can read the values that they sealed, also in backups.
func (k *TenantKeys) Forget(tenant string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tenants[tenant] = nil
}

// Current returns the current key of a tenant and its id. If the tenant has no
// keys, it returns [ErrUnknownKey] or [ErrKeyForgotten].
func (k *TenantKeys) Current(tenant string) (id string, key []byte, err error) {
	set, err := k.of(tenant)
	if err != nil {
		return "", nil, err
	}
	return set.currentKey()
}

// Key returns the key of a tenant with an id. If there is none, it returns
// [ErrUnknownKey] or [ErrKeyForgotten].
func (k *TenantKeys) Key(tenant, id string) ([]byte, error) {
	set, err := k.of(tenant)
	if err != nil {
		return nil, err
	}
	return set.key(id)
}

func (k *TenantKeys) of(tenant string) (*keySet, error) {
	if k == nil {
		return nil, errZeroKeys
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	set, known := k.tenants[tenant]
	switch {
	case !known:
		return nil, ErrUnknownKey
	case set == nil:
		return nil, ErrKeyForgotten
	}
	return set, nil
}

// String returns the number of tenants.
func (k *TenantKeys) String() string {
	if k == nil {
		return "codec.TenantKeys(nil)"
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	return fmt.Sprintf("codec.TenantKeys(%d tenants)", len(k.tenants))
}

// Format writes the number of tenants with every verb.
func (k *TenantKeys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, k.String()) }

// MarshalText returns the number of tenants.
func (k *TenantKeys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// LogValue returns the number of tenants.
func (k *TenantKeys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// keySet is keys by their ids. It is immutable. Its keys are in a function,
// because package fmt follows pointers in unexported fields.
type keySet struct {
	current string
	ids     []string
	find    func(id string) (key []byte, ok bool)
}

func newKeySet(current string, keys map[string][]byte) (*keySet, error) {
	set := &keySet{current: current, ids: slices.Sorted(maps.Keys(keys))}
	var errs []error
	copies := make(map[string][]byte, len(keys))
	for i, id := range set.ids {
		key := keys[id]
		if err := errors.Join(seal.CheckID(id), seal.CheckKey(key)); err != nil {
			errs = append(errs, fmt.Errorf("the key %q: %w", id, err))
		}
		for _, other := range set.ids[:i] {
			if len(key) > 0 && bytes.Equal(key, keys[other]) {
				errs = append(errs, fmt.Errorf("%w: the keys %q and %q are equal; make each of them from new random bytes", ErrInvalidKeys, other, id))
			}
		}
		copies[id] = bytes.Clone(key)
	}
	if _, ok := keys[current]; !ok {
		errs = append(errs, fmt.Errorf("%w: there is no key %q, which is to be the current one; add it", ErrInvalidKeys, current))
	}
	set.find = func(id string) ([]byte, bool) { key, ok := copies[id]; return key, ok }
	return set, errors.Join(errs...)
}

func (s *keySet) currentKey() (id string, key []byte, err error) {
	key, err = s.key(s.current)
	return s.current, key, err
}

func (s *keySet) key(id string) ([]byte, error) {
	if key, ok := s.find(id); ok {
		return key, nil
	}
	return nil, ErrUnknownKey
}

// text returns the ids of the keys, the current one first.
func (s *keySet) text() string {
	if s == nil {
		return ""
	}
	all := []string{s.current}
	for _, id := range s.ids {
		if id != s.current {
			all = append(all, id)
		}
	}
	return strings.Join(all, ", ")
}

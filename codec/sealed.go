package codec

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/seal"
)

// The errors of sealed values. A [*DecodeError] wraps the first two if a stored
// value cannot be read, and a [*KeyError] wraps the others.
var (
	// ErrNotSealed reports a stored value that is not sealed.
	ErrNotSealed = seal.ErrNotSealed
	// ErrCannotOpen reports a sealed value whose bytes were changed, that was
	// copied from another key, field or tenant, or whose key has other bytes.
	ErrCannotOpen = seal.ErrCannotOpen
	// ErrUnknownKey reports a key that a [KeyRing] does not have.
	ErrUnknownKey = seal.ErrUnknownKey
	// ErrKeyForgotten reports a key that was forgotten on purpose. The values
	// that it sealed cannot be read.
	ErrKeyForgotten = seal.ErrKeyForgotten
	// ErrInvalidKeys reports a key or the id of a key that cannot be used, or a
	// KeyRing without a current key.
	ErrInvalidKeys = seal.ErrInvalidKeys
	// ErrNoPlace reports that a sealed codec was used without a repository.
	ErrNoPlace = errors.New("a sealed codec binds each value to its place, which only a repository knows; use it as the option Codec, and the inner codec elsewhere")
)

// KeyError is the error of a key of a [KeyRing]. Its text never has the key.
type KeyError struct {
	Tenant string
	ID     string // of the key; empty: the current key
	Err    error  // of the KeyRing, or ErrInvalidKeys
}

// Error returns the tenant, the id and the reason.
func (e *KeyError) Error() string {
	name := "the current key"
	if e.ID != "" {
		name = fmt.Sprintf("the key %q", e.ID)
	}
	return fmt.Sprintf("%s of the tenant %q: %v", name, e.Tenant, e.Err)
}

// Unwrap returns e.Err.
func (e *KeyError) Unwrap() error { return e.Err }

// Sealed returns a codec that encrypts each value with AES-256-GCM after inner
// has encoded it, and decrypts it before inner decodes it. Pass it to a
// repository as the option Codec.
//
//	ring, err := codec.NewKeyRing("2027", map[string][]byte{"2027": key})
//	sealed := codec.Sealed(codec.Compact, ring)
//	users, err := symphony.NewUser[Patient](pools, "acme", symphony.Codec(sealed))
//
// Each value is bound to its tenant, its key in Redis and its field. A value
// that is copied to another place does not open there: the error wraps
// [ErrCannotOpen]. A value that is not sealed is refused with [ErrNotSealed].
// If keys does not have the key of a value, the error is a [*KeyError].
//
// In a record, all fields are sealed except the version. If fields of T have
// the tag option sealed, only these are. The constructor of a repository
// returns its ErrInvalidSchema if a sealed field has an index, or if a field
// has the option and the codec of the repository is not sealed. Conditions and
// orders of a sealed field are refused with its ErrUnsupported, because two
// seals of one value differ. Patches that add or append read the field and
// write it with optimistic concurrency.
//
// Fields that are absent, the names of fields, keys, lifetimes and the lengths
// of values are not hidden. docs/security.md has the
// limits of this protection.
//
// If inner or keys is nil, or inner is sealed, the constructor of the
// repository returns an error. Marshal and Unmarshal of the codec return
// [ErrNoPlace]. Its name is that of inner after "sealed-".
func Sealed(inner Codec, keys KeyRing) Codec { return newSealed(inner, keys, false) }

// SealedOrPlain returns a codec like [Sealed] that also reads values which are
// not sealed. It is for the time in which Reseal seals the values of a
// repository that was not sealed before. Everyone who can write to Redis can
// store a plain value meanwhile, and it is read.
func SealedOrPlain(inner Codec, keys KeyRing) Codec { return newSealed(inner, keys, true) }

// sealed is the codec. Its KeyRing is in a function, because package fmt
// follows pointers in unexported fields.
type sealed struct {
	inner Codec
	keys  func() KeyRing
	plain bool // read values that are not sealed
}

func newSealed(inner Codec, keys KeyRing, plain bool) *sealed {
	return &sealed{inner, func() KeyRing { return keys }, plain}
}

// Name returns the name of the inner codec after "sealed-".
func (s *sealed) Name() string {
	if s.inner == nil {
		return "sealed-nil"
	}
	return "sealed-" + s.inner.Name()
}

// Marshal returns [ErrNoPlace].
func (s *sealed) Marshal(any) ([]byte, error) { return nil, ErrNoPlace }

// Unmarshal returns [ErrNoPlace].
func (s *sealed) Unmarshal([]byte, any) error { return ErrNoPlace }

// String returns the name. It hides the keys, as do the methods below.
func (s *sealed) String() string { return s.Name() }

// Format writes the name with every verb.
func (s *sealed) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.Name()) }

// MarshalText returns the name.
func (s *sealed) MarshalText() ([]byte, error) { return []byte(s.Name()), nil }

// LogValue returns the name.
func (s *sealed) LogValue() slog.Value { return slog.StringValue(s.Name()) }

// Resealed is how far a Reseal of a repository has come.
type Resealed struct {
	Seen     int64 // the records that were read
	Resealed int64 // the records of which values were sealed anew
}

// Sealing is a codec of [Sealed] or [SealedOrPlain] as a repository uses it.
type Sealing struct {
	Inner     Codec // encodes before a value is sealed
	ReadPlain bool  // values that are not sealed are read too

	keys func() KeyRing
}

// Sealer returns the sealer of a tenant, for packages of this module.
func (s Sealing) Sealer(tenant string) *seal.Sealer {
	return seal.New(s.keys(), tenant, func(tenant, id string, reason error) error { return &KeyError{tenant, id, reason} })
}

// SealingOf returns the parts of a sealed codec. It reports false for any other
// codec. Only packages of this module call it.
//
// If the codec cannot be used, SealingOf returns an error.
func SealingOf(_ internal.NotForPublicUse, c Codec) (s Sealing, ok bool, err error) {
	of, ok := c.(*sealed)
	if !ok {
		return Sealing{}, false, nil
	}
	_, twice := of.inner.(*sealed)
	switch {
	case of.inner == nil:
		err = errors.New("the inner codec of codec.Sealed is nil; pass codec.Compact, codec.JSON, codec.MsgPack or one of your own")
	case of.keys() == nil:
		err = errors.New("the KeyRing of codec.Sealed is nil; pass one, such as that of codec.NewKeyRing")
	case twice:
		err = errors.New("the inner codec of codec.Sealed is sealed too; seal a value once")
	}
	return Sealing{of.inner, of.plain, of.keys}, true, err
}

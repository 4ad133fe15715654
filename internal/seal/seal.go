// Package seal encrypts the values of a tenant, and binds each of them to its
// place. It knows neither Go values nor Redis.
//
// A sealed value is:
//
//	\xc1seal\x01  the mark
//	n             the length of the key's id, one byte
//	id            of the key
//	nonce         12 random bytes
//	ciphertext    of AES-256-GCM, with the tag of 16 bytes
//
// No UTF-8 and no MessagePack begins with the byte \xc1. docs/bytes.md has the
// rest: how the key is derived, and which associated data name the place.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// The errors of sealed values. Package codec exports them.
var (
	ErrNotSealed    = errors.New("the stored value is not sealed; run Reseal of a repository with codec.SealedOrPlain")
	ErrCannotOpen   = errors.New("the sealed value does not open: its bytes were changed, it was copied from another key, field or tenant, or its key has other bytes")
	ErrUnknownKey   = errors.New("the KeyRing does not have the key; add it, or restore the old one")
	ErrKeyForgotten = errors.New("the key was forgotten, so the value cannot be read; delete the record")
	ErrInvalidKeys  = errors.New("invalid keys")
)

// KeySize is the number of bytes of a key.
const KeySize = 32

// MaxIDLen is the largest number of bytes of the id of a key.
const MaxIDLen = 255

const (
	mark     = "\xc1seal\x01"
	overhead = 12 + 16 // nonce and tag
	info     = "symphony sealed 1\x00"
)

// KeyRing is the interface of the same name in package codec.
type KeyRing interface {
	Current(tenant string) (id string, key []byte, err error)
	Key(tenant, id string) ([]byte, error)
}

// KeyError makes the error of a key that cannot be used. The id is empty for
// the current key.
type KeyError func(tenant, id string, reason error) error

// CheckID returns ErrInvalidKeys unless id can name a key.
func CheckID(id string) error {
	if id == "" || len(id) > MaxIDLen {
		return fmt.Errorf("%w: an id has %d bytes; use 1 to %d", ErrInvalidKeys, len(id), MaxIDLen)
	}
	return nil
}

// CheckKey returns ErrInvalidKeys unless key can be a key.
func CheckKey(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("%w: a key has %d bytes; use %d random bytes", ErrInvalidKeys, len(key), KeySize)
	}
	return nil
}

// Sealer seals and opens the values of one tenant. It is safe for concurrent
// use. It asks the KeyRing for each value, so a key that the KeyRing forgets is
// not used again.
type Sealer struct {
	keys   KeyRing
	tenant string
	failed KeyError
	ready  atomic.Pointer[[]*derived]
}

// derived is the key of a tenant, which is derived from a key of the KeyRing.
type derived struct {
	id   string
	from [KeySize]byte
	aead cipher.AEAD
}

// New returns the Sealer of a tenant, which may be empty.
func New(keys KeyRing, tenant string, failed KeyError) *Sealer {
	return &Sealer{keys: keys, tenant: tenant, failed: failed}
}

// Tenant returns the tenant.
func (s *Sealer) Tenant() string { return s.tenant }

// Place is where a value is stored. A value that was sealed at one place opens
// at no other.
type Place struct {
	Kind  string // such as the Redis type of the key
	Key   string // of the record
	Field string // of the record; empty if the key has one value
}

// Sealed reports whether text has the mark of a sealed value.
func Sealed(text string) bool { return strings.HasPrefix(text, mark) }

// Check returns the error of Seal that is about the current key.
func (s *Sealer) Check() error {
	_, err := s.current()
	return err
}

// current returns the key that seals.
func (s *Sealer) current() (*derived, error) {
	id, key, err := s.keys.Current(s.tenant)
	if err == nil {
		err = CheckID(id)
	}
	if err != nil {
		return nil, s.failed(s.tenant, "", err)
	}
	return s.derive(id, key)
}

// Seal returns the sealed text. If there is no current key, it returns
// the error that KeyError makes.
func (s *Sealer) Seal(p Place, text string) (string, error) {
	d, err := s.current()
	if err != nil {
		return "", err
	}
	n := len(mark) + 1 + len(d.id)
	sealed := make([]byte, n, n+len(text)+overhead)
	copy(sealed, mark)
	sealed[len(mark)] = byte(len(d.id))
	copy(sealed[len(mark)+1:], d.id)
	return string(d.aead.Seal(sealed, nil, []byte(text), s.associated(p, string(sealed)))), nil
}

// Open returns the text that was sealed at the place. If the text is not
// sealed, it returns ErrNotSealed. If it was not sealed at this place with this
// key, Open returns ErrCannotOpen. If the KeyRing does not return the key, Open
// returns the error that KeyError makes.
func (s *Sealer) Open(p Place, sealed string) (string, error) {
	header, id, err := split(sealed)
	if err != nil {
		return "", err
	}
	key, err := s.keys.Key(s.tenant, id)
	if err != nil {
		return "", s.failed(s.tenant, id, err)
	}
	d, err := s.derive(id, key)
	if err != nil {
		return "", err
	}
	text, err := d.aead.Open(nil, nil, []byte(sealed[len(header):]), s.associated(p, header))
	if err != nil {
		return "", ErrCannotOpen
	}
	return string(text), nil
}

// Current reports whether a sealed text has the id of the current key.
func (s *Sealer) Current(sealed string) (bool, error) {
	_, id, err := split(sealed)
	if err != nil {
		return false, err
	}
	current, _, err := s.keys.Current(s.tenant)
	if err != nil {
		return false, s.failed(s.tenant, "", err)
	}
	return id == current, nil
}

// split returns the part of a sealed text before the nonce, and the id of the
// key.
func split(sealed string) (header, id string, err error) {
	if !Sealed(sealed) {
		return "", "", ErrNotSealed
	}
	if len(sealed) == len(mark) {
		return "", "", ErrCannotOpen
	}
	n := len(mark) + 1 + int(sealed[len(mark)])
	if n == len(mark)+1 || len(sealed) < n+overhead {
		return "", "", ErrCannotOpen
	}
	return sealed[:n], sealed[len(mark)+1 : n], nil
}

// associated returns the data that are authenticated with a text: the place and
// the header, each after its length.
func (s *Sealer) associated(p Place, header string) []byte {
	parts := [...]string{p.Kind, s.tenant, p.Key, p.Field, header}
	size := 0
	for _, part := range parts {
		size += binary.MaxVarintLen32 + len(part)
	}
	data := make([]byte, 0, size)
	for _, part := range parts {
		data = append(binary.AppendUvarint(data, uint64(len(part))), part...)
	}
	return data
}

// mostDerived is the number of keys that a Sealer keeps. A tenant has one, and
// two during a rotation.
const mostDerived = 8

// derive returns the key of the tenant. It derives each key once.
func (s *Sealer) derive(id string, key []byte) (*derived, error) {
	if err := CheckKey(key); err != nil {
		return nil, s.failed(s.tenant, id, err)
	}
	from := [KeySize]byte(key)
	var ready []*derived
	if all := s.ready.Load(); all != nil {
		ready = *all
	}
	for _, d := range ready {
		if d.id == id && d.from == from {
			return d, nil
		}
	}
	secret, err := hkdf.Key(sha256.New, key, nil, info+s.tenant, KeySize)
	if err != nil {
		return nil, s.failed(s.tenant, id, err)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, s.failed(s.tenant, id, err)
	}
	d := &derived{id: id, from: from}
	if d.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, s.failed(s.tenant, id, err)
	}
	// A second caller may derive the same key meanwhile; one of them is kept.
	next := append([]*derived{d}, slices.Clone(ready[:min(len(ready), mostDerived-1)])...)
	s.ready.Store(&next)
	return d, nil
}

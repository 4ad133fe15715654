package seal_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/seal"
)

// ring is a KeyRing of one current key.
type ring struct {
	current string
	keys    map[string][]byte
}

func (r ring) Current(string) (string, []byte, error) { return r.current, r.keys[r.current], nil }

func (r ring) Key(_, id string) ([]byte, error) {
	if key, ok := r.keys[id]; ok {
		return key, nil
	}
	return nil, seal.ErrUnknownKey
}

func key(b byte) []byte { return []byte(strings.Repeat(string(rune(b)), seal.KeySize)) }

func keyError(tenant, id string, err error) error { return fmt.Errorf("%q %q: %w", tenant, id, err) }

func sealer(tenant, current string) *seal.Sealer {
	return seal.New(ring{current, map[string][]byte{"a": key('a'), "b": key('b')}}, tenant, keyError)
}

var place = seal.Place{Kind: "hash", Key: "acme:user:u", Field: "ssn"}

func TestSealedOpens(t *testing.T) {
	s := sealer("acme", "a")
	for _, text := range []string{"", "x", "\xc1seal\x01", strings.Repeat("long", 10_000)} {
		sealed, err := s.Seal(place, text)
		require.NoError(t, err)
		require.True(t, seal.Sealed(sealed))
		require.Len(t, sealed, len(text)+36)
		again, err := s.Seal(place, text)
		require.NoError(t, err)
		require.NotEqual(t, sealed, again, "the nonce is random")
		opened, err := sealer("acme", "b").Open(place, sealed)
		require.NoError(t, err)
		require.Equal(t, text, opened)
	}
}

// golden was sealed by the first version. It must open forever.
const golden = "c17365616c01016143b02190594ab57c2f7647183e1bbbef6eefa7da1cd94656e7a59157c7b93cce271fbe969e90a4"

func TestFormat(t *testing.T) {
	sealed, err := hex.DecodeString(golden)
	require.NoError(t, err)
	opened, err := sealer("acme", "a").Open(place, string(sealed))
	require.NoError(t, err)
	require.Equal(t, "078-05-1120", opened)
}

func TestAnyChangedBitIsFound(t *testing.T) {
	s := sealer("acme", "a")
	sealed, err := s.Seal(place, "text")
	require.NoError(t, err)
	for i := range len(sealed) * 8 {
		changed := []byte(sealed)
		changed[i/8] ^= 1 << (i % 8)
		_, err := s.Open(place, string(changed))
		require.Error(t, err, "bit %d", i)
		require.True(t, errors.Is(err, seal.ErrCannotOpen) || errors.Is(err, seal.ErrNotSealed) || errors.Is(err, seal.ErrUnknownKey), "bit %d: %v", i, err)
	}
	for i := range sealed {
		_, err := s.Open(place, sealed[:i])
		require.Error(t, err, "%d bytes", i)
	}
	_, err = s.Open(place, sealed+"x")
	require.ErrorIs(t, err, seal.ErrCannotOpen)
}

// The id is part of what is authenticated: another id does not open, even if
// its key has the same bytes.
func TestSwappedID(t *testing.T) {
	s := seal.New(ring{"a", map[string][]byte{"a": key('a'), "b": key('a')}}, "acme", keyError)
	sealed, err := s.Seal(place, "text")
	require.NoError(t, err)
	swapped := strings.Replace(sealed, "\x01a", "\x01b", 1)
	require.NotEqual(t, sealed, swapped)
	_, err = s.Open(place, swapped)
	require.ErrorIs(t, err, seal.ErrCannotOpen)
}

func TestAnotherPlaceDoesNotOpen(t *testing.T) {
	sealed, err := sealer("acme", "a").Seal(place, "text")
	require.NoError(t, err)
	for _, other := range []seal.Place{
		{Kind: "string", Key: "acme:user:u", Field: "ssn"},
		{Kind: "hash", Key: "acme:user:v", Field: "ssn"},
		{Kind: "hash", Key: "acme:user:u", Field: "name"},
		{Kind: "hash", Key: "acme:user:us", Field: "sn"},
		{Kind: "hash", Key: "acme:user:ussn"},
		{Kind: "hasha", Key: "cme:user:u", Field: "ssn"},
	} {
		_, err := sealer("acme", "a").Open(other, sealed)
		require.ErrorIs(t, err, seal.ErrCannotOpen, "%+v", other)
	}
	for _, tenant := range []string{"", "acm", "acme2"} {
		_, err := sealer(tenant, "a").Open(place, sealed)
		require.ErrorIs(t, err, seal.ErrCannotOpen, tenant)
	}
}

func TestKeysAreChecked(t *testing.T) {
	_, err := seal.New(ring{"a", nil}, "acme", keyError).Seal(place, "text")
	require.ErrorIs(t, err, seal.ErrInvalidKeys)
	_, err = seal.New(ring{"", nil}, "acme", keyError).Seal(place, "text")
	require.ErrorIs(t, err, seal.ErrInvalidKeys)
	_, err = seal.New(ring{strings.Repeat("x", 256), nil}, "acme", keyError).Seal(place, "text")
	require.ErrorIs(t, err, seal.ErrInvalidKeys)
}

// A Sealer never uses the key of before for an id whose bytes changed, and
// keeps working with more keys than it keeps derived.
func TestManyKeys(t *testing.T) {
	r := ring{"k0", map[string][]byte{}}
	for i := range 20 {
		r.keys[fmt.Sprint("k", i)] = key(byte('a' + i))
	}
	s := seal.New(r, "acme", keyError)
	var all []string
	for i := range 20 {
		current := ring{fmt.Sprint("k", i), r.keys}
		sealed, err := seal.New(current, "acme", keyError).Seal(place, "text")
		require.NoError(t, err)
		all = append(all, sealed)
	}
	for range 2 {
		for _, sealed := range all {
			opened, err := s.Open(place, sealed)
			require.NoError(t, err)
			require.Equal(t, "text", opened)
		}
	}
	_, err := s.Open(place, all[0])
	require.NoError(t, err)
	r.keys["k0"] = key('z')
	_, err = s.Open(place, all[0])
	require.ErrorIs(t, err, seal.ErrCannotOpen)
	delete(r.keys, "k0")
	_, err = s.Open(place, all[0])
	require.ErrorIs(t, err, seal.ErrUnknownKey)
}

// Whatever is stored, Open returns an error of its own, and no text.
func FuzzOpen(f *testing.F) {
	s := sealer("acme", "a")
	sealed, err := s.Seal(place, "text")
	require.NoError(f, err)
	f.Add(sealed[:len(sealed)-1])
	for n := range 9 {
		f.Add(sealed[:n])
	}
	f.Add("\xc1seal\x01\xff" + strings.Repeat("x", 300))
	f.Add("\xc1seal\x01\x00" + strings.Repeat("x", 40))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		opened, err := s.Open(place, text)
		if err == nil {
			t.Fatalf("%q opened as %q", text, opened)
		}
		if opened != "" || !errors.Is(err, seal.ErrCannotOpen) && !errors.Is(err, seal.ErrNotSealed) && !errors.Is(err, seal.ErrUnknownKey) {
			t.Fatalf("%q: %q, %v", text, opened, err)
		}
		if seal.Sealed(text) == errors.Is(err, seal.ErrNotSealed) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s := sealer("acme", "a")
	for _, n := range []int{16, 1024} {
		text := strings.Repeat("x", n)
		sealed, err := s.Seal(place, text)
		require.NoError(b, err)
		b.Run(fmt.Sprint("Seal/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.Seal(place, text)
			}
		})
		b.Run(fmt.Sprint("Open/", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.Open(place, sealed)
			}
		})
	}
}

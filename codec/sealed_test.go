package codec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// testKey is a key whose text is easy to find.
func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// A sealed codec without a repository refuses to encode, rather than to encode
// without a place.
func TestSealedNeedsAPlace(t *testing.T) {
	ring, err := codec.NewKeyRing("k", map[string][]byte{"k": testKey('k')})
	require.NoError(t, err)
	c := codec.Sealed(codec.JSON, ring)
	require.Equal(t, "sealed-json", c.Name())
	_, err = c.Marshal("text")
	require.ErrorIs(t, err, codec.ErrNoPlace)
	var text string
	require.ErrorIs(t, c.Unmarshal([]byte("text"), &text), codec.ErrNoPlace)
	require.ErrorIs(t, codec.NewValue(c, []byte("text")).Decode(&text), codec.ErrNoPlace)
}

// openRing is a KeyRing that hides nothing by itself.
type openRing struct{ key []byte }

func (r openRing) Current(string) (string, []byte, error) { return "k", r.key, nil }
func (r openRing) Key(_, _ string) ([]byte, error)        { return r.key, nil }

// No format shows a key, whatever holds the ring or the codec.
func TestKeysAreNotShown(t *testing.T) {
	key := []byte("0123456789abcdefghijklmnopqrstuv")
	ring, err := codec.NewKeyRing("new", map[string][]byte{"new": key, "old": testKey('o')})
	require.NoError(t, err)
	tenants := codec.NewTenantKeys()
	require.NoError(t, tenants.Set("acme", "new", map[string][]byte{"new": key}))
	type holder struct {
		Any    any
		hidden any
	}
	for _, v := range []any{ring, *ring, tenants, codec.Sealed(codec.Compact, ring), codec.SealedOrPlain(codec.Compact, tenants), codec.Sealed(codec.Compact, openRing{key})} {
		for _, value := range []any{v, &v, []any{v}, map[string]any{"v": v}, holder{v, v}, &holder{v, v}} {
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", value)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", value)
			marshaled, _ := json.Marshal(value)
			texts := []string{log.String(), string(marshaled)}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
				texts = append(texts, fmt.Sprintf(verb, value))
			}
			for _, text := range texts {
				require.NotContains(t, text, string(key))
				require.NotContains(t, text, hex.EncodeToString(key[:8]))
				require.NotContains(t, text, fmt.Sprintf("%d %d %d", key[0], key[1], key[2]))
				require.NotContains(t, text, "MDEyMzQ1Njc4")
			}
		}
	}
	require.Equal(t, "codec.Keys(new, old)", fmt.Sprint(ring))
	require.Equal(t, "codec.TenantKeys(1 tenants)", fmt.Sprint(tenants))
	require.Equal(t, "sealed-compact", fmt.Sprint(codec.Sealed(codec.Compact, ring)))
	require.Equal(t, "codec.Keys(nil) codec.TenantKeys(nil)", fmt.Sprint((*codec.Keys)(nil), (*codec.TenantKeys)(nil)))
}

// NewKeyRing reports all mistakes at once, without the keys.
func TestNewKeyRingErrors(t *testing.T) {
	for _, test := range []struct {
		current string
		keys    map[string][]byte
		texts   []string
	}{
		{"k", nil, []string{`no key "k"`, "add it"}},
		{"k", map[string][]byte{"k": testKey('k')[:16]}, []string{`the key "k"`, "16 bytes", "use 32 random bytes"}},
		{"k", map[string][]byte{"k": nil}, []string{"0 bytes"}},
		{"", map[string][]byte{"": testKey('k')}, []string{"an id has 0 bytes"}},
		{"k", map[string][]byte{"k": testKey('k'), strings.Repeat("x", 256): testKey('x')}, []string{"256 bytes"}},
		{"k", map[string][]byte{"k": testKey('k'), "l": testKey('k')}, []string{`"k" and "l" are equal`}},
		{"z", map[string][]byte{"k": testKey('k')[:1], "l": testKey('l')[:2]}, []string{"1 bytes", "2 bytes", `no key "z"`}},
	} {
		_, err := codec.NewKeyRing(test.current, test.keys)
		require.ErrorIs(t, err, codec.ErrInvalidKeys)
		for _, text := range test.texts {
			require.ErrorContains(t, err, text)
		}
		require.NotContains(t, err.Error(), "kkkk")
		require.ErrorIs(t, codec.NewTenantKeys().Set("acme", test.current, test.keys), codec.ErrInvalidKeys)
	}
	_, _, err := new(codec.Keys).Current("acme")
	require.ErrorIs(t, err, codec.ErrInvalidKeys)
	_, err = (*codec.Keys)(nil).Key("acme", "k")
	require.ErrorIs(t, err, codec.ErrInvalidKeys)
}

// A later change of the caller's map does not change a ring.
func TestKeysAreCopied(t *testing.T) {
	key := testKey('k')
	keys := map[string][]byte{"k": key}
	ring, err := codec.NewKeyRing("k", keys)
	require.NoError(t, err)
	key[0], keys["l"] = 'x', testKey('l')
	id, got, err := ring.Current("any")
	require.NoError(t, err)
	require.Equal(t, "k", id)
	require.Equal(t, testKey('k'), got)
	_, err = ring.Key("any", "l")
	require.ErrorIs(t, err, codec.ErrUnknownKey)
}

func TestTenantKeys(t *testing.T) {
	ring := codec.NewTenantKeys()
	_, _, err := ring.Current("acme")
	require.ErrorIs(t, err, codec.ErrUnknownKey)
	require.NoError(t, ring.Set("acme", "2", map[string][]byte{"1": testKey(1), "2": testKey(2)}))
	require.NoError(t, ring.Set("other", "1", map[string][]byte{"1": testKey(3)}))
	id, key, err := ring.Current("acme")
	require.NoError(t, err)
	require.Equal(t, "2", id)
	require.Equal(t, testKey(2), key)
	key, err = ring.Key("acme", "1")
	require.NoError(t, err)
	require.Equal(t, testKey(1), key)
	require.Error(t, ring.Set("acme", "3", nil))
	_, err = ring.Key("acme", "2")
	require.NoError(t, err, "a refused Set changes nothing")

	ring.Forget("acme")
	_, _, err = ring.Current("acme")
	require.ErrorIs(t, err, codec.ErrKeyForgotten)
	_, err = ring.Key("acme", "1")
	require.ErrorIs(t, err, codec.ErrKeyForgotten)
	_, err = ring.Key("other", "1")
	require.NoError(t, err)
	require.NoError(t, ring.Set("acme", "1", map[string][]byte{"1": testKey(4)}))
	_, err = ring.Key("acme", "1")
	require.NoError(t, err)
}

func TestKeyError(t *testing.T) {
	reason := errors.New("reason")
	require.EqualError(t, &codec.KeyError{Tenant: "acme", ID: "k", Err: reason}, `the key "k" of the tenant "acme": reason`)
	require.EqualError(t, &codec.KeyError{Tenant: "acme", Err: reason}, `the current key of the tenant "acme": reason`)
	require.ErrorIs(t, &codec.KeyError{Err: reason}, reason)
}

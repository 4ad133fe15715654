package pooltest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// KeyRing returns a KeyRing of keys with the given ids, the current one first.
// A key repeats the first byte of its id, which differs from those of others.
func KeyRing(tb testing.TB, ids ...string) *codec.Keys {
	tb.Helper()
	keys := map[string][]byte{}
	for _, id := range ids {
		keys[id] = bytes.Repeat([]byte(id[:1]), 32)
	}
	ring, err := codec.NewKeyRing(ids[0], keys)
	require.NoError(tb, err)
	return ring
}

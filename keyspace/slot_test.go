package keyspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/keyspace"
)

// The slots are those that CLUSTER KEYSLOT of a server answers.
func TestSlot(t *testing.T) {
	for key, slot := range map[string]uint16{
		"foo": 12182, "bar": 5061, "{foo}bar": 12182, "x{foo}": 12182, "123456789": 12739, "": 0,
	} {
		require.Equal(t, slot, keyspace.Slot(key), key)
	}
	require.NotEqual(t, keyspace.Slot("foo"), keyspace.Slot("{}foo"), "an empty tag is none")
}

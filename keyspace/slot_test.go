package keyspace_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/keyspace"
)

// The expected slots are the answers of CLUSTER KEYSLOT on a server.
func TestSlot(t *testing.T) {
	for key, slot := range map[string]uint16{
		"foo": 12182, "bar": 5061, "{foo}bar": 12182, "x{foo}": 12182, "123456789": 12739, "": 0,
	} {
		require.Equal(t, slot, keyspace.Slot(key), key)
	}
	require.NotEqual(t, keyspace.Slot("foo"), keyspace.Slot("{}foo"), "an empty tag does not count")
}

// clusterSlot returns the slot of a key by the cluster specification, computed
// in another way than Slot does.
func clusterSlot(key string) int {
	if s := strings.IndexByte(key, '{'); s >= 0 {
		if e := strings.IndexByte(key[s+1:], '}'); e > 0 {
			key = key[s+1 : s+1+e]
		}
	}
	crc := 0
	for _, b := range []byte(key) {
		for bit := 7; bit >= 0; bit-- {
			out := crc>>15&1 ^ int(b)>>bit&1
			crc = crc << 1 & 0xffff
			if out == 1 {
				crc ^= 0x1021
			}
		}
	}
	return crc % 16384
}

func TestClusterSlotFollowsTheSpecification(t *testing.T) {
	require.Equal(t, 0x31C3, clusterSlot("123456789")) // the specification's own check value
	require.Equal(t, 12182, clusterSlot("foo"))
	require.Equal(t, clusterSlot("foo"), clusterSlot("a{foo}b"))
	require.NotEqual(t, clusterSlot("foo"), clusterSlot("{}foo"))
}

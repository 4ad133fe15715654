package store

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The memory of a scan does not grow with the key space. A key that SCAN
// returns again soon is recognized.
func TestRecentKeysIsBounded(t *testing.T) {
	s := newRecentKeys()
	for i := range 4 * recentKeysPerGeneration {
		require.True(t, s.add(strconv.Itoa(i)))
		require.False(t, s.add(strconv.Itoa(i)))
		if i >= recentKeysPerGeneration/2 {
			require.False(t, s.add(strconv.Itoa(i-recentKeysPerGeneration/2+1)))
		}
		require.LessOrEqual(t, len(s.older)+len(s.recent), 2*recentKeysPerGeneration)
	}
}

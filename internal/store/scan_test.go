package store

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A walk's memory does not grow with the space, and a key that comes back
// soon is known.
func TestSeenIsBounded(t *testing.T) {
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

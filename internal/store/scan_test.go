package store

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A walk's memory does not grow with the space, and a key that comes back
// soon is known.
func TestSeenIsBounded(t *testing.T) {
	s := newSeen()
	for i := range 4 * window {
		require.True(t, s.add(strconv.Itoa(i)))
		require.False(t, s.add(strconv.Itoa(i)))
		if i >= window/2 {
			require.False(t, s.add(strconv.Itoa(i-window/2+1)))
		}
		require.LessOrEqual(t, len(s.older)+len(s.recent), 2*window)
	}
}

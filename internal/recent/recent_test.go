package recent

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// The memory of a Set does not grow with the number of texts. A text that was
// added a short time ago is recognized.
func TestSetIsBounded(t *testing.T) {
	s := NewSet()
	require.True(t, s.Add("used"))
	for i := range 4 * generation {
		require.True(t, s.Add(strconv.Itoa(i)))
		require.False(t, s.Add(strconv.Itoa(i)))
		if i >= generation/2 {
			require.False(t, s.Add(strconv.Itoa(i-generation/2+1)))
		}
		require.True(t, s.Has("used"))
		require.LessOrEqual(t, len(s.older)+len(s.recent), 2*generation)
	}
	require.False(t, s.Has("0"))
}

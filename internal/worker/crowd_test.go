package worker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A process that is woken in vain holds back, and one that finds work does not.
func TestCrowd(t *testing.T) {
	var c crowd
	require.Zero(t, c.delay())
	for range 20 {
		c.note(false)
	}
	require.EqualValues(t, mostSpread, c.spread.Load())
	longest := time.Duration(0)
	for range 1000 {
		d := c.delay()
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.Less(t, d, mostSpread)
		longest = max(longest, d)
	}
	require.Greater(t, longest, mostSpread/2)
	for range 5 {
		require.NotZero(t, c.spread.Load())
		c.note(true)
	}
	require.Zero(t, c.spread.Load())
	require.Zero(t, c.delay())
}

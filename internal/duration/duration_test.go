package duration

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A lifetime or a lease never ends earlier than asked for, and at most a
// millisecond later.
func TestMillisecondsRoundsUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, maxMilliseconds*int64(time.Millisecond)).Draw(t, "d"))
		ms, err := strconv.ParseInt(Milliseconds(d), 10, 64)
		require.NoError(t, err)
		back := FromMilliseconds(ms)
		require.GreaterOrEqual(t, back, d)
		require.Less(t, back-d, time.Millisecond)
	})
}

func TestLimits(t *testing.T) {
	longest := FromMilliseconds(math.MaxInt64)
	require.Positive(t, longest)
	require.Equal(t, strconv.FormatInt(maxMilliseconds, 10), Milliseconds(math.MaxInt64))
	require.Equal(t, Milliseconds(longest), Milliseconds(math.MaxInt64))
	require.Negative(t, FromMilliseconds(math.MinInt64))
	require.Equal(t, "0", Milliseconds(0))
	require.Equal(t, "1", Milliseconds(1))
}

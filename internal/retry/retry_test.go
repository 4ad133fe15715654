package retry

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A delay is the doubled first one, at most Max, plus or minus the jitter.
func TestDelayStaysWithinTheJitter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Backoff{
			First:  time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "first")),
			Max:    time.Duration(rapid.Int64Range(1, int64(24*time.Hour)).Draw(t, "max")),
			Jitter: rapid.Float64Range(0, 1).Draw(t, "jitter"),
		}
		attempt := rapid.IntRange(-1, math.MaxInt).Draw(t, "attempt")
		middle := min(float64(b.First)*math.Pow(2, float64(max(attempt, 0))), float64(b.Max))
		require.InDelta(t, middle, float64(b.Delay(attempt)), middle*b.Jitter+1)
	})
}

func TestDelayWithoutJitter(t *testing.T) {
	b := Backoff{First: 10 * time.Millisecond, Max: 50 * time.Millisecond}
	for attempt, want := range []int64{10, 20, 40, 50, 50} {
		require.Equal(t, want, b.Delay(attempt).Milliseconds())
	}
	require.Zero(t, Backoff{Max: time.Second}.Delay(math.MaxInt))
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.NoError(t, Sleep(ctx, time.Millisecond))
		require.Equal(t, time.Millisecond, time.Since(began))
		require.ErrorIs(t, Backoff{First: time.Hour, Max: time.Hour}.Sleep(ctx, 0), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
	})
}

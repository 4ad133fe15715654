package embedded

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// After one slow advance, which may have waited for a script, the clock goes on
// soon: a jump of seconds would end lifetimes that a writer renews.
func TestWallClockGoesOnAfterASlowAdvance(t *testing.T) {
	const slow = 200 * time.Millisecond
	steps := make(chan time.Duration, 2)
	calls := 0
	c := startWallClock(func(d time.Duration) {
		if calls++; calls > 2 {
			return
		}
		steps <- d
		for begin := time.Now(); calls == 1 && time.Since(begin) < slow; {
		}
	})
	defer c.stop()
	<-steps
	require.Less(t, <-steps, pauseFactor*slow)
}

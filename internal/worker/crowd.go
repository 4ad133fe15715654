package worker

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// crowd is how much a process holds back because other ones are quicker: a
// wake-up reaches all idle processes of a service, and one of them gets the
// queue. If all looked at once, a look in vain would cost as much as the work.
// So a process that was woken in vain delays its next look at random. Of many
// that do so, one is early.
type crowd struct {
	woken  atomic.Bool // since the last look
	spread atomic.Int64
}

const (
	leastSpread = time.Millisecond
	mostSpread  = 16 * time.Millisecond
)

// note records whether a look after a wake-up found a queue.
func (c *crowd) note(found bool) {
	spread := time.Duration(c.spread.Load())
	switch {
	case !found:
		spread = min(max(2*spread, leastSpread), mostSpread)
	case spread > leastSpread:
		spread /= 2
	default:
		spread = 0
	}
	c.spread.Store(int64(spread))
}

// delay returns how long to wait after a wake-up.
func (c *crowd) delay() time.Duration {
	if spread := c.spread.Load(); spread > 0 {
		return time.Duration(rand.Int64N(spread))
	}
	return 0
}

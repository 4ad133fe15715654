package nearcache

import (
	"context"
	"sync/atomic"
	"time"
)

// clock measures time in nanoseconds since base. Reading the system clock costs
// as much as finding an entry. If an entry expires well after the last tick,
// the time of that tick is precise enough.
type clock struct {
	base     time.Time
	lastTick atomic.Int64
}

const (
	tickInterval = 100 * time.Millisecond

	// tickMargin is how far an expiry must be from the last tick to be decided
	// without reading the system clock. Even a busy machine does not delay a
	// tick that long.
	tickMargin = int64(10 * tickInterval)
)

func (c *clock) now() int64 { return int64(time.Since(c.base)) }

// isBeforeBoth reports whether the time is before both a and b.
func (c *clock) isBeforeBoth(a, b int64) bool {
	soon := c.lastTick.Load() + tickMargin
	return soon < a && soon < b || c.isBefore(min(a, b))
}

func (c *clock) isBefore(end int64) bool { return c.now() < end }

// run updates lastTick until ctx ends.
func (c *clock) run(ctx context.Context) {
	t := time.NewTicker(tickInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			c.lastTick.Store(c.now())
		}
	}
}

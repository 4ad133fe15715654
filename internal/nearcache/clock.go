package nearcache

import (
	"context"
	"sync/atomic"
	"time"
)

// clock tells the time in nanoseconds since base. To ask the system costs as
// much as to find an entry, so that what has a while to go is looked at by the
// time of the last tick.
type clock struct {
	base time.Time
	tick atomic.Int64
}

const (
	tick = 100 * time.Millisecond

	// awhile is how far the end of an entry must be from the last tick. That the
	// ticks come this late takes more than a busy machine.
	awhile = int64(10 * tick)
)

func (c *clock) now() int64 { return int64(time.Since(c.base)) }

// before reports whether the time is before both ends.
func (c *clock) before(a, b int64) bool {
	soon := c.tick.Load() + awhile
	return soon < a && soon < b || c.isBefore(min(a, b))
}

func (c *clock) isBefore(end int64) bool { return c.now() < end }

// run keeps the clock going.
func (c *clock) run(ctx context.Context) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			c.tick.Store(c.now())
		}
	}
}

package expiry

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// clock compares the server's clock with this machine's, which never goes back,
// to notice that the server's was set back.
type clock struct {
	known    bool
	minAhead time.Duration // what the server's clock was ahead of ours, at least
	readAt   time.Time     // when it was asked
}

// smallestStep is what a clock that is set back is told from one that is slow by.
const smallestClockStep = time.Second

// epoch is a time of this machine's clock that never goes back.
var epoch = time.Now()

// read takes what the server's clock said, in microseconds, between two times. It
// reports whether the clock was set back since it was read before.
func (c *clock) read(now int64, sent, got time.Time) (clockStep, bool) {
	server := time.Duration(now) * time.Microsecond
	least, most := server-got.Sub(epoch), server-sent.Sub(epoch)
	step, since := c.minAhead-most, got.Sub(c.readAt)
	found := c.known && step > smallestClockStep
	c.known, c.minAhead, c.readAt = true, least, sent
	return clockStep{by: step, ahead: step - since}, found
}

// setBack brings forward the leases and the retries that were written before the
// server's clock was set back: they would end later by the step. One listener
// does it for all. What a step of less than a lease holds up ends by itself.
func (c *consumer) bringForward(s *session, b clockStep, at time.Time) {
	if c.listener.logLimit.allow("clock") {
		c.listener.cfg.Logger.Warn("expiry: the server's clock was set back; leases and retries are brought forward, triggers fire when it comes to their times",
			"step", b.by.Round(time.Millisecond))
	}
	if b.ahead <= c.listener.cfg.Lease {
		return
	}
	c.listener.retryCall(s, func(ctx context.Context) error {
		mine := c.client.B().Set().Key(c.setback).Value("1").Nx().Px(setbackTTL).Build()
		if err := c.client.Do(ctx, mine).Error(); err != nil {
			if rueidis.IsRedisNil(err) {
				return nil
			}
			return err
		}
		for cursor := uint64(0); ; {
			b := clockStep{b.by, b.ahead - time.Since(at)}
			p, err := c.repair(ctx, "active", cursor, scriptPage, c.listener.cfg.Lease, b)
			if err != nil {
				return err
			}
			c.countRepairs(p)
			if cursor = p.next; cursor == 0 {
				return nil
			}
		}
	})
}

// stepNoted is how long other listeners may take to notice a step that one has
// dealt with. Each looks at the clock every second.
const setbackTTL = 10 * time.Second

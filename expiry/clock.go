package expiry

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// clock compares the server's clock with the monotonic clock of this machine,
// to detect that the server's clock was set back.
type clock struct {
	mu       sync.Mutex
	known    bool
	minAhead time.Duration // by how much the server's clock is ahead of epoch, at least
	readAt   time.Time     // when the server's clock was read
}

// smallestClockStep is the smallest step that is detected. Clocks that run at
// slightly different speeds differ by less.
const smallestClockStep = time.Second

// epoch is the zero of this machine's monotonic clock.
var epoch = time.Now()

// read takes the server's time in microseconds, which was read between sent and
// got. It reports whether the clock was set back since the last call.
func (c *clock) read(now int64, sent, got time.Time) (clockStep, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	server := time.Duration(now) * time.Microsecond
	least, most := server-got.Sub(epoch), server-sent.Sub(epoch)
	step, since := c.minAhead-most, got.Sub(c.readAt)
	found := c.known && step > smallestClockStep
	c.known, c.minAhead, c.readAt = true, least, sent
	return clockStep{by: step, ahead: step - since}, found
}

// now returns the server's time, or one that is earlier by the time of a round
// trip.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.UnixMicro((c.minAhead + time.Since(epoch)).Microseconds())
}

// readClock takes the server's time in microseconds, which was read between
// sent and got.
func (c *consumer) readClock(s *session, now int64, sent, got time.Time) {
	if step, ok := c.clock.read(now, sent, got); ok && c.listener.clock == nil {
		s.loops.Go(func() { c.bringForward(s, step, got) })
	}
}

// bringForward handles a clock that was set back: leases and retries that were
// written before would be late by that step, so their times are reduced. One
// listener does it for all. A step that is shorter than a lease needs no
// repair, since it delays nothing for longer than that.
func (c *consumer) bringForward(s *session, step clockStep, at time.Time) {
	if c.listener.logLimit.allow("clock") {
		c.listener.cfg.Logger.Warn("expiry: the server's clock was set back; leases and retries are adjusted, and triggers fire when the clock reaches their times",
			"step", step.by.Round(time.Millisecond))
	}
	if step.ahead <= c.listener.cfg.Lease {
		return
	}
	c.listener.retryCall(s, func(ctx context.Context) error {
		first := c.client.B().Set().Key(c.setback).Value("1").Nx().Px(c.listener.setbackTTL()).Build()
		if err := c.client.Do(ctx, first).Error(); err != nil {
			if rueidis.IsRedisNil(err) {
				return nil
			}
			return err
		}
		for cursor := uint64(0); ; {
			remaining := clockStep{step.by, step.ahead - time.Since(at)}
			p, err := c.repair(ctx, "active", cursor, scriptPage, c.listener.cfg.Lease, remaining)
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

// setbackTTL is the time in which other listeners detect a step that one
// listener handles. Each reads the clock with every look.
func (l *Listener) setbackTTL() time.Duration {
	if l.names.sharded {
		return longestRound*longestIdle + 10*time.Second
	}
	return 10 * time.Second
}

package expiry

import (
	"context"
	"time"

	"github.com/redis/rueidis"
)

// clock compares the server's clock with this machine's, which never goes back,
// to notice that the server's was set back.
type clock struct {
	known bool
	least time.Duration // what the server's clock was ahead of ours, at least
	asked time.Time     // when it was asked
}

// smallestStep is what a clock that is set back is told from one that is slow by.
const smallestStep = time.Second

// epoch is a time of this machine's clock that never goes back.
var epoch = time.Now()

// read takes what the server's clock said, in microseconds, between two times. It
// reports whether the clock was set back since it was read before.
func (c *clock) read(now int64, sent, got time.Time) (setback, bool) {
	server := time.Duration(now) * time.Microsecond
	least, most := server-got.Sub(epoch), server-sent.Sub(epoch)
	step, since := c.least-most, got.Sub(c.asked)
	found := c.known && step > smallestStep
	c.known, c.least, c.asked = true, least, sent
	return setback{step: step, ahead: step - since}, found
}

// setBack brings forward the leases and the retries that were written before the
// server's clock was set back: they would end later by the step. One listener
// does it for all. What a step of less than a lease holds up ends by itself.
func (a *lane) setBack(s *shift, b setback, at time.Time) {
	if a.l.reports.due("clock") {
		a.l.cfg.Logger.Warn("expiry: the server's clock was set back; leases and retries are brought forward, triggers fire when it comes to their times",
			"step", b.step.Round(time.Millisecond))
	}
	if b.ahead <= a.l.cfg.Lease {
		return
	}
	a.l.persist(s, func(ctx context.Context) error {
		mine := a.client.B().Set().Key(a.stepped).Value("1").Nx().Px(stepNoted).Build()
		if err := a.client.Do(ctx, mine).Error(); err != nil {
			if rueidis.IsRedisNil(err) {
				return nil
			}
			return err
		}
		for cursor := uint64(0); ; {
			b := setback{b.step, b.ahead - time.Since(at)}
			p, err := a.mend(ctx, "run", cursor, lookAt, a.l.cfg.Lease, b)
			if err != nil {
				return err
			}
			a.mended(p)
			if cursor = p.next; cursor == 0 {
				return nil
			}
		}
	})
}

// stepNoted is how long other listeners may take to notice a step that one has
// dealt with. Each looks at the clock every second.
const stepNoted = 10 * time.Second

package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Pause waits before another attempt, for a random time that doubles with each
// one, at most 64 ms. Its error is that of ctx.
func Pause(ctx context.Context, attempt int) error {
	wait := time.NewTimer(rand.N(time.Millisecond << min(attempt, 6)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Attempts are those of one call that tries again while others are faster. The
// deadline is the context's. If it has none, no attempt begins later than
// Config.Timeout after the first pause; one that is under way is not cut short.
type Attempts struct {
	timeout time.Duration
	began   time.Time
	made    int
}

// Attempts begins those of a call.
func (s *Store) Attempts() Attempts { return Attempts{timeout: s.pools.Timeout()} }

// Pause is Pause before the next attempt. Its error says that there is none.
func (a *Attempts) Pause(ctx context.Context) error {
	if a.made == 0 {
		a.began = time.Now()
	}
	if _, bounded := ctx.Deadline(); !bounded && time.Since(a.began) >= a.timeout {
		return fmt.Errorf("%w: the context has none, and Config.Timeout is %v", context.DeadlineExceeded, a.timeout)
	}
	a.made++
	return Pause(ctx, a.made-1)
}

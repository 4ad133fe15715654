package store

import (
	"context"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/retry"
)

// conflictBackoff is the delay between attempts of callers that compete for one
// record. It is fully random, and at most 64 ms.
var conflictBackoff = retry.Backoff{First: time.Millisecond / 2, Max: 32 * time.Millisecond, Jitter: 1}

// Retries limits and delays the attempts of one call that competes with other
// callers. The deadline is that of the context. If the context has none, it is
// Config.Timeout after the first call of [Retries.Wait]. An attempt in progress
// is not interrupted.
type Retries struct {
	timeout time.Duration
	began   time.Time
	waits   int
}

// Retries returns the retries of a new call.
func (s *Store) Retries() Retries { return Retries{timeout: s.pools.Timeout()} }

// Wait waits before the next attempt. If ctx ends or the deadline has passed,
// it returns an error, and the caller must stop.
func (r *Retries) Wait(ctx context.Context) error {
	if r.waits == 0 {
		r.began = time.Now()
	}
	if _, bounded := ctx.Deadline(); !bounded && time.Since(r.began) >= r.timeout {
		return fmt.Errorf("%w: the context has no deadline, and Config.Timeout is %v; raise that field, or pass a context with a deadline", context.DeadlineExceeded, r.timeout)
	}
	r.waits++
	return conflictBackoff.Sleep(ctx, r.waits-1)
}

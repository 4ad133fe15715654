// Package retry computes the delays between attempts and waits for them. It
// also has the errors by which a handler decides about its next attempt.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Sleep waits for d, or until ctx ends. If ctx ends first, it returns the error
// of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Backoff is a delay that doubles with each attempt.
type Backoff struct {
	First time.Duration // the delay before attempt 0
	Max   time.Duration // the longest delay, before the jitter
	// Jitter is the share of a delay that is random, from 0 to 1. With 0.2, a
	// delay of a second takes from 0.8 s to 1.2 s.
	Jitter float64
}

// Delay returns the delay before an attempt: First for attempt 0, doubled for
// each later one, at most Max, and then with the jitter. A negative attempt
// counts as 0.
func (b Backoff) Delay(attempt int) time.Duration {
	d := min(b.First, b.Max)
	for ; attempt > 0 && d > 0 && d < b.Max; attempt-- {
		if d > b.Max/2 {
			d = b.Max
			break
		}
		d *= 2
	}
	spread := time.Duration(float64(d) * b.Jitter)
	return d - spread + rand.N(2*spread+1)
}

// Sleep waits for [Backoff.Delay] of an attempt. If ctx ends first, it returns
// the error of ctx.
func (b Backoff) Sleep(ctx context.Context, attempt int) error {
	return Sleep(ctx, b.Delay(attempt))
}

// Work is the default delay before failed work is repeated.
var Work = Backoff{First: time.Second, Max: 5 * time.Minute, Jitter: 0.2}

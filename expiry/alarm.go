package expiry

import (
	"context"
	"sync"
	"time"
)

// alarm wakes one loop, at once or at a time. The earliest time counts.
type alarm struct {
	mu   sync.Mutex
	at   time.Time // zero: none
	wake chan struct{}
}

func newAlarm() *alarm { return &alarm{wake: make(chan struct{}, 1)} }

// signal wakes the loop now.
func (a *alarm) signal() { a.set(time.Now()) }

// set wakes the loop at a time.
func (a *alarm) set(at time.Time) {
	a.mu.Lock()
	earlier := a.at.IsZero() || at.Before(a.at)
	if earlier {
		a.at = at
	}
	a.mu.Unlock()
	if earlier {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// clear forgets what was set: the loop is about to look.
func (a *alarm) clear() {
	a.mu.Lock()
	a.at = time.Time{}
	a.mu.Unlock()
}

func (a *alarm) next() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at
}

// wait returns at a time, or when the alarm was set to an earlier one and it has
// come, or when ctx ends.
func (a *alarm) wait(ctx context.Context, until time.Time) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if at := a.next(); !at.IsZero() && at.Before(until) {
			until = at
		}
		left := time.Until(until)
		if left <= 0 {
			return
		}
		timer.Reset(left)
		select {
		case <-timer.C:
		case <-a.wake:
		case <-ctx.Done():
			return
		}
	}
}

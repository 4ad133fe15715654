package expiry

import (
	"context"
	"sync"
	"time"
)

// alarm wakes one goroutine, now or at a later time. The earliest time that was
// set wins.
type alarm struct {
	mu   sync.Mutex
	at   time.Time // zero if no time is set
	wake chan struct{}
}

func newAlarm() *alarm { return &alarm{wake: make(chan struct{}, 1)} }

// signal wakes the goroutine now.
func (a *alarm) signal() { a.set(time.Now()) }

// set wakes the goroutine at a time.
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

// clear forgets all times. The goroutine calls it before it looks for work.
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

// wait returns at the given time, at an earlier time that was set, or when ctx
// ends.
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

// Package alarm wakes a goroutine at the earliest of the times that others set.
package alarm

import (
	"context"
	"sync"
	"time"
)

// Alarm wakes one goroutine. The earliest time that was set wins. Its methods
// may be called by several goroutines, except Clear and Wait, which belong to
// the goroutine that is woken.
type Alarm struct {
	mu      sync.Mutex
	at      time.Time // zero if no time is set
	changed chan struct{}
}

// New returns an alarm without a time.
func New() *Alarm { return &Alarm{changed: make(chan struct{}, 1)} }

// Signal wakes the goroutine now.
func (a *Alarm) Signal() { a.Set(time.Now()) }

// Set wakes the goroutine no later than at a time.
func (a *Alarm) Set(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.at.IsZero() && !at.Before(a.at) {
		return
	}
	a.at = at
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// Clear forgets the time. The goroutine calls it before it looks for work, so
// that a time that is set meanwhile counts.
func (a *Alarm) Clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = time.Time{}
}

// Before returns the time of the alarm, or the deadline if that is earlier.
func (a *Alarm) Before(deadline time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() || deadline.Before(a.at) {
		return deadline
	}
	return a.at
}

// Changed receives a value after the time was set to an earlier one.
func (a *Alarm) Changed() <-chan struct{} { return a.changed }

// Wait returns at the deadline, at an earlier time that is set, or when ctx
// ends.
func (a *Alarm) Wait(ctx context.Context, deadline time.Time) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		left := time.Until(a.Before(deadline))
		if left <= 0 {
			return
		}
		timer.Reset(left)
		select {
		case <-timer.C:
		case <-a.changed:
		case <-ctx.Done():
			return
		}
	}
}

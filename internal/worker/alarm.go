package worker

import (
	"sync"
	"time"
)

// alarm is a time at which the dispatcher must look, set by other goroutines.
type alarm struct {
	mu      sync.Mutex
	at      time.Time // zero if there is none
	changed chan struct{}
}

func newAlarm() *alarm { return &alarm{changed: make(chan struct{}, 1)} }

// set makes the dispatcher look no later than at a time.
func (a *alarm) set(at time.Time) {
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

// clear forgets the time. It is called before a look.
func (a *alarm) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = time.Time{}
}

// before returns the time of the alarm, or the deadline if that is earlier.
func (a *alarm) before(deadline time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() || deadline.Before(a.at) {
		return deadline
	}
	return a.at
}

package expiry

import (
	"sync/atomic"
	"time"
)

// Stats are the counters of a listener since NewListener, for a metrics
// endpoint. Pending and Dead are of the whole schedule of its actions, over all
// processes, as of a second ago at most while Run runs; all others are of this
// listener alone.
type Stats struct {
	Pending int64 // triggers that have not fired
	Dead    int64 // dead letters that wait for Retry or Discard

	Running       int64 // handlers at work now
	Succeeded     int64 // firings whose work was done
	Retried       int64 // failures that were put back for another attempt
	DeadLettered  int64 // failures and lapses that became a dead letter
	Panics        int64 // failures that were a panic
	LeasesExpired int64 // firings taken over from a worker that was lost
	LeasesLost    int64 // leases that this listener lost
	Cancelled     int64 // due entries whose key another service had deleted or moved
	Invalid       int64 // entries of a schedule that could not be processed as they were: dead letters now, or put right
	Repaired      int64 // entries that were lost, or held up by a clock that was set back, and that a sweep put back
	Errors        int64 // calls to Redis that failed, and were repeated

	LastLag  time.Duration // from due to its handler's start, for the last firing
	WorstLag time.Duration // the longest of these
}

type counters struct {
	running, succeeded, retried, deadLettered, panics, leasesExpired, leasesLost, cancelled, invalid, repaired, errors atomic.Int64
	lastLag, worstLag                                                                                                  atomic.Int64
}

// Stats gives the counters. It sends nothing.
func (l *Listener) Stats() Stats {
	c := &l.count
	s := Stats{
		Running: c.running.Load(), Succeeded: c.succeeded.Load(), Retried: c.retried.Load(), DeadLettered: c.deadLettered.Load(),
		Panics: c.panics.Load(), LeasesExpired: c.leasesExpired.Load(), LeasesLost: c.leasesLost.Load(), Cancelled: c.cancelled.Load(),
		Invalid: c.invalid.Load(), Repaired: c.repaired.Load(),
		Errors: c.errors.Load(), LastLag: time.Duration(c.lastLag.Load()), WorstLag: time.Duration(c.worstLag.Load()),
	}
	for _, c := range l.consumers {
		s.Pending += c.pendingCount.Load()
		s.Dead += c.deadCount.Load()
	}
	return s
}

// lag notes how late a firing's first attempt began.
func (c *counters) noteLag(d time.Duration) {
	c.lastLag.Store(int64(d))
	for worst := c.worstLag.Load(); int64(d) > worst; worst = c.worstLag.Load() {
		if c.worstLag.CompareAndSwap(worst, int64(d)) {
			return
		}
	}
}

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

	Running   int64 // handlers at work now
	Fired     int64 // firings whose work was done
	Retried   int64 // failures that were put back for another attempt
	Buried    int64 // failures and lapses that became a dead letter
	Panics    int64 // failures that were a panic
	Lapsed    int64 // firings taken over from a worker that was lost
	Lost      int64 // leases that this listener lost
	Cancelled int64 // due entries whose key another service had deleted or moved
	Strange   int64 // entries of a schedule that could not be processed as they were: dead letters now, or put right
	Repaired  int64 // entries that were lost, or held up by a clock that was set back, and that a sweep put back
	Errors    int64 // calls to Redis that failed, and were repeated

	LastLag  time.Duration // from due to its handler's start, for the last firing
	WorstLag time.Duration // the longest of these
}

type counters struct {
	running, fired, retried, buried, panics, lapsed, lost, cancelled, strange, repaired, errors atomic.Int64
	lastLag, worstLag                                                                           atomic.Int64
}

// Stats gives the counters. It sends nothing.
func (l *Listener) Stats() Stats {
	c := &l.count
	s := Stats{
		Running: c.running.Load(), Fired: c.fired.Load(), Retried: c.retried.Load(), Buried: c.buried.Load(),
		Panics: c.panics.Load(), Lapsed: c.lapsed.Load(), Lost: c.lost.Load(), Cancelled: c.cancelled.Load(),
		Strange: c.strange.Load(), Repaired: c.repaired.Load(),
		Errors: c.errors.Load(), LastLag: time.Duration(c.lastLag.Load()), WorstLag: time.Duration(c.worstLag.Load()),
	}
	for _, a := range l.lanes {
		s.Pending += a.pending.Load()
		s.Dead += a.letters.Load()
	}
	return s
}

// lag notes how late a firing's first attempt began.
func (c *counters) lag(d time.Duration) {
	c.lastLag.Store(int64(d))
	for worst := c.worstLag.Load(); int64(d) > worst; worst = c.worstLag.Load() {
		if c.worstLag.CompareAndSwap(worst, int64(d)) {
			return
		}
	}
}

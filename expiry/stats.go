package expiry

import (
	"sync/atomic"
	"time"
)

// Stats are the counters of a [Listener] since [NewListener]. Pending and Dead
// count the entries in Redis, of all listeners with the same actions; while Run
// runs they are at most about a second old, on a cluster 16 seconds. All other
// fields are about this listener alone.
type Stats struct {
	Pending int64 // triggers that have not fired
	Dead    int64 // dead letters

	Running       int64 // handlers that run now
	Succeeded     int64 // firings whose handlers succeeded
	Retried       int64 // failed attempts that are redelivered
	DeadLettered  int64 // firings that became dead letters
	DeadRemoved   int64 // dead letters that this listener removed because of Config.DeadLimit or Config.DeadFor
	Panics        int64 // failed attempts whose handlers panicked
	LeasesExpired int64 // expired leases that this listener found, of its workers or of others
	LeasesLost    int64 // leases that this listener lost
	Cancelled     int64 // triggers whose keys another service deleted or moved
	Invalid       int64 // invalid entries that were repaired or became dead letters
	Repaired      int64 // lost entries that a sweep restored, and entries adjusted after the clock was set back
	Unhandled     int64 // actions that had overdue triggers and no handler in this process; the log names each of them once
	Errors        int64 // failed calls to Redis, which were repeated

	LastLag  time.Duration // from the due time to the start of the first attempt, for the last firing; includes a wait for another firing of the same trigger
	WorstLag time.Duration // the longest such time
}

type counters struct {
	running, succeeded, retried, deadLettered, deadRemoved, panics, leasesExpired, leasesLost, cancelled, invalid, repaired, unhandled, errors atomic.Int64
	lastLag, worstLag                                                                                                                          atomic.Int64
}

// Stats returns the counters. It sends nothing.
func (l *Listener) Stats() Stats {
	c := &l.count
	s := Stats{
		Running: c.running.Load(), Succeeded: c.succeeded.Load(), Retried: c.retried.Load(), DeadLettered: c.deadLettered.Load(), DeadRemoved: c.deadRemoved.Load(),
		Panics: c.panics.Load(), LeasesExpired: c.leasesExpired.Load(), LeasesLost: c.leasesLost.Load(), Cancelled: c.cancelled.Load(),
		Invalid: c.invalid.Load(), Repaired: c.repaired.Load(), Unhandled: c.unhandled.Load(),
		Errors: c.errors.Load(), LastLag: time.Duration(c.lastLag.Load()), WorstLag: time.Duration(c.worstLag.Load()),
	}
	for _, c := range l.consumers {
		s.Pending += c.pendingCount.Load()
		s.Dead += c.deadCount.Load()
	}
	return s
}

// noteLag records how late the first attempt of a firing began.
func (c *counters) noteLag(d time.Duration) {
	c.lastLag.Store(int64(d))
	for worst := c.worstLag.Load(); int64(d) > worst; worst = c.worstLag.Load() {
		if c.worstLag.CompareAndSwap(worst, int64(d)) {
			return
		}
	}
}

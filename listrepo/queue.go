package listrepo

import (
	"strings"
	"sync/atomic"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// queue is a ListRepo without its type parameter. Its items are texts that the
// codec wrote.
type queue struct {
	*store.ValueStore
	marks Marks
	set   string // the whole key of Marks.Set

	// tenants is the key from which scripts derive the keys of the schedule,
	// and tenant is Marks.Member as it stands in them.
	tenants, tenant string

	// repairedAt is when this process last repaired the schedule for the queue
	// of the marks, on the monotonic clock; 0 if it did not.
	repairedAt *atomic.Int64
}

// Marks are entries by which others find the queues that have items. The zero
// Marks adds none.
type Marks struct {
	// Set is the key of a set, without the pool's prefix. Every push and
	// every call that puts items back adds Member to it. On a cluster the set
	// must be in the queue's slot.
	Set, Member string

	// Queue is the queue's member of a schedule beside Set, from which
	// workers learn which queues have something to hand out, and when. A
	// queue is there as long as it has items. A push to an empty queue
	// schedules it, and so does every call that claims, acks or puts back
	// items. If other programs took the queue out of the schedule, a push
	// repairs that within a second. At these times, Push also stores the
	// time, by which Backlog finds the age of the oldest item.
	Queue string
}

func (m Marks) none() bool { return m == Marks{} }

// withMarks returns the queue of a view with marks, which may be none.
func withMarks(v *store.ValueStore, m Marks) *queue {
	set := v.Prefix() + m.Set
	return &queue{ValueStore: v, marks: m, set: set, tenants: pending.TenantsKey(set), tenant: pending.EscapeTenant(m.Member), repairedAt: new(atomic.Int64)}
}

// beside returns a key beside the queue.
func beside(t fault.Target, kind string) string { return keyspace.Beside(kind, t.Key) }

// claimKeys returns the keys of a claim: the list of its items, and the set of
// the places of settled items. tail follows the token in both.
func claimKeys(t fault.Target, token string) (items, done, tail string) {
	items = beside(t, queuekey.Claim+token)
	return items, beside(t, queuekey.Done+token), strings.TrimPrefix(items, "%"+queuekey.Claim+token)
}

// schedule returns the key from which scripts derive the keys of the schedule,
// or nothing if there are no marks.
func (q *queue) schedule() []string {
	if q.marks.none() {
		return nil
	}
	return []string{q.tenants}
}

// scheduleAndSet returns the keys of the schedule and the set, or nothing if
// there are no marks.
func (q *queue) scheduleAndSet() []string {
	if q.marks.none() {
		return nil
	}
	return append(q.schedule(), q.set)
}

// unconditional returns a store for scripts that work on more than the list.
// IfExists does not know of items that are claimed.
func (q *queue) unconditional() *store.Store {
	s := *q.Store
	s.IfExists, s.IfAbsent = false, false
	return &s
}

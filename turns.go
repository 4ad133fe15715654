package symphony

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

// turns says whose turn it is: tenants one after the other, and of each tenant
// its queues. A queue is worked on by one worker at a time, and not while it
// waits after a failure or for items.
type turns struct {
	mu      sync.Mutex
	changed *sync.Cond
	ended   bool
	ring    []*tenantTurns
	tenants map[string]*tenantTurns
	queues  map[pending.Queue]*turn
}

// tenantTurns are the queues of a tenant that are ready. It is in the ring when
// there are any.
type tenantTurns struct{ ready []*turn }

// turn is one queue.
type turn struct {
	pending.Queue
	taken    bool      // it is ready, or worked on
	after    time.Time // when it may be ready again
	failures int
	empties  int
	told     time.Time // when something wrong beside it was reported
	seen     bool      // in the last snapshot
}

func newTurns() *turns {
	t := &turns{tenants: map[string]*tenantTurns{}, queues: map[pending.Queue]*turn{}}
	t.changed = sync.NewCond(&t.mu)
	return t
}

// next waits for a queue to work on. It is nil when all is over.
func (t *turns) next() *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.ring) == 0 && !t.ended {
		t.changed.Wait()
	}
	if t.ended {
		return nil
	}
	first := t.ring[0]
	q := first.ready[0]
	first.ready = first.ready[1:]
	t.ring = t.ring[1:]
	if len(first.ready) > 0 {
		t.ring = append(t.ring, first)
	}
	return q
}

func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.changed.Broadcast()
}

// add makes the queues of pending tenants ready, and forgets those that are not
// in use any more.
func (t *turns) add(snap pending.Snapshot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, at := range rand.Perm(len(snap.Queues)) {
		name := snap.Queues[at]
		if _, isPending := slices.BinarySearch(snap.Pending, name.Tenant); !isPending {
			continue
		}
		q := t.queues[name]
		if q == nil {
			q = &turn{Queue: name}
			t.queues[name] = q
		}
		q.seen = true
		if !q.taken && !now.Before(q.after) {
			q.taken = true
			t.ready(q)
		}
	}
	for name, q := range t.queues {
		if !q.seen && !q.taken && !now.Before(q.after) {
			delete(t.queues, name)
		}
		q.seen = false
	}
	for tenant, own := range t.tenants {
		if len(own.ready) == 0 {
			delete(t.tenants, tenant)
		}
	}
}

// ready puts a queue behind the others of its tenant.
func (t *turns) ready(q *turn) {
	own := t.tenants[q.Tenant]
	if own == nil {
		own = &tenantTurns{}
		t.tenants[q.Tenant] = own
	}
	own.ready = append(own.ready, q)
	if len(own.ready) == 1 {
		t.ring = append(t.ring, own)
	}
	t.changed.Signal()
}

// tells reports whether something wrong beside a queue is to be reported now. Only
// who works on the queue may ask.
func (q *turn) tells() bool {
	now := time.Now()
	if !q.told.IsZero() && now.Sub(q.told) < tellEvery {
		return false
	}
	q.told = now
	return true
}

// more is for a queue that may have more items: it comes again at its turn.
func (t *turns) more(q *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q.failures, q.empties = 0, 0
	t.ready(q)
}

// emptied is for a queue without items: it waits a little, and longer each time.
func (t *turns) emptied(q *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q.failures = 0
	q.rest(&q.empties, firstPause, lastPause)
}

// failed is for a queue whose handler failed: it waits, and longer each time.
func (t *turns) failed(q *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q.empties = 0
	q.rest(&q.failures, firstBackoff, lastBackoff)
}

// rest keeps a queue from being ready for a random time around one that doubles.
func (q *turn) rest(times *int, first, last time.Duration) {
	d := min(first<<min(*times, 20), last)
	*times++
	q.taken, q.after = false, time.Now().Add(d*3/4+rand.N(d/2))
}

package worker

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

// rotation decides which queue is handled next: tenants alternate, and so do
// the queues of a tenant. At most one worker handles a queue at a time. A queue
// that failed or was empty is paused.
type rotation struct {
	mu      sync.Mutex
	changed *sync.Cond
	ended   bool
	ring    []*tenant // those with ready queues, in their order
	tenants map[string]*tenant
	queues  map[pending.Queue]*queue
}

// tenant holds the ready queues of a tenant, in their order.
type tenant struct{ ready []*queue }

// queue is the state of one queue in the rotation.
type queue struct {
	pending.Queue
	taken    bool      // ready, or being handled
	pausedTo time.Time // not ready before
	failures int       // in a row
	empties  int       // in a row
	reported time.Time // when a recurring error was last reported
	seen     bool      // in the current snapshot
}

func newRotation() *rotation {
	r := &rotation{tenants: map[string]*tenant{}, queues: map[pending.Queue]*queue{}}
	r.changed = sync.NewCond(&r.mu)
	return r
}

// next waits for a ready queue and returns it. It returns nil after end.
func (r *rotation) next() *queue {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.ring) == 0 && !r.ended {
		r.changed.Wait()
	}
	if r.ended {
		return nil
	}
	first := r.ring[0]
	q := first.ready[0]
	first.ready = first.ready[1:]
	r.ring = r.ring[1:]
	if len(first.ready) > 0 {
		r.ring = append(r.ring, first)
	}
	return q
}

func (r *rotation) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.changed.Broadcast()
}

// update makes the queues of pending tenants ready and removes those that are
// no longer in use.
func (r *rotation) update(snap pending.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, i := range rand.Perm(len(snap.Queues)) {
		name := snap.Queues[i]
		if _, isPending := slices.BinarySearch(snap.Pending, name.Tenant); !isPending {
			continue
		}
		q := r.queues[name]
		if q == nil {
			q = &queue{Queue: name}
			r.queues[name] = q
		}
		q.seen = true
		if !q.taken && !now.Before(q.pausedTo) {
			q.taken = true
			r.append(q)
		}
	}
	for name, q := range r.queues {
		if !q.seen && !q.taken && !now.Before(q.pausedTo) {
			delete(r.queues, name)
		}
		q.seen = false
	}
	for name, t := range r.tenants {
		if len(t.ready) == 0 {
			delete(r.tenants, name)
		}
	}
}

// append makes a queue ready, after the others of its tenant.
func (r *rotation) append(q *queue) {
	t := r.tenants[q.Tenant]
	if t == nil {
		t = &tenant{}
		r.tenants[q.Tenant] = t
	}
	t.ready = append(t.ready, q)
	if len(t.ready) == 1 {
		r.ring = append(r.ring, t)
	}
	r.changed.Signal()
}

// handled makes a queue ready again, since it may have more items.
func (r *rotation) handled(q *queue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.failures, q.empties = 0, 0
	r.append(q)
}

// empty pauses a queue that had no items. The pause doubles each time.
func (r *rotation) empty(q *queue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.failures = 0
	q.pause(emptyBackoff.Delay(q.empties))
	q.empties++
}

// failed pauses a queue that failed for the given time.
func (r *rotation) failed(q *queue, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	q.empties = 0
	q.pause(pause)
}

func (q *queue) pause(d time.Duration) { q.taken, q.pausedTo = false, time.Now().Add(d) }

// shouldReport reports whether a recurring error of the queue is due to be
// reported. Only the worker that handles the queue may call it.
func (q *queue) shouldReport() bool {
	now := time.Now()
	if !q.reported.IsZero() && now.Sub(q.reported) < reportEvery {
		return false
	}
	q.reported = now
	return true
}

package expiry

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slots are the free places for handlers. Consumers that wait for one get it in
// their order.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting []*slotWaiter
}

// slotWaiter is a consumer that waits for a slot.
type slotWaiter struct {
	consumer *consumer
	limit    int
	got      chan int // has room for the number of slots
}

func newSlots(n int) *slots { return &slots{free: n} }

// tryAcquire takes up to limit free slots.
func (w *slots) tryAcquire(limit int) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = min(w.free, limit)
	w.free -= n
	return n
}

// acquire waits for a free slot, and takes up to limit free slots. If no slot
// is free after a while, or ctx ends, it returns 0.
func (w *slots) acquire(ctx context.Context, c *consumer, limit int, wait time.Duration) (n int) {
	w.mu.Lock()
	if n = min(w.free, limit); n > 0 {
		w.free -= n
		w.mu.Unlock()
		return n
	}
	waiter := &slotWaiter{c, limit, make(chan int, 1)}
	w.waiting = append(w.waiting, waiter)
	w.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case n = <-waiter.got:
		return n
	case <-timer.C:
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.waiting, waiter); i >= 0 {
		w.waiting = slices.Delete(w.waiting, i, i+1)
		return 0
	}
	return <-waiter.got
}

// release frees n slots. It reports whether the consumer c waited and got some
// of them.
func (w *slots) release(n int, c *consumer) (got bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += n
	for w.free > 0 && len(w.waiting) > 0 {
		next := w.waiting[0]
		w.waiting = slices.Delete(w.waiting, 0, 1)
		n := min(w.free, next.limit)
		w.free -= n
		next.got <- n
		got = got || next.consumer == c
	}
	return got
}

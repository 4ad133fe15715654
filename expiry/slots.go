package expiry

import (
	"context"
	"time"
)

// slots are the free places for handlers.
type slots struct{ free chan struct{} }

func newSlots(n int) *slots {
	w := &slots{make(chan struct{}, n)}
	w.release(n)
	return w
}

// acquire waits for a free slot, and takes up to limit free slots. If no slot
// is free after a while, or ctx ends, it returns 0.
func (w *slots) acquire(ctx context.Context, limit int, wait time.Duration) (n int) {
	select {
	case <-w.free:
	default:
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-w.free:
		case <-timer.C:
			return 0
		case <-ctx.Done():
			return 0
		}
	}
	for n = 1; n < limit; n++ {
		select {
		case <-w.free:
		default:
			return n
		}
	}
	return n
}

func (w *slots) release(n int) {
	for range n {
		w.free <- struct{}{}
	}
}

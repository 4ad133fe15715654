package expiry

import (
	"context"
	"time"
)

// workers are the free places for handlers.
type slots struct{ free chan struct{} }

func newSlots(n int) *slots {
	w := &slots{make(chan struct{}, n)}
	w.release(n)
	return w
}

// take waits for a free place and takes up to most of those there are. It gives
// up after a while, or when ctx ends, with none.
func (w *slots) acquire(ctx context.Context, most int, wait time.Duration) (n int) {
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
	for n = 1; n < most; n++ {
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

package expiry

import (
	"context"
	"time"
)

// workers are the free places for handlers.
type workers struct{ free chan struct{} }

func newWorkers(n int) *workers {
	w := &workers{make(chan struct{}, n)}
	w.give(n)
	return w
}

// take waits for a free place and takes up to most of those there are. It gives
// up after a while, or when ctx ends, with none.
func (w *workers) take(ctx context.Context, most int, wait time.Duration) (n int) {
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

func (w *workers) give(n int) {
	for range n {
		w.free <- struct{}{}
	}
}

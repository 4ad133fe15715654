// Package renewal renews leases in the background.
package renewal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// Start calls renew after each third of the duration d of a lease, until stop
// is called. Each call has a third of d as its deadline, and no call is waited
// for after the lease has expired. The lease ends no earlier than ends; a
// renewal extends it to d after the renewal began.
//
// The returned context is derived from ctx. It ends if renew returns
// [fault.ErrLeaseLost], or if the lease expires without a renewal; its cause is
// ErrLeaseLost then. The renewal goes on after ctx ends.
func Start(ctx context.Context, d time.Duration, ends time.Time, renew func(context.Context) error) (held context.Context, stop func()) {
	held, lose := context.WithCancelCause(ctx)
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	third := max(d/3, time.Millisecond)
	go func() {
		defer close(stopped)
		tick := time.NewTicker(third)
		defer tick.Stop()
		for {
			select {
			case <-renewing.Done():
				return
			case <-tick.C:
			}
			began := time.Now()
			err := before(renewing, earlier(ends, began.Add(third)), renew)
			switch {
			case err == nil:
				ends = began.Add(d)
			case renewing.Err() != nil:
				return
			case errors.Is(err, fault.ErrLeaseLost) || !time.Now().Before(ends):
				lose(fmt.Errorf("%w: %w", fault.ErrLeaseLost, err))
				return
			}
		}
	}()
	return held, func() { stopRenewing(); <-stopped; lose(nil) }
}

// before calls a function with a deadline.
func before(ctx context.Context, deadline time.Time, call func(context.Context) error) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return call(ctx)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

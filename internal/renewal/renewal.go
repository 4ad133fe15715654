// Package renewal renews leases in the background.
package renewal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// Lease is a lease that can be extended.
type Lease interface {
	// Extend makes the lease end d from now.
	Extend(ctx context.Context, d time.Duration) error
}

// Start extends a lease after each third of its duration d, until stop is
// called. Each extension has a third of d as its deadline, and none is waited
// for after the lease has expired. The lease ends no earlier than ends.
//
// The returned context is derived from ctx. It also ends if Extend returns
// [fault.ErrLeaseLost], or if the lease expires without an extension; its cause
// is ErrLeaseLost then. The renewal goes on after ctx ends. stop waits until
// the last call of Extend has returned, and ends the context.
func Start(ctx context.Context, l Lease, d time.Duration, ends time.Time) (held context.Context, stop func()) {
	held, lose := context.WithCancelCause(ctx)
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	third := max(d/3, time.Millisecond)
	go func() {
		defer close(stopped)
		until := ends
		tick := time.NewTicker(third)
		defer tick.Stop()
		for {
			select {
			case <-renewing.Done():
				return
			case <-tick.C:
			}
			began := time.Now()
			err := extendBefore(renewing, l, d, earlier(until, began.Add(third)))
			switch {
			case err == nil:
				until = began.Add(d)
			case renewing.Err() != nil:
				return
			case errors.Is(err, fault.ErrLeaseLost) || !time.Now().Before(until):
				lose(fmt.Errorf("%w: %w", fault.ErrLeaseLost, err))
				return
			}
		}
	}()
	return held, func() { stopRenewing(); <-stopped; lose(nil) }
}

// extendBefore extends a lease with a deadline.
func extendBefore(ctx context.Context, l Lease, d time.Duration, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return l.Extend(ctx, d)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

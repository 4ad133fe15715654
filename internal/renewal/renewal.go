// Package renewal renews leases in the background.
package renewal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/testclock"
)

// Lease is a lease that can be extended.
type Lease interface {
	// Extend makes the lease end d from now.
	Extend(ctx context.Context, d time.Duration) error
}

// Start extends a lease after each third of its duration d, until stop is
// called. Each extension has a third of d as its deadline, and none is waited
// for after the lease has expired. The lease ends no earlier than ends, by
// clock. If a test moves clock to that time, the lease is lost; if it moves
// clock by a third of d, the lease is extended at once.
//
// The returned context is derived from ctx. It also ends if Extend returns
// [fault.ErrLeaseLost], or if the lease expires without an extension; its cause
// is ErrLeaseLost then. The renewal goes on after ctx ends. stop waits until
// the last call of Extend has returned, and ends the context.
func Start(ctx context.Context, clock *testclock.Clock, l Lease, d time.Duration, ends time.Time) (held context.Context, stop func()) {
	held, lose := context.WithCancelCause(ctx)
	renewing, stopRenewing := context.WithCancel(context.WithoutCancel(ctx))
	stopped := make(chan struct{})
	third := max(d/3, time.Millisecond)
	moved := make(chan struct{}, 1)
	begin := clock.Now()
	member := clock.Join("", func() {
		select {
		case moved <- struct{}{}:
		default:
		}
	})
	go func() {
		defer close(stopped)
		defer member.Leave()
		until, renewed := ends, begin
		if clock != nil && !begin.Before(ends) {
			moved <- struct{}{}
		}
		tick := time.NewTicker(third)
		defer tick.Stop()
		for {
			select {
			case <-renewing.Done():
				return
			case <-tick.C:
			case <-moved:
				member.Begin()
				if clock.Now().Sub(renewed) < third {
					member.End(true)
					continue
				}
			}
			began := clock.Now()
			err := extendWithin(renewing, l, d, min(third, until.Sub(began)))
			member.End(true)
			switch {
			case err == nil:
				until, renewed = began.Add(d), began
			case renewing.Err() != nil:
				return
			case errors.Is(err, fault.ErrLeaseLost) || !clock.Now().Before(until):
				lose(fmt.Errorf("%w: %w", fault.ErrLeaseLost, err))
				return
			}
		}
	}()
	return held, func() { stopRenewing(); <-stopped; lose(nil) }
}

// extendWithin extends a lease, with a timeout for the call.
func extendWithin(ctx context.Context, l Lease, d, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return l.Extend(ctx, d)
}

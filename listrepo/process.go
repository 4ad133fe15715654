package listrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/renewal"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/pool"
)

// DefaultLease is the lease of [ListRepo.Process] without the option [Lease].
const DefaultLease = 30 * time.Second

// Process claims up to n items, passes them to handle, acks them, and returns
// how many items were done. If the queue has no items, it returns 0 and no
// error. For the commands see [ListRepo.Claim], [Claim.Ack], [Claim.Fail],
// [Claim.Return] and [Claim.Extend].
//
// While handle runs, Process renews the lease after each third of it. If the
// lease is lost or cannot be renewed before it ends, handle's context ends with
// [ErrLeaseLost] as its cause. If the lease was lost before the items were
// acked, Process returns 0 and [ErrLeaseLost], and the items are redelivered.
//
// If handle returns an error, Process returns the same error, and the items go
// back to the front of the queue at once. With [MaxAttempts], an item without
// an attempt left becomes a dead letter with the error's text. With an error of
// symphony.GiveUp, all items become dead letters. With one of
// symphony.RetryAfter, they are delivered again after its delay; see
// [Claim.Fail]. If handle returns [Undone], only the items that it names go
// back, and the others are acked. If handle panics or calls [runtime.Goexit],
// the items go back as after an error, and the panic or the exit goes on.
//
// If handle returns an error after ctx ended, the items go back as with
// [Claim.Return], whatever the error is: the delivery does not count, since it
// was stopped.
//
// If an ack or a release fails, Process tries it again a few times. If it still
// fails, Process returns the error, and the items are redelivered when the
// lease has expired.
//
// If the process dies, the items of one call may be redelivered together with
// later ones. Recognize a repeat by [Item.ID].
//
// Items that do not decode become dead letters, and handle gets the others. The
// error joins an *[ItemError] for each of them. Process also returns the errors
// of [ListRepo.Claim]. If n is not positive or handle is nil, it returns
// [ErrInvalidArgument] and sends nothing.
func (r *ListRepo[T]) Process(ctx context.Context, id string, n int, handle func(context.Context, []Item[T]) error) (int, error) {
	if handle == nil {
		return 0, fault.Target{Op: "Process"}.NotApplied(fmt.Errorf("%w: the handler is nil; pass a function", fault.ErrInvalidArgument))
	}
	if n < 1 {
		return 0, fault.Target{Op: "Process"}.NotApplied(fmt.Errorf("%w: a count of %d items to claim; pass at least 1", fault.ErrInvalidArgument, n))
	}
	lease := r.core.Lease
	if lease == 0 {
		lease = DefaultLease
	}
	clock := r.core.Clock()
	release := clock.Hold()
	ends := clock.Now().Add(lease)
	c, err := r.claim(ctx, "Process", id, n, lease, nil)
	release()
	if c == nil || len(c.Items) == 0 {
		return 0, err
	}
	done, failed := c.process(ctx, clock, lease, ends, handle)
	if err == nil {
		return done, failed
	}
	return done, fault.Join(failed, err)
}

// process passes the items of a claim with a lease of d to handle and settles
// them. The lease ends no earlier than ends.
func (c *Claim[T]) process(ctx context.Context, clock *testclock.Clock, d time.Duration, ends time.Time, handle func(context.Context, []Item[T]) error) (done int, err error) {
	settleCtx := context.WithoutCancel(ctx)
	handleCtx, stop := renewal.Start(ctx, clock, c, d, ends)
	if len(c.lease.origins) > 0 {
		handleCtx = context.WithValue(handleCtx, originsKey{}, c.lease.origins)
	}
	returned := false
	defer func() {
		stop()
		if !returned { // handle panicked, or ended its goroutine
			_ = settleWithRetry(settleCtx, func() error { return c.Fail(settleCtx, errHandlerEnded) })
		}
	}()
	err = handle(handleCtx, c.Items)
	returned = true
	stop()
	undone := 0
	for _, part := range c.undoneParts(err, ctx.Err() != nil) {
		undone += len(part.items)
		if failed := settleWithRetry(settleCtx, func() error { return c.putBack(settleCtx, part) }); failed != nil {
			return 0, errors.Join(err, failed)
		}
	}
	if failed := settleWithRetry(settleCtx, func() error { return c.Ack(settleCtx) }); failed != nil {
		return 0, errors.Join(err, failed)
	}
	return len(c.Items) - undone, err
}

var errHandlerEnded = errors.New("the handler panicked or called runtime.Goexit; return an error instead")

const settleTries = 4 // how often Process tries to settle items

var settleBackoff = retry.Backoff{First: 8 * time.Millisecond, Max: 32 * time.Millisecond, Jitter: 1}

// settleWithRetry calls settle until it succeeds, the tries are used up, or
// another try is of no use. If a try may have been applied and the next one
// finds that the lease is lost, the first one may have ended the claim: then it
// returns the error of the first one.
func settleWithRetry(ctx context.Context, settle func() error) error {
	var maybe error
	for try := 0; ; try++ {
		err := settle()
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fault.ErrLeaseLost):
			return cmp.Or(maybe, err)
		case fault.MaybeApplied(err):
			maybe = err
		}
		if try+1 == settleTries || errors.Is(err, pool.ErrClosed) || settleBackoff.Sleep(ctx, try) != nil {
			return cmp.Or(maybe, err)
		}
	}
}

package listrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// DefaultLease is the lease of Process without the option Lease.
const DefaultLease = 30 * time.Second

// Process claims up to n items, hands them to handle, acks them, and returns how
// many were done: 0 and no error if the queue has no items. While handle runs, the
// lease is renewed each third of it. If it cannot be renewed, handle's context
// ends with ErrLeaseLost as its cause, at the latest when the lease does. See
// Claim, Ack, Release and Return for the commands.
//
// If handle returns an error, Process returns it as it is, and the items go back
// in front at once. With MaxAttempts, items without an attempt left become dead
// letters with the error's text. If only some items are not done, handle returns
// Undone with those. If handle panics or calls runtime.Goexit, the items go back
// as after an error, and the panic or the exit goes on.
//
// If ctx has ended, the items that handle did not do go back without counting the
// delivery, since the stop and not the item is the reason.
//
// An ack or a release that fails is tried again a few times. If it fails still,
// the error says so, and the items are delivered again when the lease expires.
//
// The items of one call are no unit: if the process dies, they are delivered
// again, maybe together with later ones. Tell repeats by Item.ID.
//
// Items that do not decode become dead letters, handle gets the others, and the
// error joins an *ItemError for each. If the lease was lost before the items were
// acked, Process returns 0 and ErrLeaseLost: they are delivered again.
func (r *ListRepo[T]) Process(ctx context.Context, id string, n int, handle func(context.Context, []Item[T]) error) (int, error) {
	lease := r.core.Lease
	if lease == 0 {
		lease = DefaultLease
	}
	until := time.Now().Add(lease)
	c, err := r.claim(ctx, "Process", id, n, lease, nil)
	if c == nil || len(c.Items) == 0 {
		return 0, err
	}
	done, failed := c.process(ctx, lease, until, handle)
	if err == nil {
		return done, failed
	}
	return done, errors.Join(failed, err)
}

// UndoneError is an error of a handler that did a part of its items. Undone
// makes it.
type UndoneError struct {
	IDs []string // the items that are not done
	Err error    // why
}

// Error says how many are not done and why.
func (e *UndoneError) Error() string {
	return fmt.Sprintf("%d not done: %v", len(e.IDs), e.Err)
}

// Unwrap gives the reason.
func (e *UndoneError) Unwrap() error { return e.Err }

// Undone is the error with which a handler of Process says that the items named
// are not done, and the others are.
func Undone[T any](cause error, items ...Item[T]) error {
	e := &UndoneError{Err: cause}
	for i := range items {
		e.IDs = append(e.IDs, items[i].ID)
	}
	return e
}

// process handles the items of a claim, whose lease ends no earlier than until,
// and settles them.
func (c *Claim[T]) process(ctx context.Context, lease time.Duration, until time.Time, handle func(context.Context, []Item[T]) error) (done int, err error) {
	settle := context.WithoutCancel(ctx)
	work, stop := c.renew(ctx, lease, until)
	returned := false
	defer func() {
		stop()
		if !returned { // handle panicked, or ended its goroutine
			_ = persist(settle, func() error { return c.Fail(settle, errEnded) })
		}
	}()
	err = handle(work, c.Items)
	returned = true
	stop()
	var undone []Item[T]
	if err != nil {
		undone = c.undone(err)
		if failed := persist(settle, func() error { return c.putBack(settle, ctx.Err() != nil, err, undone) }); failed != nil {
			return 0, errors.Join(err, failed)
		}
	}
	if failed := persist(settle, func() error { return c.Ack(settle) }); failed != nil {
		return 0, errors.Join(err, failed)
	}
	return len(c.Items) - len(undone), err
}

var errEnded = errors.New("the handler panicked or called runtime.Goexit")

// putBack puts back the items that were not done. The delivery does not count if
// the caller stopped the work.
func (c *Claim[T]) putBack(ctx context.Context, stopped bool, cause error, undone []Item[T]) error {
	if len(undone) == len(c.Items) {
		undone = nil // which names all
	}
	if stopped {
		return c.Return(ctx, undone...)
	}
	return c.Fail(ctx, cause, undone...)
}

const (
	settleTries = 4 // how often Process tries to settle items
	settlePause = 4 // the attempt of store.Pause that the first pause is like
)

// persist calls settle until it succeeds or is of no use any more. A lease that is
// lost after a try that may have been applied says nothing: that try may have
// ended the claim.
func persist(ctx context.Context, settle func() error) error {
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
		if try+1 == settleTries || errors.Is(err, pool.ErrClosed) || store.Pause(ctx, settlePause+try) != nil {
			return cmp.Or(maybe, err)
		}
	}
}

// undone are the items that a handler's error is about. The handler may have moved
// those of the claim.
func (c *Claim[T]) undone(err error) []Item[T] {
	var some *UndoneError
	if !errors.As(err, &some) {
		return c.Items
	}
	var items []Item[T]
	for _, id := range c.lease.holds(some.IDs) {
		items = append(items, Item[T]{ID: id})
	}
	if len(items) == 0 { // it names none of these, so it cannot tell them apart
		return c.Items
	}
	return items
}

// renew renews the lease, which ends no earlier than ends, again and again until
// stop is called. The context ends when the lease is lost, at the latest when it
// expires: no renewal is waited for beyond that.
func (c *Claim[T]) renew(ctx context.Context, lease time.Duration, ends time.Time) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	renewing, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	third := max(lease/3, time.Millisecond)
	go func() {
		defer close(ended)
		until := ends
		tick := time.NewTicker(third)
		defer tick.Stop()
		for {
			select {
			case <-renewing.Done():
				return
			case <-tick.C:
			}
			sent := time.Now()
			err := c.extendBy(renewing, earlier(until, sent.Add(third)), lease)
			switch {
			case err == nil:
				until = sent.Add(lease)
			case renewing.Err() != nil:
				return
			case errors.Is(err, fault.ErrLeaseLost) || !time.Now().Before(until):
				cancel(fmt.Errorf("%w: %w", fault.ErrLeaseLost, err))
				return
			}
		}
	}()
	return ctx, func() { end(); <-ended; cancel(nil) }
}

// extendBy is Extend that is not waited for beyond a time.
func (c *Claim[T]) extendBy(ctx context.Context, by time.Time, lease time.Duration) error {
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	return c.Extend(ctx, lease)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

package listrepo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// DefaultLease is the lease of Process where the option Lease gives none.
const DefaultLease = 30 * time.Second

// Process claims up to n items, hands them to handle and acks them, and tells
// how many were done: 0 and no error where there was nothing to do. While handle
// runs, the lease is prolonged every third of it; where that fails until the
// lease is over, handle's context ends with ErrLeaseLost as its cause. See Claim,
// Ack and Release for the commands.
//
// An error of handle comes back as it is, and the items go back in front at
// once; a panic goes on, and so do the items. With MaxAttempts, those that have
// no attempt left are parked with the error's text. To say that a part is done,
// handle returns Undone with the items that are not.
//
// Items that do not decode are parked, handle gets the others, and the error
// joins an *ItemError for each. Where the lease was lost before the items could
// be acked the error is ErrLeaseLost and the count 0: they come again.
func (r *ListRepo[T]) Process(ctx context.Context, id string, n int, handle func(context.Context, []Item[T]) error) (int, error) {
	lease := r.core.Lease
	if lease == 0 {
		lease = DefaultLease
	}
	c, err := r.claim(ctx, "Process", id, n, lease, nil)
	if c == nil || len(c.Items) == 0 {
		return 0, err
	}
	done, failed := c.process(ctx, lease, handle)
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

// process handles the items of a claim and settles them.
func (c *Claim[T]) process(ctx context.Context, lease time.Duration, handle func(context.Context, []Item[T]) error) (done int, err error) {
	settle := context.WithoutCancel(ctx)
	handled := false
	defer func() {
		if !handled { // handle panicked, or ended its goroutine
			_ = c.Fail(settle, errors.New("the handler panicked"))
		}
	}()
	work, stop := c.keep(ctx, lease)
	err = handle(work, c.Items)
	stop()
	handled = true
	done = len(c.Items)
	if err != nil {
		undone := c.undone(err)
		done -= len(undone)
		if len(undone) == len(c.Items) {
			undone = nil // which names all
		}
		if failed := c.Fail(settle, err, undone...); failed != nil {
			return 0, errors.Join(err, failed)
		}
	}
	if failed := c.Ack(settle); failed != nil {
		return 0, errors.Join(err, failed)
	}
	return done, err
}

// undone are the items that a handler's error is about.
func (c *Claim[T]) undone(err error) []Item[T] {
	var some *UndoneError
	if !errors.As(err, &some) {
		return c.Items
	}
	named := make(map[string]bool, len(some.IDs))
	for _, id := range some.IDs {
		named[id] = true
	}
	var items []Item[T]
	for i := range c.Items {
		if named[c.Items[i].ID] {
			items = append(items, c.Items[i])
		}
	}
	if len(items) == 0 { // it names none of these, so it cannot tell them apart
		return c.Items
	}
	return items
}

// keep prolongs the lease until stop is called. The context ends when the lease
// is lost.
func (c *Claim[T]) keep(ctx context.Context, lease time.Duration) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	beat, end := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(done)
		tick := time.NewTicker(max(lease/3, time.Millisecond))
		defer tick.Stop()
		for until := time.Now().Add(lease); ; {
			select {
			case <-beat.Done():
				return
			case <-tick.C:
			}
			asked := time.Now()
			switch err := c.Extend(beat, lease); {
			case err == nil:
				until = asked.Add(lease)
			case errors.Is(err, fault.ErrLeaseLost) || time.Now().After(until):
				cancel(fmt.Errorf("%w: %w", fault.ErrLeaseLost, err))
				return
			}
		}
	}()
	return ctx, func() { end(); <-done; cancel(nil) }
}

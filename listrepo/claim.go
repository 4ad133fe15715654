package listrepo

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
)

// Item is a claimed item.
type Item[T any] struct {
	ID      string // the same for every delivery of the item, and no other item of the queue has it
	Attempt int    // 1 for the first delivery, and one more for each after it, returned ones included
	Value   T
}

// Claim is the right to work on some items of a queue, until they are acked or
// released or its lease lapses. It is safe for concurrent use.
type Claim[T any] struct {
	Items []Item[T]

	repo  *ListRepo[T]
	id    string
	lease *lease // nil: nothing was there to claim
}

// Claim takes up to n items off the front of a queue, for as long as lease
// says and Extend renews it. Items whose lease expired come first, in the order
// in which they were first claimed, with the id that they had and a higher
// attempt; if more than MaxCount of them have expired, those of the leases that
// ended first. Released items keep their ids too, wherever they stand in the queue.
// A claim may hold fewer items than there are. A claim without items needs no Ack.
//
// The items move to a list beside the queue, `%claim-<token>:...`, so that Len,
// Range and other programs see them no more, and no two claims overlap. One
// script takes them and LRANGE reads them, in one round trip; if there is nothing
// to take but hundreds of items that become dead letters first, in several. With
// MaxAttempts an item on its last attempt is claimed alone.
//
// The claim beside an error is good, and wants its Ack:
//   - *ItemError: an item does not decode. It is not among Items but a dead letter,
//     made in a second round trip. If that fails, its error is joined, and the item
//     stays in the lease: it comes again when the lease has expired.
//   - *ForeignEntriesError: entries beside the queue were not written by this library.
//   - ErrWrongType with the name of a key beside the queue.
//
// With every other error the claim is nil. If the error reports MaybeApplied, the
// items come again when the lease has expired.
//
// Errors: ErrInvalidTTL for a lease under a millisecond; ErrInvalidArgument for
// an n that is negative or over MaxCount; ErrUnsupported for IfAbsent;
// ErrWrongType.
func (r *ListRepo[T]) Claim(ctx context.Context, id string, n int, lease time.Duration) (*Claim[T], error) {
	return r.claim(ctx, "Claim", id, n, lease, nil)
}

func (r *ListRepo[T]) claim(ctx context.Context, op, id string, n int, lease time.Duration, before *lease) (*Claim[T], error) {
	l, texts, err := r.core.claim(ctx, op, id, n, lease, before)
	if err != nil {
		return nil, err
	}
	c := &Claim[T]{repo: r, id: id}
	if len(texts) == 0 {
		if l != nil {
			err = l.beside
		}
		return c, err
	}
	c.lease = l
	errs := []error{l.beside}
	c.Items = make([]Item[T], 0, len(texts))
	var bad []string
	ids := l.ids()
	for i, text := range texts {
		c.Items = append(c.Items, Item[T]{ID: ids[i], Attempt: l.attempt(i + 1)})
		last := len(c.Items) - 1
		if err := r.item(l.target, i, ids[i], text, &c.Items[last].Value); err != nil {
			bad, errs, c.Items = append(bad, ids[i]), append(errs, err), c.Items[:last]
		}
	}
	if len(bad) > 0 {
		err := l.park(ctx, bad, fmt.Sprintf("does not decode as %v", reflect.TypeFor[T]()))
		if err != nil {
			l.withhold(bad)
		}
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// Ack removes items for good. If none are named, it removes all of Items that are
// left, and the call after the last one does nothing. UNLINK and ZREM in one round
// trip for all, one script for some. Atomic.
//
// Errors: ErrLeaseLost, with nothing changed, if another claim took the items over
// after the lease expired, or if they were removed, by an eviction or by hand.
// ErrNotFound for an item that is not of this claim, or was acked, released or
// returned before; nothing is sent then.
func (c *Claim[T]) Ack(ctx context.Context, items ...Item[T]) error {
	return c.settle(ctx, "Ack", items, func(l *lease, places []int) error { return l.ack(ctx, places) })
}

// Next acks the items that are left and claims up to n more of the queue, which
// are not among them: Ack and Claim in one script, atomic, and one round trip. It
// is the way to work through a queue:
//
//	for len(c.Items) > 0 {
//		// work
//		if c, err = c.Next(ctx, 100, time.Minute); err != nil { ... }
//	}
//
// If an item of this claim could not be made a dead letter, Next is an Ack and a
// Claim, in two round trips.
//
// Errors: those of Claim. If the lease was lost, ErrLeaseLost as for Ack, and the
// claim beside it is good.
func (c *Claim[T]) Next(ctx context.Context, n int, lease time.Duration) (*Claim[T], error) {
	if c.lease == nil {
		return c.repo.claim(ctx, "Next", c.id, n, lease, nil)
	}
	if n == 0 {
		return &Claim[T]{repo: c.repo, id: c.id}, c.Ack(ctx)
	}
	before := c.lease
	before.mu.Lock()
	defer before.mu.Unlock()
	before.target.Op = "Next"
	switch {
	case before.left == 0:
		return c.repo.claim(ctx, "Next", c.id, n, lease, nil)
	case before.kept == 0:
		return c.repo.claim(ctx, "Next", c.id, n, lease, before)
	}
	return c.nextOfSome(ctx, n, lease)
}

// nextOfSome is Next for a claim that keeps items which the caller has not got:
// Ack and Claim, one after the other.
func (c *Claim[T]) nextOfSome(ctx context.Context, n int, d time.Duration) (*Claim[T], error) {
	before := c.lease
	if _, err := c.repo.core.beginClaim(ctx, "Next", c.id, n, d); err != nil {
		return nil, err
	}
	lost := before.settleLocked(ctx, nil, func(l *lease, places []int) error { return l.ack(ctx, places) })
	if lost != nil && !errors.Is(lost, fault.ErrLeaseLost) {
		return nil, lost
	}
	next, err := c.repo.claim(ctx, "Next", c.id, n, d, nil)
	if next == nil && lost == nil {
		return nil, partly(before.target, err)
	}
	if lost == nil {
		return next, err
	}
	return next, errors.Join(lost, err)
}

// Release puts items back in front of the queue, in their order; none named:
// all that are left. They keep their ids, and their next attempt is one higher.
// Other programs see them as the plain values that they were, and may take them.
// A bound of MaxLen does not keep them out. With MaxAttempts, items without an
// attempt left become dead letters instead. One script, atomic; if the items are
// more than a megabyte together, several, the last items first.
//
// Errors: those of Ack. If one of several scripts fails, the error's MaybeApplied
// is true, and Release can be repeated.
func (c *Claim[T]) Release(ctx context.Context, items ...Item[T]) error {
	return c.Fail(ctx, errReleased, items...)
}

var errReleased = errors.New("released on the last attempt")

// Fail is Release with the reason, which items that are parked carry.
func (c *Claim[T]) Fail(ctx context.Context, cause error, items ...Item[T]) error {
	return c.settle(ctx, "Release", items, func(l *lease, places []int) error {
		return l.release(ctx, places, fate{attempts: l.queue.MaxAttempts, reason: cause.Error()})
	})
}

// Return puts items back in front of the queue, in their order, as Release does,
// but the delivery does not count towards MaxAttempts, and no item becomes a dead
// letter. If no items are named, Return puts back all that are left. It is for a
// worker that stops before it has tried them. Item.Attempt of the next delivery is
// one higher all the same, so that a repeat can be recognized. The scripts are
// those of Release.
//
// Errors: those of Ack.
func (c *Claim[T]) Return(ctx context.Context, items ...Item[T]) error {
	return c.settle(ctx, "Return", items, func(l *lease, places []int) error {
		return l.release(ctx, places, fate{free: true})
	})
}

// Extend lets the lease end d from now. One script; atomic. Errors:
// ErrInvalidTTL for less than a millisecond; ErrLeaseLost as for Ack.
func (c *Claim[T]) Extend(ctx context.Context, d time.Duration) error {
	if c.lease == nil {
		return nil
	}
	return c.lease.extend(ctx, d)
}

func (c *Claim[T]) settle(ctx context.Context, op string, items []Item[T], do func(*lease, []int) error) error {
	if c.lease == nil {
		if len(items) == 0 {
			return nil
		}
		return fault.Target{Op: op}.NotApplied(fmt.Errorf("%w: the claim has no items", fault.ErrNotFound))
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	return c.lease.settle(ctx, op, ids, do)
}

package listrepo

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/retry"
)

// Item is a claimed item.
type Item[T any] struct {
	// ID identifies the item. It is the same in every delivery of the item, and
	// no other item of the queue has it.
	ID string

	// Attempt is the number of the delivery, from 1. Deliveries that were
	// returned count too.
	Attempt int

	Value T
}

// Claim is the right to work on some items of a queue. It ends when the items
// are acked, released or returned, or when another claim takes them after the
// lease expired. A Claim is safe for concurrent use.
type Claim[T any] struct {
	// Items are the claimed items, in the order in which they are to be done.
	Items []Item[T]

	repo  *ListRepo[T]
	id    string
	lease *lease // nil if there was nothing to claim
}

// Claim takes up to n items from the front of a queue and leases them to the
// caller. [Claim.Extend] renews the lease. If there is nothing to claim, Claim
// returns a claim without items and no error. If n is 0, nothing is sent.
//
// Items whose lease expired come first, in the order in which they were first
// claimed. They keep their ids, and their attempt is one higher. If many leases
// have expired, the items of those that ended first come first. Items that were
// released keep their ids too, wherever they stand in the queue. A claim may
// hold fewer items than the queue has. With [MaxAttempts], an item on its last
// attempt is claimed alone. A queue that is quiet has nothing to claim; see
// [Quiet].
//
// The items move to a list beside the queue, `%claim-<token>:...`, so
// [ListRepo.Len], [ListRepo.Range] and other programs do not see them, and no
// two claims overlap. One script moves the items and returns them; if n is
// over 8, LRANGE reads them in the same round trip. If the script claims none
// because there are more expired or foreign entries than one script handles,
// Claim sends it again. The move is atomic. If items come off the list, it
// renews the lifetime of the queue as every write does.
//
// The claim is valid together with the following errors, and must be acked:
//   - *[ItemError]: an item does not decode. It is not among Items, since a
//     second round trip made it a dead letter. If that failed, its error is
//     joined, and the item stays in the lease; it is redelivered when the lease
//     has expired.
//   - *[ForeignEntriesError]: there were entries beside the queue that the
//     library did not write.
//   - [ErrWrongType]: a key beside the queue holds another type, and the claim
//     did without it. The error names the key.
//   - the error of a further script. It renews the lifetimes of other claims if
//     the queue has more than a hundred of them, or had a shorter lifetime.
//
// If Claim returns a nil claim, nothing can be acked. If the error then reports
// MaybeApplied, the items are redelivered when the lease has expired.
//
// If lease is under a millisecond, Claim returns [ErrInvalidTTL]. If n is
// negative or over [MaxCount], it returns [ErrInvalidArgument]. If the
// repository has the option [IfAbsent], it returns [ErrUnsupported]. If the
// queue is serial and another claim is in flight, it returns [ErrBusy]; see
// [Serial]. If the queue, or a key that the claim cannot do without, holds
// another type, it returns [ErrWrongType].
func (r *ListRepo[T]) Claim(ctx context.Context, id string, n int, lease time.Duration) (*Claim[T], error) {
	return r.claim(ctx, "Claim", id, n, lease, nil)
}

// claim makes a claim, and ends the claim previous if there is one.
func (r *ListRepo[T]) claim(ctx context.Context, op, id string, n int, lease time.Duration, previous *lease) (*Claim[T], error) {
	l, texts, err := r.core.claim(ctx, op, id, n, lease, previous)
	if err != nil {
		return nil, err
	}
	c := &Claim[T]{repo: r, id: id}
	if len(texts) == 0 {
		if l != nil {
			err = l.warning
		}
		return c, err
	}
	c.lease = l
	errs := []error{l.warning}
	c.Items = make([]Item[T], 0, len(texts))
	var undecoded []string
	ids := l.ids()
	for i, text := range texts {
		c.Items = append(c.Items, Item[T]{ID: ids[i], Attempt: l.attempt(i + 1)})
		last := len(c.Items) - 1
		if err := r.decodeItem(l.target, i, ids[i], text, &c.Items[last].Value); err != nil {
			undecoded, errs, c.Items = append(undecoded, ids[i]), append(errs, err), c.Items[:last]
		}
	}
	if len(undecoded) > 0 {
		err := l.makeDead(ctx, undecoded, fmt.Sprintf("the item does not decode as %v; Dead yields its bytes in DeadLetter.Raw", reflect.TypeFor[T]()))
		if err != nil {
			l.withhold(undecoded)
		}
		errs = append(errs, err)
	}
	return c, fault.Join(errs...)
}

// Ack removes items for good. Without items, it removes all of Items that are
// left; if none is left, it does nothing. For all items it sends UNLINK and
// ZREM in one round trip, and for some of them one script. If the queue has an
// order or [Marks], it always sends one script. It is atomic.
//
// If another claim took the items after the lease expired, or if they were
// removed by an eviction or by hand, Ack returns [ErrLeaseLost] and changes
// nothing. If an item does not belong to the claim, or was acked, released or
// returned before, Ack returns [ErrNotFound] and sends nothing.
func (c *Claim[T]) Ack(ctx context.Context, items ...Item[T]) error {
	return c.settle(ctx, "Ack", items, func(t fault.Target, places []int) error { return c.lease.ack(ctx, t, places) })
}

// Next acks the items that are left and claims up to n other items of the
// queue. It is [Claim.Ack] and [ListRepo.Claim] in one script and one round
// trip, and it is atomic. Use it to work through a queue:
//
//	for len(c.Items) > 0 {
//		// work on c.Items
//		if c, err = c.Next(ctx, 100, time.Minute); err != nil { ... }
//	}
//
// If an item of the claim does not decode and could not be made a dead letter,
// Next takes two round trips and is not atomic. If n is 0, Next is an Ack.
//
// Next returns the errors of [ListRepo.Claim]. If the lease was lost, it
// returns [ErrLeaseLost] together with a valid new claim. If another claim of a
// serial queue is in flight after the ack, it returns [ErrBusy] and no claim;
// if the items were acked, the error reports MaybeApplied.
func (c *Claim[T]) Next(ctx context.Context, n int, lease time.Duration) (*Claim[T], error) {
	if c.lease == nil {
		return c.repo.claim(ctx, "Next", c.id, n, lease, nil)
	}
	if n == 0 {
		return &Claim[T]{repo: c.repo, id: c.id}, c.Ack(ctx)
	}
	previous := c.lease
	previous.mu.Lock()
	defer previous.mu.Unlock()
	switch {
	case previous.left == 0:
		return c.repo.claim(ctx, "Next", c.id, n, lease, nil)
	case previous.withheld == 0:
		return c.repo.claim(ctx, "Next", c.id, n, lease, previous)
	}
	return c.ackThenClaim(ctx, n, lease)
}

// ackThenClaim is Next for a claim with withheld items, which must stay in the
// lease.
func (c *Claim[T]) ackThenClaim(ctx context.Context, n int, d time.Duration) (*Claim[T], error) {
	t, err := c.repo.core.beginClaim(ctx, "Next", c.id, n, d)
	if err != nil {
		return nil, err
	}
	lost := c.lease.settleLocked(ctx, t, nil, func(t fault.Target, places []int) error { return c.lease.ack(ctx, t, places) })
	if lost != nil && !errors.Is(lost, fault.ErrLeaseLost) {
		return nil, lost
	}
	next, err := c.repo.claim(ctx, "Next", c.id, n, d, nil)
	if next == nil && lost == nil {
		return nil, partly(t, err)
	}
	if lost == nil {
		return next, err
	}
	return next, errors.Join(lost, err)
}

// Release puts items back at the front of the queue, in their order. Without
// items, it puts back all of Items that are left. They keep their ids, and
// their next attempt is one higher. Other programs see them as plain values and
// may take them. [MaxLen] does not apply. With [MaxAttempts], an item without
// an attempt left becomes a dead letter instead. If the queue is serial, the
// items wait outside the list, and the next claim finds them in the order of
// their first claims.
//
// Release sends one script, which is atomic. If the items are more than a
// megabyte together, it sends several, beginning with the last items. If one of
// them fails, the error reports MaybeApplied, and Release can be repeated.
// Release renews the lifetime of the queue.
//
// Release returns the errors of [Claim.Ack].
func (c *Claim[T]) Release(ctx context.Context, items ...Item[T]) error {
	return c.fail(ctx, "Release", errReleased, items)
}

var errReleased = errors.New("released on the last attempt")

// Fail is [Claim.Release] with a reason. Items that become dead letters carry
// cause's text in [DeadLetter.Reason].
//
// If cause wraps an error of symphony.GiveUp, all of the items become dead
// letters. If it wraps one of symphony.RetryAfter, they are not delivered
// before its delay is over: they wait outside the list, and other items are
// delivered meanwhile. A serial queue hands out nothing meanwhile.
//
// If cause is nil, Fail returns [ErrInvalidArgument] and sends nothing. It also
// returns the errors of [Claim.Ack].
func (c *Claim[T]) Fail(ctx context.Context, cause error, items ...Item[T]) error {
	if cause == nil {
		return fault.Target{Op: "Fail"}.NotApplied(fmt.Errorf("%w: the cause is nil; use Release if there is no error", fault.ErrInvalidArgument))
	}
	return c.fail(ctx, "Fail", cause, items)
}

func (c *Claim[T]) fail(ctx context.Context, op string, cause error, items []Item[T]) error {
	return c.settle(ctx, op, items, func(t fault.Target, places []int) error {
		how := putBack{maxAttempts: c.lease.queue.MaxAttempts, reason: cause.Error()}
		if retry.GivesUp(cause) {
			how.maxAttempts = 1
		}
		how.delay, _ = retry.DelayOf(cause)
		return c.lease.release(ctx, t, places, how)
	})
}

// Return puts items back at the front of the queue as [Claim.Release] does, but
// this delivery does not count towards [MaxAttempts], and no item becomes a
// dead letter. Use it in a worker that stops before it has tried the items. The
// next delivery has a higher [Item.Attempt] all the same, so a repeat can be
// recognized.
//
// Return sends the scripts of [Claim.Release] and returns the errors of
// [Claim.Ack].
func (c *Claim[T]) Return(ctx context.Context, items ...Item[T]) error {
	return c.settle(ctx, "Return", items, func(t fault.Target, places []int) error {
		return c.lease.release(ctx, t, places, putBack{uncounted: true})
	})
}

// Extend renews the lease, which then ends d from now. It sends one script,
// which is atomic. If the lease has expired, but no other claim took the items,
// Extend renews it too. If the claim never had items, Extend does nothing.
//
// If d is under a millisecond, Extend returns [ErrInvalidTTL]. If the claim was
// lost as described at [Claim.Ack], or if all its items were settled, it
// returns [ErrLeaseLost].
func (c *Claim[T]) Extend(ctx context.Context, d time.Duration) error {
	if c.lease == nil {
		return nil
	}
	return c.lease.extend(ctx, d)
}

// settle calls do for the places of items. Places are nil for all items.
func (c *Claim[T]) settle(ctx context.Context, op string, items []Item[T], do func(t fault.Target, places []int) error) error {
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

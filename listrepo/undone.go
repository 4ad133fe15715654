package listrepo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/symphony-go/symphony/internal/retry"
)

// UndoneError is the error of a handler that did only a part of its items.
// [Undone] makes it.
type UndoneError struct {
	IDs []string // the ids of the items that are not done
	Err error    // why they are not done
}

// Error returns the number of items that are not done, and the reason.
func (e *UndoneError) Error() string {
	return fmt.Sprintf("%d not done: %v", len(e.IDs), e.Err)
}

// Unwrap returns the reason.
func (e *UndoneError) Unwrap() error { return e.Err }

// Undone returns an error for a handler of [ListRepo.Process] that did all
// items except the given ones, because of cause. If none of the items belongs
// to the claim, all items count as not done.
//
// If items failed for different causes, join an error for each cause:
//
//	return errors.Join(
//		listrepo.Undone(symphony.GiveUp(errAddress), items[2]),
//		listrepo.Undone(symphony.RetryAfter(time.Hour, errAway), items[4:6]...))
func Undone[T any](cause error, items ...Item[T]) error {
	e := &UndoneError{Err: cause}
	for i := range items {
		e.IDs = append(e.IDs, items[i].ID)
	}
	return e
}

// undonePart are items of a claim that go back for the same cause.
type undonePart[T any] struct {
	items []Item[T] // their ids and attempts
	cause error     // nil if the delivery does not count, since it was stopped
}

// putBack puts back a part of the items of a claim.
func (c *Claim[T]) putBack(ctx context.Context, part undonePart[T]) error {
	items := part.items
	if len(items) == len(c.Items) {
		items = nil // all items
	}
	if part.cause == nil {
		return c.Return(ctx, items...)
	}
	return c.Fail(ctx, part.cause, items...)
}

// undoneParts returns the items that are not done after a handler returned err.
// If the caller stopped the work, their deliveries do not count.
func (c *Claim[T]) undoneParts(err error, stopped bool) []undonePart[T] {
	if err == nil {
		return nil
	}
	var parts []undonePart[T]
	causes := undoneErrors(err, err, false)
	if len(causes) == 1 {
		causes[0].cause = err
	}
	for _, u := range causes {
		items := c.unsettledItems(u.ids)
		for _, earlier := range parts {
			items = slices.DeleteFunc(items, func(i Item[T]) bool {
				return slices.ContainsFunc(earlier.items, func(e Item[T]) bool { return e.ID == i.ID })
			})
		}
		if len(items) > 0 {
			parts = append(parts, undonePart[T]{items, u.cause})
		}
	}
	if len(parts) == 0 { // the error names no item of this claim
		parts = []undonePart[T]{{c.unsettledItems(c.lease.ids()), err}}
	}
	if stopped {
		return []undonePart[T]{stoppedPart(parts)}
	}
	return c.withBackoff(parts)
}

// stoppedPart joins parts into one whose delivery does not count.
func stoppedPart[T any](parts []undonePart[T]) (all undonePart[T]) {
	for _, part := range parts {
		all.items = append(all.items, part.items...)
	}
	return all
}

// withBackoff delays the parts for which the handler did not decide, each item
// by its own attempt.
func (c *Claim[T]) withBackoff(parts []undonePart[T]) (delayed []undonePart[T]) {
	backoff := c.repo.core.Backoff
	for _, part := range parts {
		if _, ok := retry.DelayOf(part.cause); ok || backoff == nil || retry.GivesUp(part.cause) {
			delayed = append(delayed, part)
			continue
		}
		byAttempt := map[int][]Item[T]{}
		for _, item := range part.items {
			byAttempt[item.Attempt] = append(byAttempt[item.Attempt], item)
		}
		for _, attempt := range slices.Sorted(maps.Keys(byAttempt)) {
			delayed = append(delayed, undonePart[T]{byAttempt[attempt], retry.After(backoff(attempt, part.cause), part.cause)})
		}
	}
	return delayed
}

// undoneCause is one [UndoneError] of a handler's error, and the part of that
// error that says why, with the decision about the next attempt.
type undoneCause struct {
	ids   []string
	cause error
}

// undoneErrors returns the undone errors in the tree of err. The cause of each
// is the branch of the tree that it is in, or the error around it if that
// decides for all branches.
func undoneErrors(err, cause error, decided bool) (found []undoneCause) {
	decided = decided || retry.Decides(err)
	switch e := err.(type) {
	case *UndoneError:
		return []undoneCause{{e.IDs, cause}}
	case interface{ Unwrap() []error }:
		for _, branch := range e.Unwrap() {
			if !decided {
				cause = branch
			}
			found = append(found, undoneErrors(branch, cause, decided)...)
		}
		return found
	}
	if inner := errors.Unwrap(err); inner != nil {
		return undoneErrors(inner, cause, decided)
	}
	return nil
}

// unsettledItems returns those of the ids that the caller can settle, each
// once, as items without values. The handler may have changed c.Items, so it
// asks the lease.
func (c *Claim[T]) unsettledItems(ids []string) (items []Item[T]) {
	l := c.lease
	l.mu.Lock()
	defer l.mu.Unlock()
	l.makeUnsettled()
	for _, id := range ids {
		place, ok := l.unsettled[id]
		if ok && !slices.ContainsFunc(items, func(i Item[T]) bool { return i.ID == id }) {
			items = append(items, Item[T]{ID: id, Attempt: l.attempt(place)})
		}
	}
	return items
}

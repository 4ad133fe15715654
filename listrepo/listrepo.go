// Package listrepo stores queues as Redis lists. A queue is a list, and an item
// is one element of it: a value of T as the codec writes it.
//
// [ListRepo.Claim] and [ListRepo.Process] take items under a lease, so no item
// is lost if a worker dies; see docs/queues.md. The keys that they need stand
// beside the list, which other programs read and write as before.
// [ListRepo.Pop] takes items without a lease.
//
// By default a queue has no lifetime, and every write removes the lifetime that
// it has. With [TTL], every write renews it. Redis removes a list with its last
// item, so an empty queue and a missing one are the same.
package listrepo

import (
	"cmp"
	"context"
	"iter"
	"reflect"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// NoExpiry is the lifetime that [ListRepo.TTL] returns for a queue without one.
const NoExpiry = store.NoExpiry

// MaxCount is the greatest number of items that one call claims or pops, and
// that WorkBatches passes to a handler.
const MaxCount = option.MaxCount

// pageSize is the number of items that All reads at once.
const pageSize = 1000

// ListRepo reads and writes queues of items of type T. It is safe for
// concurrent use.
//
// If an id cannot be part of a key, a call returns [ErrInvalidKey] and sends
// nothing. If a key holds another Redis type, a call that reads or writes items
// returns [ErrWrongType].
type ListRepo[T any] struct{ core *queue }

// New returns a repository of the queues in space s, on the pool with alias a.
// It sends nothing.
//
// If the codec cannot write T, New returns [ErrInvalidSchema]. If no pool has
// the alias, it returns [ErrUnknownPool]. If an option does not apply to
// queues, it returns [ErrUnsupported]; if an option has a bad argument, it
// returns [ErrInvalidTTL] or [ErrInvalidArgument].
func New[T any](p *pool.Pools, a pool.Alias, s keyspace.Space, opts ...Option) (*ListRepo[T], error) {
	core, err := store.NewValueStore(reflect.TypeFor[T](), p, a, s, store.Spec{Kind: store.List, Traits: option.Lifetimes | option.Queues | option.Deliveries}, opts...)
	if err != nil {
		return nil, err
	}
	return &ListRepo[T]{&queue{ValueStore: core}}, nil
}

// With returns a view of the repository with more options. The repository
// itself does not change. If an option is bad or does not apply, every call of
// the view returns the error and sends nothing.
func (r *ListRepo[T]) With(opts ...Option) *ListRepo[T] {
	return &ListRepo[T]{withMarks(r.core.With(opts...), r.core.marks)}
}

// In returns a view of the repository over another space. One repository can
// serve spaces that differ in more than the id. The view has no [Marks].
func (r *ListRepo[T]) In(s keyspace.Space) *ListRepo[T] {
	return &ListRepo[T]{&queue{ValueStore: r.core.WithSpace(s)}}
}

// Marked returns a view of the repository whose writes also add marks, in the
// same atomic step, so that others find every queue with items. Its pushes and
// its acks of whole claims are scripts, which also keep the schedule; see
// [Marks]. A push without items adds no marks.
func (r *ListRepo[T]) Marked(m Marks) *ListRepo[T] {
	return &ListRepo[T]{withMarks(r.core.ValueStore, m)}
}

// Store returns the store of the repository, for the packages of this module.
func (r *ListRepo[T]) Store(internal.NotForPublicUse) *store.Store { return r.core.Store }

// Pop removes up to n items from the front of a queue and returns them. If a
// worker dies with them, they are lost; [ListRepo.Claim] loses none. If the
// queue does not exist, Pop returns no items and no error. If n is 0, nothing
// is sent.
//
// Pop sends LPOP and renews the lifetime in one MULTI ... EXEC. With [TTL] or
// [NoTTL] it sends one script, and with [KeepTTL] LPOP alone. It is atomic: no
// two calls get the same item.
//
// An item that does not decode is left out of the result, and the joined error
// has an *[ItemError] with its bytes. If n is negative or over [MaxCount], Pop
// returns [ErrInvalidArgument]. If the repository has the option [IfAbsent],
// [Serial] or [Quiet], it returns [ErrUnsupported] and sends nothing. Pop does
// not know whether another repository made the queue serial or quiet.
func (r *ListRepo[T]) Pop(ctx context.Context, id string, n int) ([]T, error) {
	t, err := r.core.BeginWrite(ctx, "Pop", id)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(r.core.RefuseAbsent(t), r.core.refuseOrdered(t)); err != nil {
		return nil, err
	}
	if err := option.CheckCount(n); err != nil {
		return nil, t.NotApplied(err)
	}
	if n == 0 {
		return nil, nil
	}
	reply, ran, err := r.core.remove(ctx, t, store.Popped, "LPOP", strconv.Itoa(n))
	if !ran || reply.IsNil() {
		return nil, err
	}
	items, errItems := r.decodeItems(t, reply)
	return items, fault.Join(errItems, err)
}

// Range returns the items from start to stop, both included, and leaves them in
// the queue. Negative positions count from the end, so -1 is the last item. If
// the queue does not exist, Range returns no items and no error. It sends
// LRANGE.
//
// An item that does not decode is left out of the result, and the joined error
// has an *[ItemError] with its bytes.
func (r *ListRepo[T]) Range(ctx context.Context, id string, start, stop int64) ([]T, error) {
	t, err := r.core.Begin(ctx, "Range", id)
	if err != nil {
		return nil, err
	}
	reply, err := r.core.Do(ctx, t, r.core.Client.B().Lrange().Key(t.Key).Start(start).Stop(stop).Build(), store.Texts)
	if err != nil {
		return nil, err
	}
	return r.decodeItems(t, reply)
}

// All iterates over the items of a queue from the front. It reads them in pages
// with LRANGE, and sends nothing more after the loop ends. If items are pushed
// in front or taken meanwhile, All may yield an item twice or not at all.
//
// If an item does not decode, All yields an *[ItemError], and the loop goes on.
// Any other error ends the loop.
func (r *ListRepo[T]) All(ctx context.Context, id string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		t, err := r.core.Begin(ctx, "All", id)
		if err != nil {
			yield(zero, err)
			return
		}
		for start := int64(0); ; start += pageSize {
			reply, err := r.core.Do(ctx, t, r.core.Client.B().Lrange().Key(t.Key).Start(start).Stop(start+pageSize-1).Build(), store.Texts)
			if err != nil {
				yield(zero, err)
				return
			}
			texts, err := reply.AsStrSlice()
			if err != nil {
				yield(zero, t.Failed(err))
				return
			}
			for i, text := range texts {
				var v T
				if err := r.decodeItem(t, int(start)+i, "", text, &v); !yield(v, err) {
					return
				}
			}
			if len(texts) < pageSize {
				return
			}
		}
	}
}

// Trim keeps the items from start to stop, both included, and removes the
// others. It sends LTRIM and renews the lifetime in one MULTI ... EXEC. With
// [TTL] or [NoTTL] it sends one script, and with [KeepTTL] LTRIM alone. It is
// atomic.
//
// If the repository has the option [IfAbsent], Trim returns [ErrUnsupported].
func (r *ListRepo[T]) Trim(ctx context.Context, id string, start, stop int64) error {
	t, err := r.core.BeginWrite(ctx, "Trim", id)
	if err != nil {
		return err
	}
	if err := r.core.RefuseAbsent(t); err != nil {
		return err
	}
	_, _, err = r.core.remove(ctx, t, store.OK, "LTRIM", strconv.FormatInt(start, 10), strconv.FormatInt(stop, 10))
	return err
}

// Len returns the length of a queue, or 0 if it does not exist. It sends LLEN.
// Items in flight and items whose lease expired are not in the list;
// [ListRepo.Backlog] counts them.
func (r *ListRepo[T]) Len(ctx context.Context, id string) (int64, error) {
	return r.length(ctx, "Len", id)
}

// length sends LLEN.
func (r *ListRepo[T]) length(ctx context.Context, op, id string) (int64, error) {
	t, err := r.core.Begin(ctx, op, id)
	if err != nil {
		return 0, err
	}
	m, err := r.core.Do(ctx, t, r.core.Client.B().Llen().Key(t.Key).Build(), store.Count)
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// IDs iterates over the ids of the queues that have items in the list, in no
// particular order. It sends SCAN.
func (r *ListRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] {
	return r.core.IDs(ctx, "IDs")
}

// Exists reports whether a queue has items in the list. It sends EXISTS.
func (r *ListRepo[T]) Exists(ctx context.Context, id string) (bool, error) {
	return r.core.Exists(ctx, id)
}

// TTL returns the remaining lifetime of a queue in whole milliseconds, or
// [NoExpiry] if it has none. It sends PTTL. If the queue does not exist, TTL
// returns [ErrNotFound].
func (r *ListRepo[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	return r.core.TTL(ctx, id)
}

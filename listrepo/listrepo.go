// Package listrepo stores queues as Redis lists: one queue is one list, one
// item one element, as the codec writes a whole value of T.
//
// Claim and Process take items under a lease, so that a worker that dies loses
// none; see docs/queues.md. What they need stands beside the list, which others
// read and write as before. Pop takes items without a claim.
//
// A queue has no lifetime unless the options say otherwise, and every write
// takes away the one it has; with TTL, every write renews it. Redis removes a
// list with its last item, so an empty queue and a missing one are the same.
package listrepo

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// NoExpiry is what TTL answers for a queue without a lifetime.
const NoExpiry = store.NoExpiry

// ListRepo reads and writes queues of items of type T. It is safe for
// concurrent use; With makes cheap views of it.
type ListRepo[T any] struct{ core *queue }

// New makes the repository of the queues in space, on the pool with alias a.
// Nothing is sent.
//
// Errors: ErrInvalidSchema for a T that the codec cannot write; ErrUnknownPool;
// an option that is bad (ErrInvalidTTL) or does not apply (ErrUnsupported).
func New[T any](p *pool.Pools, a pool.Alias, s keyspace.Space, opts ...Option) (*ListRepo[T], error) {
	core, err := store.NewValues(reflect.TypeFor[T](), p, a, s, store.Spec{Kind: store.List, Traits: option.Lifetimes | option.Bounds}, opts...)
	if err != nil {
		return nil, err
	}
	return &ListRepo[T]{&queue{Values: core}}, nil
}

// With is a view of the repository with more options; the original stays as it
// was. An option that cannot apply is the error of the view's calls, before
// anything is sent.
func (r *ListRepo[T]) With(opts ...Option) *ListRepo[T] {
	return &ListRepo[T]{marked(r.core.With(opts...), r.core.marks)}
}

// In is a view of the repository over another space: one repository serves
// spaces that differ in more than the id. The marks of Marked are not taken over.
func (r *ListRepo[T]) In(s keyspace.Space) *ListRepo[T] {
	return &ListRepo[T]{&queue{Values: r.core.In(s)}}
}

// Pop takes up to n items off the front: LPOP with a count, and the lifetime,
// in one MULTI ... EXEC; in one script if the queue has a lifetime. Atomic: no two
// calls get the same item. A worker that dies with its items has lost them; Claim
// is the way to lose none.
//
// An item that does not decode is left out of the result; the joined error has
// an *ItemError for it, with what was stored. If n is negative or over MaxCount,
// ErrInvalidArgument.
func (r *ListRepo[T]) Pop(ctx context.Context, id string, n int) ([]T, error) {
	t, err := r.core.BeginWrite(ctx, "Pop", id)
	if err != nil {
		return nil, err
	}
	if err := r.core.RefuseAbsent(t); err != nil {
		return nil, err
	}
	if err := option.CheckCount(n); err != nil {
		return nil, t.NotApplied(err)
	}
	if n == 0 {
		return nil, nil
	}
	reply, ran, err := r.core.change(ctx, t, popped, "LPOP", strconv.Itoa(n))
	if !ran || reply.IsNil() {
		return nil, err
	}
	items, errItems := r.decode(t, reply)
	return items, errors.Join(errItems, err)
}

// Range gives the items from start to stop, both included, and leaves them
// where they are: LRANGE, so that -1 is the last item. Items that do not decode
// are left out, and are in the joined error as *ItemError.
func (r *ListRepo[T]) Range(ctx context.Context, id string, start, stop int64) ([]T, error) {
	t, err := r.core.Begin(ctx, "Range", id)
	if err != nil {
		return nil, err
	}
	reply, err := r.core.Do(ctx, t, r.core.Client.B().Lrange().Key(t.Key).Start(start).Stop(stop).Build(), store.Texts)
	if err != nil {
		return nil, err
	}
	return r.decode(t, reply)
}

// MaxCount is the greatest number of items that one call claims or pops, and that
// WorkBatches hands out at once.
const MaxCount = option.MaxCount

// pageSize is how many items All reads at once.
const pageSize = 1000

// All goes over a queue from its front, a page of LRANGE at a time; breaking
// off ends the traffic. An item that does not decode comes as an *ItemError,
// and the loop goes on; any other error ends it. Items that are pushed in front
// or taken off meanwhile shift the others, which may then be seen twice or not.
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
				if err := r.item(t, int(start)+i, "", text, &v); !yield(v, err) {
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
// others: LTRIM and the lifetime in one MULTI ... EXEC; in one script if the queue
// has a lifetime. Atomic.
func (r *ListRepo[T]) Trim(ctx context.Context, id string, start, stop int64) error {
	t, err := r.core.BeginWrite(ctx, "Trim", id)
	if err != nil {
		return err
	}
	if err := r.core.RefuseAbsent(t); err != nil {
		return err
	}
	_, _, err = r.core.change(ctx, t, store.OK, "LTRIM", strconv.FormatInt(start, 10), strconv.FormatInt(stop, 10))
	return err
}

// Len is the length of a queue, 0 for one that does not exist: LLEN. Claimed and
// lapsed items are not in the list; Backlog counts them.
func (r *ListRepo[T]) Len(ctx context.Context, id string) (int64, error) {
	return r.length(ctx, "Len", id)
}

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

// IDs goes over the ids of the queues of the space, in no order, with SCAN.
func (r *ListRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] {
	return r.core.IDs(ctx, "IDs")
}

// Exists reports whether there is a queue with items: EXISTS.
func (r *ListRepo[T]) Exists(ctx context.Context, id string) (bool, error) {
	return r.core.Exists(ctx, id)
}

// TTL tells how long the queue has to live, in milliseconds' resolution, or
// [NoExpiry]: PTTL. Errors: ErrNotFound.
func (r *ListRepo[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	return r.core.TTL(ctx, id)
}

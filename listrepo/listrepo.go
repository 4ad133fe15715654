// Package listrepo stores queues as Redis lists: one queue is one list, one
// item one element, as the codec writes a whole value of T.
//
// A queue has no lifetime unless the options say otherwise, and every write
// takes away the one it has; with TTL, every write renews it. Redis removes a
// list with its last item, so an empty queue and a missing one are the same.
package listrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// NoExpiry is what TTL answers for a queue without a lifetime.
const NoExpiry = store.NoExpiry

// ListRepo reads and writes queues of items of type T. It is safe for
// concurrent use; With makes cheap views of it.
type ListRepo[T any] struct{ core *store.Values }

// Mark is a set, and the member that a push adds to it: an index of queues
// that are not empty, say. The key is without the pool's prefix.
type Mark struct{ Key, Member string }

// ItemError is an item that does not decode. The item itself is in Raw, and
// never in the text of the error.
type ItemError struct {
	Index int    // its place in what was read, from 0
	Raw   []byte // what is stored
	Err   error  // a *codec.DecodeError
}

// Error says which item it is and what is wrong with it.
func (e *ItemError) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap gives the reason.
func (e *ItemError) Unwrap() error { return e.Err }

//go:embed lua/push.lua
var pushSource string

var pushScript = store.NewScript(pushSource)

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
	return &ListRepo[T]{core}, nil
}

// With is a view of the repository with more options; the original stays as it
// was. An option that cannot apply is the error of the view's calls, before
// anything is sent.
func (r *ListRepo[T]) With(opts ...Option) *ListRepo[T] { return &ListRepo[T]{r.core.With(opts...)} }

// In is a view of the repository over another space: one repository serves
// spaces that differ in more than the id.
func (r *ListRepo[T]) In(s keyspace.Space) *ListRepo[T] { return &ListRepo[T]{r.core.In(s)} }

// Push appends items to a queue and gives its length: RPUSH and the lifetime
// in one MULTI ... EXEC; with a condition, KeepTTL or MaxLen, one script. A
// push of no items sends LLEN alone.
//
// Atomic: all the items are pushed, side by side, or none. Errors: ErrFull from
// MaxLen, ErrNotFound and ErrExists from the conditions, ErrWrongType;
// ErrTooLarge, and what the codec cannot write, before anything is sent.
func (r *ListRepo[T]) Push(ctx context.Context, id string, v ...T) (int64, error) {
	return r.push(ctx, "Push", "RPUSH", id, nil, v)
}

// PushFront is Push at the other end, LPUSH: the items keep their order, so
// that v[0] is the queue's first.
func (r *ListRepo[T]) PushFront(ctx context.Context, id string, v ...T) (int64, error) {
	return r.push(ctx, "PushFront", "LPUSH", id, nil, v)
}

// PushMarked is Push that also adds members to sets, by SADD in the same
// transaction, so that no queue is ever filled and not marked. On a cluster the
// sets must share the queue's slot. No items: nothing is marked.
func (r *ListRepo[T]) PushMarked(ctx context.Context, id string, marks []Mark, v ...T) (int64, error) {
	return r.push(ctx, "PushMarked", "RPUSH", id, marks, v)
}

func (r *ListRepo[T]) push(ctx context.Context, op, command, id string, marks []Mark, v []T) (int64, error) {
	if len(v) == 0 {
		return r.length(ctx, op, id)
	}
	t, err := r.core.BeginWrite(ctx, op, id)
	if err != nil {
		return 0, err
	}
	items := make([]string, len(v))
	for i := range v {
		if items[i], err = r.core.Encode(t, reflect.ValueOf(&v[i]).Elem()); err != nil {
			return 0, err
		}
	}
	if command == "LPUSH" {
		slices.Reverse(items)
	}
	if !r.core.Plain() || r.core.MaxLen > 0 {
		return r.pushScripted(ctx, t, command, marks, items)
	}
	tx := append(r.core.Tx(1+len(marks)), r.core.Client.B().Arbitrary(command).Keys(t.Key).Args(items...).Build())
	for _, m := range marks {
		tx = append(tx, r.core.Client.B().Sadd().Key(r.core.Prefix()+m.Key).Member(m.Member).Build())
	}
	replies, err := r.core.Write(ctx, t, tx)
	if err != nil {
		return 0, err
	}
	return replies[0].ToInt64()
}

func (r *ListRepo[T]) pushScripted(ctx context.Context, t fault.Target, command string, marks []Mark, items []string) (int64, error) {
	args := append(make([]string, 0, 3+len(marks)+len(items)), command, strconv.Itoa(r.core.MaxLen), strconv.Itoa(len(marks)))
	sets := make([]string, len(marks))
	for i, m := range marks {
		sets[i] = r.core.Prefix() + m.Key
		args = append(args, m.Member)
	}
	m, err := r.core.Run(ctx, t, pushScript, append(args, items...), sets...)
	if err != nil {
		return 0, err
	}
	return m.ToInt64()
}

// Pop takes up to n items off the front: LPOP with a count, and the lifetime,
// in one MULTI ... EXEC. Atomic: no two calls get the same item. A worker that
// dies with its items has lost them.
//
// An item that does not decode is left out of the result; the joined error has
// an *ItemError for it, with what was stored.
func (r *ListRepo[T]) Pop(ctx context.Context, id string, n int) ([]T, error) {
	t, err := r.core.BeginWrite(ctx, "Pop", id)
	if err != nil {
		return nil, err
	}
	if err := r.core.RefuseAbsent(t); err != nil {
		return nil, err
	}
	if n < 1 {
		if n == 0 {
			return nil, nil
		}
		return nil, t.Refuse(fmt.Errorf("%w: a count of %d", fault.ErrUnsupported, n))
	}
	replies, err := r.core.Change(ctx, t, r.core.Client.B().Lpop().Key(t.Key).Count(int64(n)).Build())
	if err != nil || replies.IsNil() {
		return nil, err
	}
	return r.decode(t, replies)
}

// decode reads an array of items.
func (r *ListRepo[T]) decode(t fault.Target, reply rueidis.RedisMessage) ([]T, error) {
	texts, err := reply.AsStrSlice()
	if err != nil {
		return nil, t.Sent(err)
	}
	items := make([]T, 0, len(texts))
	var errs []error
	for i, text := range texts {
		var v T
		if err := r.core.Decode(t, text, reflect.ValueOf(&v).Elem()); err != nil {
			errs = append(errs, &ItemError{i, []byte(text), err})
			continue
		}
		items = append(items, v)
	}
	return items, errors.Join(errs...)
}

// Range gives the items from start to stop, both included, and leaves them
// where they are: LRANGE, so that -1 is the last item. Items that do not decode
// are left out, and are in the joined error as *ItemError.
func (r *ListRepo[T]) Range(ctx context.Context, id string, start, stop int64) ([]T, error) {
	t, err := r.core.Begin(ctx, "Range", id)
	if err != nil {
		return nil, err
	}
	reply, err := r.core.Do(ctx, t, r.core.Client.B().Lrange().Key(t.Key).Start(start).Stop(stop).Build())
	if err != nil {
		return nil, err
	}
	return r.decode(t, reply)
}

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
			reply, err := r.core.Do(ctx, t, r.core.Client.B().Lrange().Key(t.Key).Start(start).Stop(start+pageSize-1).Build())
			if err != nil {
				yield(zero, err)
				return
			}
			texts, err := reply.AsStrSlice()
			if err != nil {
				yield(zero, t.Sent(err))
				return
			}
			for i, text := range texts {
				var v T
				err := r.core.Decode(t, text, reflect.ValueOf(&v).Elem())
				if err != nil {
					err = &ItemError{int(start) + i, []byte(text), err}
				}
				if !yield(v, err) {
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
// others: LTRIM and the lifetime in one MULTI ... EXEC.
func (r *ListRepo[T]) Trim(ctx context.Context, id string, start, stop int64) error {
	t, err := r.core.BeginWrite(ctx, "Trim", id)
	if err != nil {
		return err
	}
	if err := r.core.RefuseAbsent(t); err != nil {
		return err
	}
	_, err = r.core.Change(ctx, t, r.core.Client.B().Ltrim().Key(t.Key).Start(start).Stop(stop).Build())
	return err
}

// Len is the length of a queue, 0 for one that does not exist: LLEN.
func (r *ListRepo[T]) Len(ctx context.Context, id string) (int64, error) {
	return r.length(ctx, "Len", id)
}

func (r *ListRepo[T]) length(ctx context.Context, op, id string) (int64, error) {
	t, err := r.core.Begin(ctx, op, id)
	if err != nil {
		return 0, err
	}
	m, err := r.core.Do(ctx, t, r.core.Client.B().Llen().Key(t.Key).Build())
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

// Delete removes queues and counts those that were there: a pipeline of
// UNLINK, not atomic together.
func (r *ListRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	return r.core.Delete(ctx, ids...)
}

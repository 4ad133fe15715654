package symphony

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Queue names one queue of a tenant.
type Queue struct{ Service, Entity, Action string }

// Batch holds a tenant's queues, a list for each under
// `{tenant}:batch:{service}:{entity}:{action}`, and marks the tenant pending in
// the service's set `pending_batches:{service}`.
type Batch[T any] struct {
	items  *listrepo.ListRepo[T]
	keys   batchKeys
	tenant string
	last   atomic.Pointer[boundQueue[T]] // who enqueues does so often, and to one queue
}

// boundQueue is the repository of one queue, by its action.
type boundQueue[T any] struct {
	name Queue
	repo *listrepo.ListRepo[T]
}

// batchKeys are the patterns of the queues and of the pending sets.
type batchKeys struct{ list, pending keyspace.Pattern }

// NewBatch makes the repository of a tenant's queues, on pool.Handlers. A
// queue has no lifetime unless the options say otherwise. Nothing is sent.
// Errors: ErrInvalidKey, and those of listrepo.New.
func NewBatch[T any](pools *pool.Pools, tenant string, opts ...Option) (*Batch[T], error) {
	keys, rest, err := batchPatterns(pools, opts)
	if err != nil {
		return nil, err
	}
	return newBatch[T](pools, keys, tenant, rest)
}

func newBatch[T any](pools *pool.Pools, keys batchKeys, tenant string, opts []Option) (*Batch[T], error) {
	queues, err := keys.list.Bind(tenant, "service", "entity")
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	items, err := listrepo.New[T](pools, pool.Handlers, queues, opts...)
	if err != nil {
		return nil, err
	}
	return &Batch[T]{items: items, keys: keys, tenant: tenant}, nil
}

func batchPatterns(pools *pool.Pools, opts []Option) (batchKeys, []Option, error) {
	list, rest, err := pick(pools, func(l keyspace.Layout) keyspace.Pattern { return l.BatchList }, opts)
	if err != nil {
		return batchKeys{}, nil, err
	}
	pending, _, err := pick(pools, func(l keyspace.Layout) keyspace.Pattern { return l.PendingSet }, opts)
	return batchKeys{list, pending}, rest, err
}

// With is a view with more options; see listrepo.ListRepo.With.
func (b *Batch[T]) With(opts ...Option) *Batch[T] {
	return &Batch[T]{items: b.items.With(opts...), keys: b.keys, tenant: b.tenant}
}

// of returns the same queues of another tenant.
func (b *Batch[T]) of(tenant string) *Batch[T] {
	return &Batch[T]{items: b.items, keys: b.keys, tenant: tenant}
}

// Enqueue appends items to a queue, marks the tenant pending for the queue's
// service, and gives the queue's length: RPUSH and SADD in one MULTI ... EXEC,
// in one round trip; once in a second one script, which notes the queue in the
// index that WorkBatches reads. Without items nothing is marked.
//
// Atomic. Errors: ErrInvalidKey, and those of listrepo.ListRepo.Push: ErrFull
// from MaxLen, with nothing pushed.
func (b *Batch[T]) Enqueue(ctx context.Context, q Queue, items ...T) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	n, err := queue.Push(ctx, q.Action, items...)
	return n, fault.WithOp("Enqueue", err)
}

// Chunk gives the items from start to stop, both included, and leaves them in
// the queue: LRANGE. See listrepo.ListRepo.Range. Process is the way to work on
// items that are not to be lost or done twice.
func (b *Batch[T]) Chunk(ctx context.Context, q Queue, start, stop int64) ([]T, error) {
	queue, err := b.queue(q)
	if err != nil {
		return nil, err
	}
	items, err := queue.Range(ctx, q.Action, start, stop)
	return items, fault.WithOp("Chunk", err)
}

// Trim keeps the items from start to stop, both included, and removes the
// others. See listrepo.ListRepo.Trim.
func (b *Batch[T]) Trim(ctx context.Context, q Queue, start, stop int64) error {
	queue, err := b.queue(q)
	if err != nil {
		return err
	}
	return queue.Trim(ctx, q.Action, start, stop)
}

// Len is the length of a queue, 0 for one that does not exist: LLEN. Items that
// are claimed are not in it; Backlog counts them.
func (b *Batch[T]) Len(ctx context.Context, q Queue) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Len(ctx, q.Action)
}

// Backlog tells how far a queue's consumers are behind: how many items wait, are
// worked on and are parked, and the age of the oldest. See
// listrepo.ListRepo.Backlog.
func (b *Batch[T]) Backlog(ctx context.Context, q Queue) (listrepo.Backlog, error) {
	queue, err := b.queue(q)
	if err != nil {
		return listrepo.Backlog{}, err
	}
	return queue.Backlog(ctx, q.Action)
}

// Claim takes up to n items for as long as lease says. See
// listrepo.ListRepo.Claim; Process does it with all that belongs to it.
func (b *Batch[T]) Claim(ctx context.Context, q Queue, n int, lease time.Duration) (*listrepo.Claim[T], error) {
	queue, err := b.queue(q)
	if err != nil {
		return nil, err
	}
	return queue.Claim(ctx, q.Action, n, lease)
}

// Process claims up to n items of a queue, hands them to handle and acks them,
// and tells how many were done; 0 and no error where the queue is empty. An error
// of handle comes back as it is, and the items go back in front at once. See
// listrepo.ListRepo.Process, and the options MaxAttempts and Lease.
func (b *Batch[T]) Process(ctx context.Context, q Queue, n int, handle func(context.Context, []listrepo.Item[T]) error) (int, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Process(ctx, q.Action, n, handle)
}

// Dead goes over the items of a queue that were parked, since they did not
// decode or had no attempt left. See listrepo.ListRepo.Dead.
func (b *Batch[T]) Dead(ctx context.Context, q Queue) iter.Seq2[listrepo.DeadLetter[T], error] {
	queue, err := b.queue(q)
	if err != nil {
		return func(yield func(listrepo.DeadLetter[T], error) bool) { yield(listrepo.DeadLetter[T]{}, err) }
	}
	return queue.Dead(ctx, q.Action)
}

// Retry puts parked items back in front of their queue, marks the tenant
// pending, and counts the items. See listrepo.ListRepo.Retry.
func (b *Batch[T]) Retry(ctx context.Context, q Queue, ids ...string) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Retry(ctx, q.Action, ids...)
}

// Discard removes parked items for good and counts them. See
// listrepo.ListRepo.Discard.
func (b *Batch[T]) Discard(ctx context.Context, q Queue, ids ...string) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Discard(ctx, q.Action, ids...)
}

// queue gives the queues of one service and entity, by action, which mark the
// tenant and the queue.
func (b *Batch[T]) queue(q Queue) (*listrepo.ListRepo[T], error) {
	if last := b.last.Load(); last != nil && last.name == q {
		return last.repo, nil
	}
	space, err := b.keys.list.Bind(b.tenant, q.Service, q.Entity)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	set, err := b.keys.pending.Key(q.Service)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	member, err := pending.Queue{Tenant: b.tenant, Entity: q.Entity, Action: q.Action}.Member()
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	repo := b.items.In(space).Marked(listrepo.Marks{Set: set, Member: b.tenant, Queue: member})
	b.last.Store(&boundQueue[T]{q, repo})
	return repo, nil
}

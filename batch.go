package symphony

import (
	"context"
	"fmt"

	"github.com/symphony-go/symphony/internal/fault"
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
	queues, err := keys.list.Bind(tenant, "service", "entity")
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	items, err := listrepo.New[T](pools, pool.Handlers, queues, rest...)
	if err != nil {
		return nil, err
	}
	return &Batch[T]{items, keys, tenant}, nil
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
	return &Batch[T]{b.items.With(opts...), b.keys, b.tenant}
}

// Enqueue appends items to a queue, marks the tenant pending for the queue's
// service, and gives the queue's length: RPUSH and SADD in one MULTI ... EXEC,
// in one round trip. Without items nothing is marked.
//
// Atomic. Errors: ErrInvalidKey, and those of listrepo.ListRepo.Push.
func (b *Batch[T]) Enqueue(ctx context.Context, q Queue, items ...T) (int64, error) {
	queues, err := b.queues(q)
	if err != nil {
		return 0, err
	}
	pending, err := b.keys.pending.Key(q.Service)
	if err != nil {
		return 0, fmt.Errorf("symphony: %w", err)
	}
	n, err := queues.Marked(listrepo.Marks{Pending: listrepo.Mark{Key: pending, Member: b.tenant}}).Push(ctx, q.Action, items...)
	return n, fault.Named("Enqueue", err)
}

// Chunk gives the items from start to stop, both included, and leaves them in
// the queue: LRANGE. See listrepo.ListRepo.Range.
func (b *Batch[T]) Chunk(ctx context.Context, q Queue, start, stop int64) ([]T, error) {
	queues, err := b.queues(q)
	if err != nil {
		return nil, err
	}
	items, err := queues.Range(ctx, q.Action, start, stop)
	return items, fault.Named("Chunk", err)
}

// Trim keeps the items from start to stop, both included, and removes the
// others. See listrepo.ListRepo.Trim.
func (b *Batch[T]) Trim(ctx context.Context, q Queue, start, stop int64) error {
	queues, err := b.queues(q)
	if err != nil {
		return err
	}
	return queues.Trim(ctx, q.Action, start, stop)
}

// Len is the length of a queue, 0 for one that does not exist: LLEN.
func (b *Batch[T]) Len(ctx context.Context, q Queue) (int64, error) {
	queues, err := b.queues(q)
	if err != nil {
		return 0, err
	}
	return queues.Len(ctx, q.Action)
}

// queues gives the queues of one service and entity, by action.
func (b *Batch[T]) queues(q Queue) (*listrepo.ListRepo[T], error) {
	space, err := b.keys.list.Bind(b.tenant, q.Service, q.Entity)
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return b.items.In(space), nil
}

package symphony

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/tenancy"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Queue identifies one queue of a tenant.
type Queue struct{ Service, Entity, Action string }

// Batch is the repository of a tenant's queues. A queue is a list with the key
// `{tenant}:batch:{service}:{entity}:{action}`. A tenant with items is a member
// of the service's pending set, `pending_batches:{service}`.
//
// Its methods are:
//
//   - add: [Batch.Enqueue], [Batch.PutOff]
//   - work: [Batch.Process], [Batch.Claim]
//   - read: [Batch.Chunk], [Batch.Len], [Batch.Backlog], [Batch.Claimed],
//     [Batch.Delayed]
//   - find: [Batch.Queues], [Batch.ScanQueues]
//   - remove: [Batch.Trim], [Batch.Delete]
//   - dead letters: [Batch.Dead], [Batch.Retry], [Batch.Discard]
//   - options: [Batch.With]
//
// [WorkBatches] works through the queues of all tenants. [PendingTenants],
// [RemoveFromPending] and [ForceRemoveFromPending] manage the pending set.
type Batch[T any] struct {
	items  *listrepo.ListRepo[T]
	keys   batchKeys
	tenant string
	last   atomic.Pointer[boundQueue[T]] // most callers enqueue to one queue
}

// boundQueue is the repository of one queue. Its id is the action.
type boundQueue[T any] struct {
	name Queue
	repo *listrepo.ListRepo[T]
}

// batchKeys holds the patterns of the queues and of the pending sets.
type batchKeys struct{ list, pending keyspace.Pattern }

// NewBatch returns the repository of a tenant's queues, on [pool.Handlers].
// Queues have no lifetime by default. It sends nothing.
//
// If the tenant cannot be part of a key, NewBatch returns [ErrInvalidKey]. It
// also returns the errors of [listrepo.New].
func NewBatch[T any](pools *pool.Pools, tenant string, opts ...Option) (*Batch[T], error) {
	keys, rest, err := batchPatterns(pools, opts)
	if err != nil {
		return nil, err
	}
	return newBatch[T](pools, keys, tenant, rest)
}

func newBatch[T any](pools *pool.Pools, keys batchKeys, tenant string, opts []Option) (*Batch[T], error) {
	if err := keys.list.CheckPart(0, tenant); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	items, err := newItems[T](pools, opts)
	if err != nil {
		return nil, err
	}
	return &Batch[T]{items: items, keys: keys, tenant: tenant}, nil
}

// queueKeys is the space of all queues, with the whole key as the ID.
var queueKeys = keyspace.MustCompile("{key}")

// newItems returns a repository that every queue of every tenant shares.
// [Batch.queue] binds it to the space of a queue.
func newItems[T any](pools *pool.Pools, opts []Option) (*listrepo.ListRepo[T], error) {
	space, err := queueKeys.Bind()
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return listrepo.New[T](pools, pool.Handlers, space, opts...)
}

func batchPatterns(pools *pool.Pools, opts []Option) (batchKeys, []Option, error) {
	list, rest, err := pick(pools, func(l keyspace.Layout) keyspace.Pattern { return l.BatchList }, opts)
	if err != nil {
		return batchKeys{}, nil, err
	}
	pending, _, err := pick(pools, func(l keyspace.Layout) keyspace.Pattern { return l.PendingSet }, opts)
	return batchKeys{list, pending}, rest, err
}

// With returns a view with more options; see [listrepo.ListRepo.With].
func (b *Batch[T]) With(opts ...Option) *Batch[T] {
	if b == nil || b.items == nil {
		return b
	}
	return &Batch[T]{items: b.items.With(opts...), keys: b.keys, tenant: b.tenant}
}

// of returns the same queues of another tenant.
func (b *Batch[T]) of(tenant string) *Batch[T] {
	return &Batch[T]{items: b.items, keys: b.keys, tenant: tenant}
}

// Enqueue appends items to a queue, adds the tenant to the pending set of the
// queue's service, and returns the length of the queue. It is atomic. It sends
// one script. If the queue was empty, the script also adds it to the schedule
// from which [WorkBatches] takes queues, and wakes idle workers. Without items,
// Enqueue sends LLEN alone and adds no tenant.
//
// If a part of the queue cannot be part of a key, Enqueue returns
// [ErrInvalidKey]. If the items do not fit under MaxLen, it returns [ErrFull]
// and pushes nothing. It also returns the other errors of
// [listrepo.ListRepo.Push].
func (b *Batch[T]) Enqueue(ctx context.Context, q Queue, items ...T) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	n, err := queue.Push(ctx, q.Action, items...)
	return n, fault.WithOp("Enqueue", err)
}

// Chunk returns the items from start to stop, inclusive, and leaves them in the
// queue. It sends LRANGE; see [listrepo.ListRepo.Range]. Use [Batch.Process]
// for work that must not be lost or done twice.
func (b *Batch[T]) Chunk(ctx context.Context, q Queue, start, stop int64) ([]T, error) {
	queue, err := b.queue(q)
	if err != nil {
		return nil, err
	}
	items, err := queue.Range(ctx, q.Action, start, stop)
	return items, fault.WithOp("Chunk", err)
}

// Trim removes all items but those from start to stop, inclusive; see
// [listrepo.ListRepo.Trim].
func (b *Batch[T]) Trim(ctx context.Context, q Queue, start, stop int64) error {
	queue, err := b.queue(q)
	if err != nil {
		return err
	}
	return queue.Trim(ctx, q.Action, start, stop)
}

// Len returns the number of items that wait in a queue. It is 0 if the queue
// does not exist. It sends LLEN. [Batch.Backlog] also counts items that are in
// flight.
func (b *Batch[T]) Len(ctx context.Context, q Queue) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Len(ctx, q.Action)
}

// Backlog returns the numbers of waiting items, items in flight and dead
// letters of a queue, the age of the oldest item, and the time from which the
// queue hands out items; see [listrepo.ListRepo.Backlog].
func (b *Batch[T]) Backlog(ctx context.Context, q Queue) (listrepo.Backlog, error) {
	queue, err := b.queue(q)
	if err != nil {
		return listrepo.Backlog{}, err
	}
	return queue.Backlog(ctx, q.Action)
}

// Claim claims up to n items for the duration of a lease; see
// [listrepo.ListRepo.Claim]. [Batch.Process] also renews the lease and acks the
// items.
//
// If the queue is serial and another claim is in flight, Claim returns
// [ErrBusy]. See [Serial].
func (b *Batch[T]) Claim(ctx context.Context, q Queue, n int, lease time.Duration) (*listrepo.Claim[T], error) {
	queue, err := b.queue(q)
	if err != nil {
		return nil, err
	}
	return queue.Claim(ctx, q.Action, n, lease)
}

// Process claims up to n items of a queue, passes them to handle, acks them,
// and returns how many items were done. If the queue has no items, it returns 0
// and no error. If handle returns an error, Process returns the same error, and
// the items go back to the front of the queue. If the queue is serial and
// another claim is in flight, Process returns [ErrBusy]. See
// [listrepo.ListRepo.Process], [MaxAttempts], [Lease] and [Serial].
//
// If n is not positive or handle is nil, Process returns [ErrInvalidArgument]
// and sends nothing.
func (b *Batch[T]) Process(ctx context.Context, q Queue, n int, handle func(context.Context, []listrepo.Item[T]) error) (int, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Process(ctx, q.Action, n, handle)
}

// PutOff puts off the time at which a queue hands out its items, as an Enqueue
// with the option [Quiet] does; see [listrepo.ListRepo.PutOff].
//
// If no item waits, PutOff returns [ErrNotFound]. Without the option, it
// returns [ErrUnsupported].
func (b *Batch[T]) PutOff(ctx context.Context, q Queue) error {
	queue, err := b.queue(q)
	if err != nil {
		return err
	}
	return queue.PutOff(ctx, q.Action)
}

// Dead iterates over the dead letters of a queue; see [listrepo.ListRepo.Dead].
func (b *Batch[T]) Dead(ctx context.Context, q Queue) iter.Seq2[listrepo.DeadLetter[T], error] {
	queue, err := b.queue(q)
	if err != nil {
		return func(yield func(listrepo.DeadLetter[T], error) bool) { yield(listrepo.DeadLetter[T]{}, err) }
	}
	return queue.Dead(ctx, q.Action)
}

// Claimed iterates over the items of a queue that are in flight, with the ends
// of their leases; see [listrepo.ListRepo.Claimed].
func (b *Batch[T]) Claimed(ctx context.Context, q Queue) iter.Seq2[listrepo.HeldItem[T], error] {
	return b.held(q, func(r *listrepo.ListRepo[T]) iter.Seq2[listrepo.HeldItem[T], error] { return r.Claimed(ctx, q.Action) })
}

// Delayed iterates over the items of a queue that wait to be delivered again;
// see [listrepo.ListRepo.Delayed]. [Batch.Chunk] reads those that wait in the
// list.
func (b *Batch[T]) Delayed(ctx context.Context, q Queue) iter.Seq2[listrepo.HeldItem[T], error] {
	return b.held(q, func(r *listrepo.ListRepo[T]) iter.Seq2[listrepo.HeldItem[T], error] { return r.Delayed(ctx, q.Action) })
}

func (b *Batch[T]) held(q Queue, list func(*listrepo.ListRepo[T]) iter.Seq2[listrepo.HeldItem[T], error]) iter.Seq2[listrepo.HeldItem[T], error] {
	queue, err := b.queue(q)
	if err != nil {
		return func(yield func(listrepo.HeldItem[T], error) bool) { yield(listrepo.HeldItem[T]{}, err) }
	}
	return list(queue)
}

// Queues returns the queues of a service in which the tenant has items that
// wait or are in flight, in the order in which they are ready. It sends ZRANGE
// on the schedule, so its cost does not depend on the size of the database. A
// queue that only the Python package fills is in the schedule once a worker has
// found it. [Batch.ScanQueues] also finds queues that have dead letters alone.
//
// If the service cannot be part of a key, Queues returns [ErrInvalidKey]. If
// the key of the schedule holds another Redis type, it returns [ErrWrongType].
func (b *Batch[T]) Queues(ctx context.Context, service string) ([]Queue, error) {
	if err := b.made(); err != nil {
		return nil, err
	}
	set, err := b.pendingSet(service)
	if err != nil {
		return nil, err
	}
	found, err := set.Queues(ctx, "Queues", b.tenant)
	queues := make([]Queue, len(found))
	for i, q := range found {
		queues[i] = Queue{service, q.Entity, q.Action}
	}
	return queues, err
}

// ScanQueues iterates over the queues of the tenant in every service that have
// items or dead letters, in no particular order, each once. It finds them with
// SCAN, over the whole database, and holds the names of those it has found. It
// sends nothing more after the loop ends.
//
// If the layout accepts different tenants in one key, as [keyspace.Python] does
// with [keyspace.AllowAmbiguous], ScanQueues yields [ErrUnsupported]. An error
// ends the loop.
func (b *Batch[T]) ScanQueues(ctx context.Context) iter.Seq2[Queue, error] {
	return func(yield func(Queue, error) bool) {
		if err := b.made(); err != nil {
			yield(Queue{}, err)
			return
		}
		s := b.items.Store(internal.NotForPublicUse{})
		layout := keyspace.Layout{BatchList: b.keys.list, PendingSet: b.keys.pending}
		for q, err := range tenancy.Queues(ctx, s, layout, "ScanQueues", b.tenant) {
			if !yield(Queue{q.Service, q.Entity, q.Action}, err) {
				return
			}
		}
	}
}

// pendingSet returns the pending set of a service.
func (b *Batch[T]) pendingSet(service string) (*pending.Set, error) {
	sets, err := b.keys.pending.Bind()
	if err == nil {
		err = b.keys.pending.CheckPart(0, service)
	}
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return pending.New(b.items.Store(internal.NotForPublicUse{}).WithSpace(sets), service, b.keys.list), nil
}

// made returns an error if b is nil or zero.
func (b *Batch[T]) made() error {
	if b == nil || b.items == nil {
		return fmt.Errorf("symphony: %w: the Batch is nil or zero; make one with NewBatch", ErrInvalidArgument)
	}
	return nil
}

// Retry puts dead letters back at the front of their queue, adds the tenant to
// the pending set, and returns the number of items; see
// [listrepo.ListRepo.Retry].
func (b *Batch[T]) Retry(ctx context.Context, q Queue, ids ...string) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Retry(ctx, q.Action, ids...)
}

// Discard removes dead letters and returns their number; see
// [listrepo.ListRepo.Discard].
func (b *Batch[T]) Discard(ctx context.Context, q Queue, ids ...string) (int64, error) {
	queue, err := b.queue(q)
	if err != nil {
		return 0, err
	}
	return queue.Discard(ctx, q.Action, ids...)
}

// Delete removes a queue with its claims and dead letters, and from the
// schedule of its service. It reports whether items waited in its list.
// Handlers of its items lose their leases. The tenant stays in the pending set
// until a worker or [RemoveFromPending] removes it. Delete sends UNLINK, and
// then a script for every hundred claims; it is not atomic. See
// [listrepo.ListRepo.Delete].
func (b *Batch[T]) Delete(ctx context.Context, q Queue) (bool, error) {
	queue, err := b.queue(q)
	if err != nil {
		return false, err
	}
	n, err := queue.Delete(ctx, q.Action)
	return n > 0, err
}

// queue returns the repository of a queue, which marks the tenant and the
// queue.
func (b *Batch[T]) queue(q Queue) (*listrepo.ListRepo[T], error) {
	if err := b.made(); err != nil {
		return nil, err
	}
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

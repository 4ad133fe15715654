package symphony

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/internal/worker"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// WorkBatches runs workers on the queues of a service until ctx ends, and
// returns nil when the workers have stopped. Any number of processes may run it
// at the same time: a claimed item is handed out to one worker only.
//
// It takes the queues that have something to hand out from the schedule that
// [Batch.Enqueue] and the other calls keep. Enqueue wakes idle workers by a
// message. An idle process looks at the schedule once a second, by one script
// whose cost does not depend on the number of queues. Tenants take turns, one
// chunk each, over all processes. A chunk is claimed, handled and acknowledged
// as by [Batch.Process], one round trip each. Several workers may handle chunks
// of one queue at the same time, unless the queue has the option [Serial].
//
// One of the processes also removes tenants without items from the pending set:
// a look begins the removal, SCAN finds queues that only the Python package
// fills, and a script ends the removal or restores the tenant. It also sends
// SCAN if the set gets tenants that are not in the schedule, every ten seconds
// while it has some, and else once a minute. If a SCAN takes long, the pause
// after it is twenty times as long, or a hundred times if the schedule has all
// tenants.
//
// If handle returns an error, panics or calls [runtime.Goexit], the items are
// delivered again after [WorkConfig.Backoff]. Other items of the queue do not
// wait for them, unless the queue has the option [Serial]. Items whose last
// attempt failed become dead letters; see [WorkConfig.MaxAttempts]. An error
// made with [GiveUp] makes dead letters at once, and one made with [RetryAfter]
// sets the time of the next attempt. A handler that did a part of its items
// returns [listrepo.Undone]; only the others are delivered again. The context
// of handle ends with [ErrLeaseLost] as its cause if the lease is lost.
//
// The context of handle carries the tenant, which [scope.From] returns, and the
// work, which [WorkFrom] returns.
//
// If ctx ends, no further chunk is claimed, and running handlers have
// [WorkConfig.StopTimeout] to return. Then their contexts end. If a handler
// returns an error after that, its items go back without counting the delivery.
// If it does not return within a second, its items go back in the same way,
// their lease is no longer renewed, and WorkBatches logs a warning and returns.
//
// Members of the pending set that are not tenants are reported once a minute
// and skipped; [ForceRemoveFromPending] removes them. Members of the schedule
// that do not name a queue are reported and removed. If a key of the schedule
// holds another type, that is reported, and a SCAN every ten seconds finds the
// queues instead. Entries beside a queue that another program wrote become dead
// letters, and are reported once a minute for each queue. If the server evicts
// keys when its memory is full, a warning is logged at the start: queues need
// maxmemory-policy noeviction.
//
// The options are those of [NewBatch], except [MaxAttempts], [DeadLimit],
// [DeadFor] and [Lease], which cfg sets. WorkBatches passes errors to
// [WorkConfig.OnError] and goes on. Only the following errors end it.
//
// If the service cannot be part of a key, it returns [ErrInvalidKey]. If handle
// is nil or cfg is invalid, it returns [ErrInvalidArgument]; each mistake in
// cfg is a [ConfigError]. If an option does not apply, it returns
// [ErrUnsupported]; if an option has a bad argument, it returns [ErrInvalidTTL]
// or ErrInvalidArgument. If the codec cannot write T, it returns
// [ErrInvalidSchema]. If the pool is unknown, it returns [ErrUnknownPool]. If
// the pools are closed, it returns [ErrClosed].
func WorkBatches[T any](
	ctx context.Context, pools *pool.Pools, service string,
	handle func(ctx context.Context, tenant string, q Queue, items []listrepo.Item[T]) error,
	cfg WorkConfig, opts ...Option,
) error {
	keys, opts, err := batchPatterns(pools, opts)
	if err != nil {
		return err
	}
	set, err := newPendingSet(pools, keys, service, option.Lifetimes|option.Queues, opts)
	if err != nil {
		return err
	}
	target := fault.Target{Op: working, Pool: set.Alias}
	if handle == nil {
		return target.NotApplied(fmt.Errorf("%w: the handler is nil; pass a function", ErrInvalidArgument))
	}
	if cfg, err = cfg.withDefaults(); err != nil {
		return err
	}
	if err := set.RefuseAbsent(target); err != nil {
		return err
	}
	items, err := newItems[T](pools, opts)
	if err != nil {
		return err
	}
	queues := &Batch[T]{items: items.With(cfg.deliveries()...), keys: keys}
	run, err := cfg.middleware()
	if err != nil {
		return err
	}
	h := &workHandler{cfg: cfg, run: run}
	defer h.logAbandoned(ctx)
	if policy := store.EvictionPolicy(ctx, set.Client); policy != "" {
		cfg.Logger.WarnContext(ctx, "symphony: the server evicts keys when its memory is full, and with them queues; set maxmemory-policy to noeviction",
			"pool", string(set.Alias), "policy", policy)
	}
	return worker.Run(ctx, set, worker.Config{
		Op: working, Workers: cfg.Workers, StopTimeout: cfg.StopTimeout, LongestWait: time.Second, Backoff: cfg.Backoff,
		Places: pending.Places{PerTenant: cfg.PerTenant, Lease: cfg.Lease},
		Report: func(q pending.Queue, err error) {
			cfg.OnError(&WorkError{q.Tenant, Queue{service, q.Entity, q.Action}, err})
		},
		Handle: func(ctx context.Context, name pending.Queue) worker.Result {
			q := Queue{service, name.Entity, name.Action}
			done, err := queues.of(name.Tenant).Process(ctx, q, cfg.ChunkSize, func(handling context.Context, items []listrepo.Item[T]) error {
				work := Work{name.Tenant, q, len(items), highestAttempt(items), listrepo.OriginsFrom(handling)}
				err := h.call(handling, ctx, work, func(ctx context.Context) error { return handle(ctx, name.Tenant, q, items) })
				if err == nil {
					return nil
				}
				return &handlerError{err}
			})
			return resultOf(done, err)
		},
	})
}

const working = "WorkBatches"

// resultOf returns how the workers go on with a queue after Process returned
// done and err.
func resultOf(done int, err error) worker.Result {
	if failed, ok := err.(*handlerError); ok { // the items were put back, and nothing else went wrong
		return worker.Result{Outcome: worker.Handled, Err: failed.error}
	}
	var undecodable *listrepo.ItemError
	var foreign *listrepo.ForeignEntriesError
	dead, aside := errors.As(err, &undecodable), errors.As(err, &foreign)
	failed := errors.As(err, new(*handlerError))
	switch {
	case !failed && errors.Is(err, ErrBusy):
		return worker.Result{Outcome: worker.Empty}
	case done > 0, dead, aside:
		return worker.Result{Outcome: worker.Handled, Err: err, Recurs: !dead && !failed}
	case err != nil:
		return worker.Result{Outcome: worker.Failed, Err: err}
	default:
		return worker.Result{Outcome: worker.Empty}
	}
}

// Work describes the items that a handler of [WorkBatches] handles.
type Work struct {
	Tenant  string
	Queue   Queue
	Items   int // how many
	Attempt int // the highest [listrepo.Item.Attempt] of the items

	origins []string
}

// Origins returns what the [pool.Propagator] of the pools had when the items
// were enqueued, at most 32 texts; see [listrepo.Claim.Origins].
func (w Work) Origins() []string { return w.origins }

// WorkFrom returns the work that a context carries, and reports whether it
// carries any. The context of every handler of [WorkBatches] does. WorkFrom is
// for middleware; see [WorkConfig.Use].
func WorkFrom(ctx context.Context) (Work, bool) {
	d, ok := ctx.Value(deliveryKey{}).(*delivery)
	if !ok {
		return Work{}, false
	}
	return d.Work, true
}

// delivery is a Work with the handler that is bound to it.
type delivery struct {
	Work
	handle func(context.Context) error
}

type deliveryKey struct{}

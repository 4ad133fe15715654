package symphony

import (
	"cmp"
	"context"
	"errors"
	"fmt"

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
// It finds pending tenants and their queues in the index that [Batch.Enqueue]
// maintains, within about a second. It finds queues that only the Python
// package fills by SCAN, about every ten seconds while tenants are pending, and
// before it removes a tenant without items from the pending set. If a SCAN
// takes long, the pause after it is twenty times as long. Tenants take turns,
// one chunk each. A chunk is claimed, handled and acknowledged as by
// [Batch.Process], one round trip each. One process handles a queue with one
// worker at a time. If there is no work, the pauses between two looks at the
// index grow to half a second.
//
// If handle returns an error, panics or calls [runtime.Goexit], the items go
// back to the front of the queue, and the queue is paused for
// [WorkConfig.Backoff] in this process. Items whose last attempt failed become
// dead letters; see [WorkConfig.MaxAttempts]. The context of handle ends with
// [ErrLeaseLost] as its cause if the lease is lost. A handler that did a part
// of its items returns [listrepo.Undone]; the queue is paused then, too.
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
// Members of the pending set that are not tenants, and members of the index
// that do not name a queue, are reported once a minute and skipped;
// [ForceRemoveFromPending] removes them. Entries beside a queue that another
// program wrote become dead letters, and are reported once a minute for each
// queue. If the server evicts keys when its memory is full, a warning is logged
// at the start: queues need maxmemory-policy noeviction.
//
// The options are those of [NewBatch], except [MaxAttempts] and [Lease], which
// cfg sets. WorkBatches passes errors to [WorkConfig.OnError] and goes on. Only
// the following errors end it.
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
		return target.NotApplied(fmt.Errorf("%w: the handler is nil", ErrInvalidArgument))
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
	queues := &Batch[T]{items: items.With(MaxAttempts(cfg.MaxAttempts), Lease(cfg.Lease)), keys: keys}
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
		Op: working, Workers: cfg.Workers, StopTimeout: cfg.StopTimeout, Backoff: cfg.Backoff,
		Report: func(q pending.Queue, err error) {
			cfg.OnError(&WorkError{q.Tenant, Queue{service, q.Entity, q.Action}, err})
		},
		Handle: func(ctx context.Context, name pending.Queue) worker.Result {
			q := Queue{service, name.Entity, name.Action}
			var failed error
			done, err := queues.of(name.Tenant).Process(ctx, q, cfg.ChunkSize, func(handling context.Context, items []listrepo.Item[T]) error {
				work := Work{name.Tenant, q, len(items), highestAttempt(items)}
				failed = h.call(handling, ctx, work, func(ctx context.Context) error { return handle(ctx, name.Tenant, q, items) })
				return failed
			})
			return resultOf(done, failed, err)
		},
	})
}

const working = "WorkBatches"

// resultOf returns how the rotation goes on with a queue after Process returned
// done and err, and the handler returned failed.
func resultOf(done int, failed, err error) worker.Result {
	var undecodable *listrepo.ItemError
	var foreign *listrepo.ForeignEntriesError
	dead, aside := errors.As(err, &undecodable), errors.As(err, &foreign)
	switch progress := done > 0 || dead || aside; {
	case errors.Is(err, ErrBusy):
		return worker.Result{Outcome: worker.Empty}
	case failed != nil, err != nil && !progress:
		return worker.Result{Outcome: worker.Failed, Err: cmp.Or(err, failed)}
	case progress:
		return worker.Result{Outcome: worker.Handled, Err: err, Recurs: !dead}
	default:
		return worker.Result{Outcome: worker.Empty}
	}
}

func highestAttempt[T any](items []listrepo.Item[T]) (attempt int) {
	for i := range items {
		attempt = max(attempt, items[i].Attempt)
	}
	return attempt
}

// Work describes the items that a handler of [WorkBatches] handles.
type Work struct {
	Tenant  string
	Queue   Queue
	Items   int // how many
	Attempt int // the highest [listrepo.Item.Attempt] of the items
}

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

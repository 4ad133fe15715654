package symphony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// WorkBatches works on the queues of a service until the context ends, and then
// gives nil when the last handler has returned. Any number of processes may do so
// at a time: no item is handed to two of them.
//
// It finds the pending tenants and their queues in the index that Enqueue keeps,
// within a second at most, and those that only the Python package fills by a
// SCAN, now and then. Tenants take turns, a chunk each, so that none waits for
// the end of another's queue. A chunk is claimed, handled and acked as by
// Batch.Process; the context of handle ends with ctx, or when the lease is lost.
// Entries beside a queue that the library did not write, and keys beside it of
// another type, are reported once a minute for each queue.
// If handle fails, panics or calls runtime.Goexit, the items go back in front, the
// queue waits, 250 ms at first and a minute at most, and the others go on; see
// MaxAttempts for items that never succeed. If ctx ends, items that handle did not
// do go back without counting the delivery. A tenant without items is taken out of
// the pending set. Without work the pauses grow to a second.
//
// Members of the pending set and of the index that are no tenants and no queues are
// reported once a minute and passed over; ForceRemoveFromPending removes them. If
// the server evicts keys when its memory is full, the log warns of it at the start:
// queues need maxmemory-policy noeviction.
//
// Options beside those of NewBatch: Workers, ChunkSize, Lease, MaxAttempts, and
// Report, which gets every error in place of the log.
//
// If the service cannot be in a key, ErrInvalidKey. If the handler is nil,
// ErrInvalidArgument. If the pools are closed, ErrClosed. Options that NewBatch
// refuses are refused here too. Other errors are reported and do not stop it.
func WorkBatches[T any](
	ctx context.Context, pools *pool.Pools, service string,
	handle func(ctx context.Context, tenant string, q Queue, items []listrepo.Item[T]) error, opts ...Option,
) error {
	keys, rest, err := batchPatterns(pools, opts)
	if err != nil {
		return err
	}
	r, err := newPendingSet(pools, keys, service, rest)
	if err != nil {
		return err
	}
	if handle == nil {
		return r.Target(working).NotApplied(fmt.Errorf("%w: the handler is nil", ErrInvalidArgument))
	}
	if err := r.RefuseAbsent(fault.Target{Op: working, Pool: r.Alias}); err != nil {
		return err
	}
	own := option.Without(option.Working, rest)
	if _, err := newBatch[T](pools, keys, "tenant", own); err != nil {
		return err
	}
	w := newWork(r, func(ctx context.Context, tenant string, q Queue, n int) (int, error, error) {
		b, err := newBatch[T](pools, keys, tenant, own)
		if err != nil {
			return 0, nil, err
		}
		var failed error
		done, err := b.Process(ctx, q, n, func(ctx context.Context, items []listrepo.Item[T]) error {
			failed = caught(func() error { return handle(ctx, tenant, q, items) })
			return failed
		})
		return done, failed, err
	})
	if policy := store.EvictionPolicy(ctx, r.Client); policy != "" {
		slog.WarnContext(ctx, "symphony: the server drops queues when its memory is full; set maxmemory-policy to noeviction",
			"pool", string(r.Alias), "policy", policy)
	}
	return w.run(ctx)
}

const (
	defaultChunkSize = 100

	firstPause = 10 * time.Millisecond // between two looks at the registry
	lastPause  = 500 * time.Millisecond

	firstBackoff = 250 * time.Millisecond // of a queue that fails
	lastBackoff  = time.Minute

	sweepEvery = time.Second      // between two looks at who is done, at least
	scanEvery  = 10 * time.Second // between two looks for queues in no index
	sweepShare = 20               // and this many times what a look takes

	tellEvery = time.Minute // between two reports of one kind about the service
)

// work is one WorkBatches under way, without its type parameter.
type work struct {
	pending *pending.Set
	process func(ctx context.Context, tenant string, q Queue, n int) (done int, failed, err error)
	workers int
	chunk   int
	report  func(error)

	turns    *turns
	progress atomic.Bool // whether items were handled since the last look

	nextSweep, nextScan time.Time
	nextTold            map[string]time.Time // by kind of error
	scanned             []pending.Queue      // by the last scan, while the index cannot be read
}

func newWork(r *pending.Set, process func(context.Context, string, Queue, int) (int, error, error)) *work {
	w := &work{pending: r, process: process, workers: max(r.Workers, 1), chunk: r.ChunkSize, report: reporter(r.Report), turns: newTurns(), nextTold: map[string]time.Time{}}
	if w.chunk == 0 {
		w.chunk = defaultChunkSize
	}
	return w
}

func (w *work) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(ctx, w.turns.end)()
	var wg sync.WaitGroup
	for range w.workers {
		wg.Go(func() {
			for q := w.turns.next(); q != nil; q = w.turns.next() {
				w.visit(ctx, q)
			}
		})
	}
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		if err := w.look(ctx); errors.Is(err, ErrClosed) {
			stop(err)
		} else if err != nil {
			w.tellSeldom(ctx, "look", err)
		}
		if w.progress.Swap(false) {
			pause = firstPause
		}
		sleep(ctx, pause)
	}
	wg.Wait()
	if err := context.Cause(ctx); errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// visit works on one chunk of a queue.
func (w *work) visit(ctx context.Context, q *turn) {
	queue := Queue{w.pending.Service, q.Entity, q.Action}
	done, failed, err := w.process(ctx, q.Tenant, queue, w.chunk)
	var bad *listrepo.ItemError
	var strange *listrepo.ForeignEntriesError
	parked, aside := errors.As(err, &bad), errors.As(err, &strange)
	// What is wrong beside a queue goes on being so, and is told with each claim.
	told := err == nil || failed == nil && !parked && (done > 0 || aside) && !q.tells()
	switch {
	case failed != nil, err != nil && done == 0 && !parked && !aside:
		w.turns.failed(q)
	case done > 0, parked, aside:
		w.progress.Store(true)
		w.turns.more(q)
	default:
		w.turns.emptied(q)
	}
	if !told {
		w.tell(ctx, q.Tenant, queue, err)
	}
}

// tell reports an error, unless it only says that the work is over.
func (w *work) tell(ctx context.Context, tenant string, q Queue, err error) {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		w.report(&WorkError{tenant, q, err})
	}
}

// tellSeldom reports an error about the service, if none of its kind was reported
// within the last minute: looks are many, and each may meet it again.
func (w *work) tellSeldom(ctx context.Context, kind string, err error) {
	if now := time.Now(); now.After(w.nextTold[kind]) {
		w.nextTold[kind] = now.Add(tellEvery)
		w.tell(ctx, "", Queue{Service: w.pending.Service}, err)
	}
}

// look finds queues to work on, and now and then tenants that are done.
func (w *work) look(ctx context.Context) error {
	snap, err := w.pending.Snapshot(ctx, working)
	if err != nil {
		return err
	}
	if err := snap.Foreign.Err(); err != nil {
		w.tellSeldom(ctx, "foreign", err)
	}
	if snap.Foreign.Index != nil {
		return w.lookWithoutIndex(ctx, snap)
	}
	w.turns.add(snap)
	start := time.Now()
	if start.Before(w.nextSweep) || len(snap.Pending)+len(snap.Queues) == 0 {
		return nil
	}
	err = w.sweep(ctx, snap)
	took := time.Since(start)
	w.nextSweep = start.Add(took + max(sweepEvery, sweepShare*took))
	return err
}

// lookWithoutIndex finds the queues of pending tenants by a scan, now and then.
// Nobody is taken out of the pending set meanwhile.
func (w *work) lookWithoutIndex(ctx context.Context, snap pending.Snapshot) error {
	if now := time.Now(); now.After(w.nextScan) {
		found, err := w.pending.ScanQueues(ctx, working, snap.Pending...)
		if err != nil {
			return err
		}
		w.scanned, w.nextScan = found, now.Add(scanEvery)
	}
	snap.Queues = w.scanned
	w.turns.add(snap)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	wait := time.NewTimer(d)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

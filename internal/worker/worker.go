// Package worker runs the workers of a service: it finds the queues that have
// items, passes each to a worker when it is its turn, and removes tenants
// without items from the pending set. How a queue is handled is up to its
// caller.
package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/pool"
)

// Config configures Run. No field may be zero.
type Config struct {
	Op          string // the operation's name in errors
	Workers     int    // how many queues are handled at a time
	StopTimeout time.Duration

	// Handle handles some items of a queue. It is called by several goroutines,
	// but never for the same queue at the same time.
	Handle func(ctx context.Context, q pending.Queue) Result

	// Backoff returns the pause of a queue after its failures in a row, from 1.
	// It is called by several goroutines.
	Backoff func(failures int, err error) time.Duration

	// Report receives errors that do not stop Run. An error about the service
	// has a zero Queue. It is called by several goroutines.
	Report func(q pending.Queue, err error)
}

// Result is the result of handling a queue once.
type Result struct {
	Outcome Outcome
	Err     error // to report; nil: none
	Recurs  bool  // whether each call will report Err, until somebody mends its cause
}

// Outcome says how the rotation goes on with a queue.
type Outcome int

// The outcomes.
const (
	Empty   Outcome = iota // the queue had no items
	Handled                // it may have more items
	Failed                 // it is paused for Config.Backoff
)

const (
	sweepEvery = time.Second      // at least, between two sweeps
	scanEvery  = 10 * time.Second // between two scans, unless a tenant may be removed
	sweepShare = 20               // a sweep is followed by a pause of so many times its duration

	reportEvery = time.Minute // between two reports of a recurring error
)

var (
	// lookBackoff is the delay between two snapshots without progress.
	lookBackoff = retry.Backoff{First: 10 * time.Millisecond, Max: 500 * time.Millisecond}
	// emptyBackoff is the pause of an empty queue.
	emptyBackoff = retry.Backoff{First: 10 * time.Millisecond, Max: 500 * time.Millisecond, Jitter: 0.25}
)

// run is one call of Run.
type run struct {
	Config
	pending  *pending.Set
	rotation *rotation
	handling context.Context // of the handlers: ends StopTimeout after the context of Run
	progress atomic.Bool     // whether items were handled since the last snapshot

	nextSweep, nextScan time.Time
	nextReport          map[string]time.Time // by kind of error
	scanned             []pending.Queue      // by the last scan, while the index cannot be read
}

// Run handles the queues of a service until ctx ends, and returns nil when
// every worker has returned. If the pools are closed, it returns
// [pool.ErrClosed].
func Run(ctx context.Context, set *pending.Set, cfg Config) error {
	handling, endHandling := context.WithCancel(context.WithoutCancel(ctx))
	defer endHandling()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &run{Config: cfg, pending: set, rotation: newRotation(), handling: handling, nextReport: map[string]time.Time{}}
	defer context.AfterFunc(ctx, func() {
		r.rotation.end()
		_ = retry.Sleep(handling, cfg.StopTimeout)
		endHandling()
	})()
	wait := r.startWorkers(ctx)
	for idle := 0; ctx.Err() == nil; idle++ {
		if err := r.look(ctx); errors.Is(err, pool.ErrClosed) {
			stop(err)
		} else if err != nil {
			r.reportSeldom(ctx, "look", err)
		}
		if r.progress.Swap(false) {
			idle = 0
		}
		_ = lookBackoff.Sleep(ctx, idle)
	}
	wait()
	if err := context.Cause(ctx); errors.Is(err, pool.ErrClosed) {
		return err
	}
	return nil
}

// startWorkers starts the workers. They end after rotation.end; wait waits for
// them.
func (r *run) startWorkers(ctx context.Context) (wait func()) {
	var workers sync.WaitGroup
	for range r.Workers {
		workers.Go(func() {
			for q := r.rotation.next(); q != nil; q = r.rotation.next() {
				r.handle(ctx, q)
			}
		})
	}
	return workers.Wait
}

// handle handles a queue once.
func (r *run) handle(ctx context.Context, q *queue) {
	result := r.Handle(r.handling, q.Queue)
	// After the switch, another worker may handle the queue.
	report := result.Err != nil && (!result.Recurs || q.shouldReport())
	switch result.Outcome {
	case Failed:
		q.failures++
		r.rotation.failed(q, r.Backoff(q.failures, result.Err))
	case Handled:
		r.progress.Store(true)
		r.rotation.handled(q)
	default:
		r.rotation.empty(q)
	}
	if report {
		r.report(ctx, q.Queue, result.Err)
	}
}

// report reports an error. If ctx has ended, an error that only says so is
// dropped.
func (r *run) report(ctx context.Context, q pending.Queue, err error) {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) && !errors.Is(err, context.Canceled) {
		r.Report(q, err)
	}
}

// reportSeldom reports an error about the service unless one of its kind was
// reported within the last minute. Snapshots are frequent, and each may meet
// the error again.
func (r *run) reportSeldom(ctx context.Context, kind string, err error) {
	if now := time.Now(); now.After(r.nextReport[kind]) {
		r.nextReport[kind] = now.Add(reportEvery)
		r.report(ctx, pending.Queue{}, err)
	}
}

// look updates the rotation from a snapshot, and sweeps if a sweep is due.
func (r *run) look(ctx context.Context) error {
	snap, err := r.pending.Snapshot(ctx, r.Op)
	if err != nil {
		return err
	}
	if err := snap.Foreign.Err(); err != nil {
		r.reportSeldom(ctx, "foreign", err)
	}
	if snap.Foreign.Index != nil {
		return r.lookWithoutIndex(ctx, snap)
	}
	r.rotation.update(snap)
	start := time.Now()
	if start.Before(r.nextSweep) || len(snap.Pending)+len(snap.Queues) == 0 {
		return nil
	}
	err = r.sweep(ctx, snap)
	took := time.Since(start)
	r.nextSweep = start.Add(took + max(sweepEvery, sweepShare*took))
	return err
}

// lookWithoutIndex finds the queues of pending tenants by a scan, since the key
// of the index holds another type. No tenant is removed from the pending set
// meanwhile.
func (r *run) lookWithoutIndex(ctx context.Context, snap pending.Snapshot) error {
	if now := time.Now(); now.After(r.nextScan) {
		found, err := r.pending.ScanQueues(ctx, r.Op, snap.Pending...)
		if err != nil {
			return err
		}
		r.scanned, r.nextScan = found, now.Add(scanEvery)
	}
	snap.Queues = r.scanned
	r.rotation.update(snap)
	return nil
}

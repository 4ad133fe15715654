// Package worker runs the workers of a service: it takes queues that are
// ready from the schedule, passes each to a worker, and removes tenants
// without items from the pending set. How a queue is handled is up to its
// caller.
package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/pool"
)

// Config configures Run. No field but Places may be zero.
type Config struct {
	Op          string // the operation's name in errors
	Workers     int    // how many queues are handled at a time
	StopTimeout time.Duration
	LongestWait time.Duration // between two looks for queues that are ready

	// Places bounds how many queues of a tenant are handled at once, over all
	// processes.
	Places pending.Places

	// Handle handles some items of a queue. It is called by several
	// goroutines, also for the same queue. If the place of the tenant is lost,
	// its context ends with [fault.ErrLeaseLost] as its cause.
	Handle func(ctx context.Context, q pending.Queue) Result

	// Backoff returns the pause of a queue after its failures in a row, from
	// 1. It is called by several goroutines.
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

// Outcome says how the workers go on with a queue.
type Outcome int

// The outcomes.
const (
	Empty   Outcome = iota // the queue had no items
	Handled                // some items were handled
	Failed                 // a call failed; the queue is deferred for Config.Backoff
)

const reportEvery = time.Minute // between two reports of a recurring error

// run is one call of Run.
type run struct {
	Config
	pending  *pending.Set
	clock    *testclock.Clock
	handling context.Context // of the handlers: ends StopTimeout after the context of Run
	incident incidents

	mu         sync.Mutex
	nextReport map[string]time.Time // by kind of error
}

// Run handles the queues of a service until ctx ends, and returns nil when
// every worker has returned. If the pools are closed, it returns
// [pool.ErrClosed].
func Run(ctx context.Context, set *pending.Set, cfg Config) error {
	handling, endHandling := context.WithCancel(context.WithoutCancel(ctx))
	defer endHandling()
	defer set.Clock().Running(ctx)()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(ctx, func() {
		_ = retry.Sleep(handling, cfg.StopTimeout)
		endHandling()
	})()
	r := &run{Config: cfg, pending: set, clock: set.Clock(), handling: handling, nextReport: map[string]time.Time{}}
	var background sync.WaitGroup
	d := newDispatcher(r)
	testclock.Started(ctx)
	background.Go(func() { d.subscribe(ctx) })
	background.Go(func() { r.sweepUntilDone(ctx, d) })
	err := d.dispatch(ctx)
	stop(err)
	background.Wait()
	return err
}

// handle handles a queue once, and defers it if that did not succeed. The
// handler's context is handling, and ctx that of Run.
func (r *run) handle(ctx, handling context.Context, q pending.Queue) Outcome {
	result := r.Handle(handling, q)
	var pause time.Duration
	switch result.Outcome {
	case Failed:
		pause = r.Backoff(r.incident.failed(q), result.Err)
	case Handled:
		r.incident.handled(q)
	default:
		pause = r.incident.empty(q)
	}
	if pause > 0 {
		if err := r.pending.Defer(context.WithoutCancel(ctx), r.Op, q, pause); err != nil {
			r.reportSeldom(ctx, "defer", err)
		}
	}
	if result.Err != nil && (!result.Recurs || r.incident.shouldReport(q)) {
		r.report(ctx, q, result.Err)
	}
	return result.Outcome
}

// report reports an error. If ctx has ended, an error that only says so is
// dropped.
func (r *run) report(ctx context.Context, q pending.Queue, err error) {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) && !errors.Is(err, context.Canceled) {
		r.Report(q, err)
	}
}

// reportSeldom reports an error about the service unless one of its kind was
// reported within the last minute. Each look may meet the error again.
func (r *run) reportSeldom(ctx context.Context, kind string, err error) {
	if r.isDue(kind) && !errors.Is(err, pool.ErrClosed) {
		r.report(ctx, pending.Queue{}, err)
	}
}

// isDue reports whether an error of that kind is due to be reported.
func (r *run) isDue(kind string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Before(r.nextReport[kind]) {
		return false
	}
	r.nextReport[kind] = now.Add(reportEvery)
	return true
}

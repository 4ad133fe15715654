package symphony

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/scope"
)

// WorkConfig configures [WorkBatches]. The zero value is ready to use. Fields
// that also exist in [expiry.Config] have the same default there.
type WorkConfig struct {
	// Workers is how many handlers run at a time in this call. Several of them
	// may handle chunks of one queue, unless it has the option [Serial]. At
	// most 10,000.
	//
	// Defaults to 16.
	Workers int

	// PerTenant is the most handlers of one tenant that run at once over all
	// processes, so that one tenant does not occupy all workers. The script
	// that hands out a queue also takes a place of the tenant for the duration
	// of Lease. The place is renewed while the handler runs, and freed when it
	// returns; if the worker dies, it is free when the lease has expired. While
	// a tenant has no free place, its queues wait, and others are handled.
	// Workers are woken when a place is free.
	//
	// Each chunk costs one script more, and each third of Lease another one.
	// Use the same number in all processes. The handlers of those without one
	// are not counted, nor are calls of [Batch.Process] and [Batch.Claim].
	//
	// If the place is lost because Redis could not be reached for the duration
	// of the lease, the context of the handler ends with [ErrLeaseLost] as its
	// cause.
	//
	// Defaults to 0: no bound.
	PerTenant int

	// ChunkSize is how many items of a queue a handler receives at most. At
	// most [listrepo.MaxCount].
	//
	// Defaults to 100.
	ChunkSize int

	// Lease is how long items stay with a worker that does not renew it.
	// Workers renew it after each third of it, for as long as a handler runs.
	// If a worker dies, its items are delivered again when the lease expires.
	// At least 10 ms.
	//
	// Defaults to 30 seconds.
	Lease time.Duration

	// StopTimeout is how long handlers may go on when the context of
	// WorkBatches ends. Then their contexts end, too. They have one more second
	// to return, or StopTimeout if that is shorter. The items of those that do
	// not return go back at once, and the delivery does not count.
	//
	// Defaults to 10 seconds.
	StopTimeout time.Duration

	// MaxAttempts is how many deliveries of an item may fail, be released, or
	// lose their lease before it becomes a dead letter. An item is delivered
	// alone for its last attempt.
	//
	// Defaults to 20: about an hour with the default Backoff.
	MaxAttempts int

	// DeadLimit is the most dead letters of a queue that are kept. The worker
	// that makes a dead letter removes the oldest ones beyond that, and logs
	// how many. They are lost. See the option [DeadLimit].
	//
	// Defaults to 0: all are kept.
	DeadLimit int

	// DeadFor is how long dead letters are kept. The worker that makes a dead
	// letter removes those that died longer ago, and logs how many. If no dead
	// letter follows, the server removes all of the queue together, without a
	// warning, once the last one has died so long ago. They are lost. See the
	// option [DeadFor].
	//
	// Defaults to 0: they are kept for ever.
	DeadFor time.Duration

	// Backoff returns the delay before the next attempt at an item that failed
	// with err, where attempt is its [listrepo.Item.Attempt]. It is called once
	// for items of a chunk with the same attempt. Other items of the queue do
	// not wait, unless the queue has the option [Serial]. Backoff is not called
	// for [GiveUp] and [RetryAfter].
	//
	// If a call to the server fails, Backoff returns how long the queue is left
	// alone, and attempt counts such failures in a row, from 1.
	//
	// A negative delay is 0. If Backoff panics, the default is used. Several
	// goroutines call it.
	//
	// Defaults to a second that doubles up to five minutes, each with a jitter
	// of a fifth more or less.
	Backoff func(attempt int, err error) time.Duration

	// OnError receives errors that do not stop WorkBatches: those of handlers,
	// a *[PanicError] if one panicked, and errors of the server. If items of a
	// chunk do not decode, it receives one error that joins a
	// *[listrepo.ItemError] for each. After the context of WorkBatches has
	// ended, errors that only report this are left out. Several goroutines call
	// it.
	//
	// Defaults to a warning in Logger for each.
	OnError func(*WorkError)

	// Logger receives warnings.
	//
	// Defaults to slog.Default().
	Logger *slog.Logger

	// Use wraps the handler, for example to trace, measure or limit it. The
	// first function is the outermost. Each is called once, when WorkBatches
	// starts, and returns the function that runs for each chunk. A chunk fails
	// if that function returns an error, and is acknowledged if it returns nil.
	// The context that it passes on must be derived from its own. [WorkFrom]
	// returns the work, and [scope.From] the tenant.
	//
	// Defaults to none.
	Use []func(next func(context.Context) error) func(context.Context) error
}

const (
	mostWorkers   = 10_000
	shortestLease = 10 * time.Millisecond
)

// withDefaults returns the configuration in force, or all mistakes in it.
func (c WorkConfig) withDefaults() (WorkConfig, error) {
	var bad configErrors
	positive(&bad, "Workers", &c.Workers, 16)
	positive(&bad, "ChunkSize", &c.ChunkSize, 100)
	positive(&bad, "Lease", &c.Lease, 30*time.Second)
	positive(&bad, "StopTimeout", &c.StopTimeout, 10*time.Second)
	positive(&bad, "MaxAttempts", &c.MaxAttempts, 20)
	if c.PerTenant < 0 {
		bad.add("PerTenant", "%d is negative; use 0 for no bound", c.PerTenant)
	}
	if c.DeadLimit < 0 {
		bad.add("DeadLimit", "%d is negative; use 0 to keep all dead letters", c.DeadLimit)
	}
	c.checkDeadFor(&bad)
	if c.Workers > mostWorkers {
		bad.add("Workers", "%d handlers at a time are too many for one call; use at most %d, and more processes", c.Workers, mostWorkers)
	}
	if c.ChunkSize > option.MaxCount {
		bad.add("ChunkSize", "%d items would block the server; use at most %d", c.ChunkSize, option.MaxCount)
	}
	if c.Lease > 0 && c.Lease < shortestLease {
		bad.add("Lease", "%v is too short to be renewed in time; use at least %v", c.Lease, shortestLease)
	}
	for i, use := range c.Use {
		if use == nil {
			bad.add(fmt.Sprintf("Use[%d]", i), "it is nil; remove it")
		}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.OnError = c.reporter()
	c.Backoff = c.pause()
	return c, errors.Join(bad...)
}

func (c WorkConfig) checkDeadFor(bad *configErrors) {
	unit := duration.ForgottenUnit(c.DeadFor)
	switch {
	case unit != "":
		bad.add("DeadFor", "%s", unit)
	case c.DeadFor < 0:
		bad.add("DeadFor", "%v is negative; use 0 to keep dead letters for ever", c.DeadFor)
	case c.DeadFor > 0 && c.DeadFor < time.Millisecond:
		bad.add("DeadFor", "%v is under a millisecond; use 0 to keep dead letters for ever", c.DeadFor)
	}
}

// deliveries returns the options of queues that the configuration sets.
func (c WorkConfig) deliveries() []Option {
	opts := []Option{MaxAttempts(c.MaxAttempts), Lease(c.Lease), option.Backoff(ownError(c.Backoff)), option.Logger(c.Logger)}
	if c.DeadLimit > 0 {
		opts = append(opts, DeadLimit(c.DeadLimit))
	}
	if c.DeadFor > 0 {
		opts = append(opts, DeadFor(c.DeadFor))
	}
	return opts
}

// configErrors collects the mistakes in a configuration.
type configErrors []error

func (e *configErrors) add(field, format string, args ...any) {
	*e = append(*e, &ConfigError{Config: "symphony.WorkConfig", Field: field, Reason: fmt.Sprintf(format, args...)})
}

func positive[N int | time.Duration](bad *configErrors, field string, value *N, fallback N) {
	switch {
	case *value == 0:
		*value = fallback
	case *value < 0:
		bad.add(field, "%v is negative; use 0 for the default of %v", *value, fallback)
	}
	if d, ok := any(*value).(time.Duration); ok {
		if unit := duration.ForgottenUnit(d); unit != "" {
			bad.add(field, "%s", unit)
			*value = fallback
		}
	}
}

// middleware returns a function that runs a handler within Use. Its context
// carries the work and the tenant.
func (c WorkConfig) middleware() (func(ctx context.Context, work Work, handle func(context.Context) error) error, error) {
	run := func(ctx context.Context) error {
		d, ok := ctx.Value(deliveryKey{}).(*delivery)
		if !ok {
			return errNoDelivery
		}
		return d.handle(ctx)
	}
	for i, use := range slices.Backward(c.Use) {
		if run = use(run); run == nil {
			var bad configErrors
			bad.add(fmt.Sprintf("Use[%d]", i), "it returned nil; return a function that calls next")
			return nil, bad[0]
		}
	}
	return func(ctx context.Context, work Work, handle func(context.Context) error) error {
		ctx = scope.With(ctx, scope.Identity{Tenant: work.Tenant})
		return run(context.WithValue(ctx, deliveryKey{}, &delivery{work, handle}))
	}, nil
}

var errNoDelivery = fmt.Errorf("%w: a function of WorkConfig.Use passed on a context that is not derived from its own", ErrInvalidArgument)

// reporter returns the function that receives errors. If OnError fails on an
// error, the error is logged.
func (c WorkConfig) reporter() func(*WorkError) {
	if c.OnError == nil {
		return func(err *WorkError) { logWorkError(c.Logger, err) }
	}
	return func(err *WorkError) {
		if failed := caught(func() error { c.OnError(err); return nil }); failed != nil {
			logWorkError(c.Logger, err)
			logWorkError(c.Logger, fmt.Errorf("WorkConfig.OnError failed: %w", failed))
		}
	}
}

// logWorkError logs an error, with the stack if a handler panicked.
func logWorkError(log *slog.Logger, err error) {
	log = log.With("error", err)
	var p *PanicError
	if errors.As(err, &p) {
		log = log.With("stack", string(p.Stack))
	}
	log.Warn("symphony: WorkBatches continues after an error")
}

// pause returns the Backoff in force. If Backoff fails, the default is used.
func (c WorkConfig) pause() func(attempt int, err error) time.Duration {
	if c.Backoff == nil {
		return func(attempt int, _ error) time.Duration { return retry.Work.Delay(attempt - 1) }
	}
	return func(attempt int, err error) (d time.Duration) {
		if failed := caught(func() error { d = c.Backoff(attempt, err); return nil }); failed != nil {
			logWorkError(c.Logger, fmt.Errorf("WorkConfig.Backoff failed, and the default is used instead: %w", failed))
			return retry.Work.Delay(attempt - 1)
		}
		return d
	}
}

package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing" //nolint:depguard // New is for tests
	"time"

	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/pool"
)

// testTimeout is the timeout of the calls of a test, which run on a machine
// that may be busy.
const testTimeout = time.Minute

// New opens pools for a test, on a server of its own whose time only moves when
// the test calls [Clock.Advance]. When the test ends, the listeners and workers
// on these pools stop, and then the pools are closed and the server stops.
//
// The functions of opts change the [pool.Config]. [pool.Config.Timeout] is one
// minute unless they set it. If the Config is invalid, or the server cannot
// listen, the test fails at once.
func New(t testing.TB, opts ...func(*pool.Config)) (*pool.Pools, *Clock) {
	t.Helper()
	cfg := pool.Config{Timeout: testTimeout}
	for _, opt := range opts {
		opt(&cfg)
	}
	if err := checkNoURL(cfg); err != nil {
		t.Fatalf("embedded: %v", err)
	}
	s, err := startServer()
	if err != nil {
		t.Fatal(err)
	}
	defer s.release()
	now := time.Now().UTC().Truncate(time.Millisecond)
	s.redis.SetTime(now)
	s.redis.ClockTTL(true)
	pools, err := s.open(t.Context(), cfg)
	if err != nil {
		t.Fatalf("embedded: %v", err)
	}
	c := &Clock{t: t, server: s, shared: testclock.Attach(pools, now)}
	t.Cleanup(func() {
		c.shared.AwaitStopped(true)
		pools.Close()
		c.shared.AwaitStopped(false)
	})
	return pools, c
}

// Clock is the time of the server of [New]. It begins at the time of the call
// of New, in whole milliseconds, and stands still until [Clock.Advance] moves
// it. The lifetimes of records, due triggers, leases, quiet periods, the pauses
// before retries, and everything else that Redis decides by its time depend on
// it. Timeouts of calls and contexts use the time of this machine.
//
// Its methods may be called by several goroutines.
type Clock struct {
	t      testing.TB
	server *server
	shared *testclock.Clock
}

// Now returns the time of the server. Use it, not [time.Now], to compute a time
// that the server compares with its own, as for Trigger.SetAt.
func (c *Clock) Now() time.Time { return c.shared.Now() }

// Advance moves the time of the server by d. Records whose lifetimes end are
// gone when it returns. Listeners and workers look for work at once; call
// [Clock.Settle] to wait for them. The time jumps: a trigger that a handler
// sets again for one hour later fires once after an Advance of 24 hours.
//
// The lease of work that is running ends too if d is longer than the lease, as
// if the process had stood still for that long. The context of its handler ends
// with symphony.ErrLeaseLost as its cause, and the work is delivered again. To
// let handlers finish first, call Settle before Advance.
//
// A negative d is an error of the test, and has no effect.
func (c *Clock) Advance(d time.Duration) {
	c.t.Helper()
	if d < 0 {
		c.t.Errorf("embedded: Advance: %v is negative, and the time of a server does not go back; use a new server", d)
		return
	}
	c.shared.Advance(d, func(now time.Time) {
		c.server.redis.SetTime(now)
		c.server.redis.DB(0) // removes what has expired
	})
}

// Settle waits until the listeners and workers on the pools have nothing to do:
// everything that is due was handled, no handler runs, and results are stored.
// Work that a handler makes for others is waited for too. Work that failed and
// is due again later is not; advance the clock to its time.
//
// Settle knows the listeners and workers that have begun to run. Start them
// with [Clock.Go] to be sure of that. It does not wait for goroutines of the
// program, nor for subscribers.
//
// If ctx ends before, Settle returns an error that says what is busy. If no
// listener and no worker runs, it returns an error.
func (c *Clock) Settle(ctx context.Context) error {
	err := c.shared.Settle(ctx)
	switch {
	case errors.Is(err, testclock.ErrNothingRuns):
		return fmt.Errorf("embedded: Settle: %w; start them with Clock.Go", err)
	case err != nil:
		return fmt.Errorf("embedded: Settle: %w", err)
	}
	return nil
}

// startTimeout is how long a function of [Clock.Go] may take to start.
const startTimeout = 30 * time.Second

// Go calls run in a goroutine, and returns when the listener or the workers
// that run starts are running. Examples of run are the method Run of an
// expiry.Listener, and a function that calls symphony.WorkBatches. Call Go once
// for each of them.
//
// stop ends the context of run and waits until run returns. When the test ends,
// it is called. If run returns an error, the test fails. An error that says
// that the context has ended is ignored after stop.
func (c *Clock) Go(run func(ctx context.Context) error) (stop func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	started, returned := make(chan struct{}), make(chan struct{})
	runCtx := testclock.WithStarted(ctx, sync.OnceFunc(func() { close(started) }))
	go func() {
		defer close(returned)
		if err := run(runCtx); err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
			c.t.Errorf("embedded: the function of Clock.Go returned an error: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-returned
	}
	c.t.Cleanup(stop)
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case <-started:
	case <-returned:
	case <-timer.C:
		c.t.Errorf("embedded: the function of Clock.Go started neither a listener nor workers on these pools within %v", startTimeout)
	}
	return stop
}

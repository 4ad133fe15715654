package systemtest

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// openConnections opens every connection of the pools, and waits until all of
// them work.
func openConnections(t *testing.T, p *pool.Pools) {
	t.Helper()
	allWork := func() bool {
		var wg sync.WaitGroup
		var failed atomic.Bool
		for _, a := range p.Aliases() {
			for i := range 64 {
				wg.Go(func() {
					if err := pooltest.Do(t, p, a, "EXISTS", strconv.Itoa(i)).Error(); err != nil {
						failed.Store(true)
					}
				})
			}
		}
		wg.Wait()
		return !failed.Load()
	}
	requireEventually(t, func() bool { return allWork() && allWork() }, "not every connection works")
}

// Every call ends by its deadline and returns an *OpError, whether the server
// is silent, slow or down, or closes connections, and while connections are
// opened again.
func TestNothingHangs(t *testing.T) {
	t.Parallel()
	proxy := redistest.NewProxy(t, redistest.Server(t))
	p := pooltest.Redis(t, pool.Config{URL: proxy.URL()})
	repos := newRepositories(t, p)
	repos.fill(t)
	for _, fault := range []struct {
		name         string
		begin        func()
		longDeadline time.Duration // of every second call
	}{
		{"silent", func() { proxy.SetFault(redistest.DropRequests) }, time.Second},
		{"silent after closing connections", func() { proxy.SetFault(redistest.DropRequests); proxy.CloseConnections() }, 5 * time.Second},
		{"slow", func() { proxy.SetDelay(time.Minute) }, time.Second},
		{"down", proxy.Down, time.Second},
		{"closes connections", func() { proxy.SetFault(redistest.CloseOnReply) }, time.Second},
	} {
		t.Run(fault.name, func(t *testing.T) {
			openConnections(t, p)
			for idle := time.Now(); time.Since(idle) < 25*time.Millisecond; time.Sleep(time.Millisecond) {
				continue
			}
			fault.begin()
			defer func() {
				proxy.Down()
				proxy.SetFault(redistest.Healthy)
				proxy.Up()
			}()
			var wg sync.WaitGroup
			for n, op := range repos.operations() {
				wg.Go(func() {
					deadline := 300 * time.Millisecond
					if n%2 == 0 {
						deadline = fault.longDeadline
					}
					ctx, cancel := context.WithTimeout(ctx, deadline)
					defer cancel()
					start := time.Now()
					err := op.call(ctx)
					if late := time.Since(start) - deadline; late > 2*time.Second {
						t.Errorf("%s returned %v after its deadline of %v", op.name, late, deadline)
					}
					var opErr *symphony.OpError
					if !errors.As(err, &opErr) {
						t.Errorf("%s returned an error that is no *OpError: %v", op.name, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// MaybeApplied is true if a write was applied and its reply was lost, and false
// if nothing was sent or the call only reads.
func TestMaybeAppliedIsTrue(t *testing.T) {
	t.Parallel()
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	repos := newRepositories(t, pooltest.Redis(t, pool.Config{URL: proxy.URL()}))
	operations := repos.operations()
	maybeApplied := func(t *testing.T, ctx context.Context, op operation) bool {
		t.Helper()
		var opErr *symphony.OpError
		require.ErrorAs(t, op.call(ctx), &opErr, op.name)
		return opErr.MaybeApplied()
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			repos.fill(t)
			require.False(t, maybeApplied(t, ended, op), "the context ended before the call")

			changes := server.ChangesSinceSave(t)
			proxy.SetFault(redistest.CloseOnReply)
			short, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
			defer cancel()
			maybe := maybeApplied(t, short, op)
			proxy.SetFault(redistest.Healthy)
			proxy.CloseConnections()
			applied := server.ChangesSinceSave(t) > changes
			require.True(t, maybe || !applied, "the write was applied, but MaybeApplied is false")
			require.True(t, op.kind != read || !maybe, "MaybeApplied is true for a read")
		})
	}

	proxy.Down()
	for _, op := range operations {
		if op.kind != write {
			continue
		}
		requireEventually(t, func() bool {
			short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
			defer cancel()
			return !maybeApplied(t, short, op)
		}, op.name+": MaybeApplied is true, although no connection could be opened")
	}
}

// If the client sends a write again, MaybeApplied is true even if the last
// attempt found no connection, since an earlier one may have been applied.
func TestMaybeAppliedOfARetriedWrite(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	var downOnRetry atomic.Bool
	p := pooltest.Redis(t, pool.Config{URL: proxy.URL(), NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		delay := opt.RetryDelay
		opt.RetryDelay = func(attempts int, cmd rueidis.Completed, err error) time.Duration {
			if downOnRetry.Load() {
				proxy.Down()
			}
			return delay(attempts, cmd, err)
		}
		return rueidis.NewClient(opt)
	}})
	triggers, err := symphony.NewTrigger(p, "again")
	require.NoError(t, err)
	set := func(timeout time.Duration) error {
		short, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return triggers.Set(short, "x", "1", time.Hour)
	}
	requireEventually(t, func() bool {
		proxy.Down()
		proxy.SetFault(redistest.Healthy)
		proxy.Up()
		requireEventually(t, func() bool { return set(time.Second) == nil }, "the proxy is up, but Set fails")
		changes := server.ChangesSinceSave(t)
		proxy.SetFault(redistest.CloseOnReply)
		downOnRetry.Store(true)
		defer downOnRetry.Store(false)
		var opErr *symphony.OpError
		require.ErrorAs(t, set(500*time.Millisecond), &opErr)
		applied := server.ChangesSinceSave(t) > changes
		require.True(t, opErr.MaybeApplied() || !applied, "%v: the write was applied, but MaybeApplied is false", opErr)
		var dialErr *net.OpError
		return applied && errors.As(opErr, &dialErr)
	}, "no call was applied first and then found no connection")
}

// Broken connections leave no goroutines and no connections behind.
func TestNoLeaks(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	goroutines := runtime.NumGoroutine()
	p, err := pool.Open(ctx, pool.Config{URL: proxy.URL()})
	require.NoError(t, err)
	w := newWriteChecker(t, p)
	openConnections(t, p)
	stop := w.start(t, 16, 200*time.Millisecond)
	w.waitForWrites(t, 500)
	for round := range 12 {
		proxy.SetFault([]redistest.Fault{redistest.CloseOnReply, redistest.DropReplies, redistest.CloseOnRequest, redistest.DropRequests}[round%4])
		for failed := w.failed.Load() + 20; w.failed.Load() < failed; time.Sleep(time.Millisecond) {
			continue
		}
		proxy.SetFault(redistest.Healthy)
		proxy.CloseConnections()
		w.waitForWrites(t, 200)
	}
	stop()
	w.requireExactCounts(t, w.acknowledged())
	openConnections(t, p)
	connections := 4 * len(p.Aliases()) // a client opens 4 to one server
	requireEventually(t, func() bool { return proxy.ConnectionCount() <= connections }, "the pools hold more connections than they need")
	p.Close()
	requireEventually(t, func() bool { return proxy.ConnectionCount() == 0 }, "connections are open after Close")
	requireEventually(t, func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines run after Close")
}

// requireEventually waits until holds returns true, and fails with the stacks
// of all goroutines if that takes too long.
func requireEventually(t *testing.T, holds func() bool, message string) {
	t.Helper()
	for start := time.Now(); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 15*time.Second {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%s:\n%s", message, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

package symphony_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// The first middleware of Use is outermost. WorkFrom describes the chunk, and
// scope.From returns its tenant. Handlers receive the values that middleware
// adds. Each middleware is built once.
func TestWorkMiddleware(t *testing.T) {
	p := pooltest.Embedded(t)
	service := pooltest.UniqueTenant()
	q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
	calls := make(chan string, 100)
	built := 0
	trail := scope.NewKey[string]("trail")
	named := func(name string) middleware {
		return func(next func(context.Context) error) func(context.Context) error {
			built++
			return func(ctx context.Context) error {
				work, ok := symphony.WorkFrom(ctx)
				if !ok || work.Tenant != "one" || work.Queue != q {
					t.Errorf("WorkFrom returned %v, %v", work, ok)
				}
				calls <- name
				defer func() { calls <- "end of " + name }()
				id, _ := scope.From(ctx)
				before, _ := trail.From(ctx)
				return next(trail.With(ctx, before+name+"("+id.Tenant+") "))
			}
		}
	}
	works := make(chan symphony.Work, 10)
	enqueue(t, p, "one", q, 1, 2, 3)
	startWorkers(t, p, service, func(ctx context.Context, _ string, _ symphony.Queue, _ []listrepo.Item[int]) error {
		calls <- "handler"
		id, _ := scope.From(ctx)
		assert.Equal(t, scope.Identity{Tenant: "one"}, id)
		steps, _ := trail.From(ctx)
		assert.Equal(t, "outer(one) inner(one) ", steps)
		work, _ := symphony.WorkFrom(ctx)
		works <- work
		if work.Attempt == 1 {
			return errors.New("again")
		}
		return nil
	}, symphony.WorkConfig{Use: []middleware{named("outer"), named("inner")}})
	for attempt := range 2 {
		require.Equal(t, symphony.Work{Tenant: "one", Queue: q, Items: 3, Attempt: attempt + 1}, <-works)
		for _, step := range []string{"outer", "inner", "handler", "end of inner", "end of outer"} {
			require.Equal(t, step, <-calls)
		}
	}
	require.Equal(t, 2, built)
	_, ok := symphony.WorkFrom(ctx)
	require.False(t, ok)
}

// A chunk fails if its middleware returns an error, panics, or passes a
// context that is not derived from the one it received.
func TestWorkMiddlewareFails(t *testing.T) {
	for name, use := range map[string]middleware{
		"error": func(func(context.Context) error) func(context.Context) error {
			return func(context.Context) error { return errors.New("no") }
		},
		"panic": func(func(context.Context) error) func(context.Context) error {
			return func(context.Context) error { panic("no") }
		},
		"context": func(next func(context.Context) error) func(context.Context) error {
			return func(context.Context) error { return next(ctx) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := pooltest.Embedded(t)
			service := pooltest.UniqueTenant()
			q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
			b := enqueue(t, p, "one", q, 1)
			reports := make(chan error, 100)
			stop := startWorkers(t, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error {
				t.Error("the handler ran")
				return nil
			}, symphony.WorkConfig{Use: []middleware{use}, MaxAttempts: 1, OnError: func(err *symphony.WorkError) { reports <- err }})
			require.ErrorContains(t, <-reports, map[string]string{"context": "not derived"}[name])
			stop()
			for dead, err := range b.Dead(ctx, q) {
				require.NoError(t, err)
				require.Equal(t, 1, dead.Value)
				return
			}
			t.Error("the item is not a dead letter")
		})
	}
}

// A middleware that returns no function is refused when WorkBatches starts.
func TestWorkMiddlewareReturnsNil(t *testing.T) {
	p := pooltest.Embedded(t)
	none := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error {
		return symphony.WorkBatches(ctx, p, "s", none, symphony.WorkConfig{Use: []middleware{
			func(func(context.Context) error) func(context.Context) error { return nil },
		}})
	})
}

// All mistakes in a WorkConfig are returned together.
func TestWorkConfigErrors(t *testing.T) {
	none := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
	err := symphony.WorkBatches(ctx, pooltest.Embedded(t), "s", none, symphony.WorkConfig{Workers: -1, ChunkSize: 501})
	require.EqualError(t, err, "symphony.WorkConfig.Workers: -1 is negative; use 0 for the default of 16\n"+
		"symphony.WorkConfig.ChunkSize: 501 items would block the server; use at most 500")
	var mistake *symphony.ConfigError
	require.ErrorAs(t, err, &mistake)
	require.Equal(t, "Workers", mistake.Field)
}

// When the context of WorkBatches ends, a running handler may finish its items,
// and no further chunk is claimed. Its own context ends after StopTimeout.
func TestWorkStopTimeout(t *testing.T) {
	p := pooltest.Embedded(t)
	service := pooltest.UniqueTenant()
	q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
	b := enqueue(t, p, "one", q, 1, 2)
	started, finish := make(chan context.Context), make(chan struct{})
	work, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	run := func(cfg symphony.WorkConfig) {
		ended <- symphony.WorkBatches(work, p, service, func(ctx context.Context, _ string, _ symphony.Queue, _ []listrepo.Item[int]) error {
			started <- ctx
			select {
			case <-finish:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, cfg)
	}
	go run(symphony.WorkConfig{Workers: 1, ChunkSize: 1, StopTimeout: time.Hour})
	handler := <-started
	cancel()
	select {
	case <-handler.Done():
		t.Error("the handler's context ended at once")
	case <-time.After(50 * time.Millisecond): // wait for a context that must not end
	}
	close(finish)
	require.NoError(t, <-ended)
	n, err := b.Len(ctx, q)
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "the running item must be done, and the other must wait")

	finish = make(chan struct{})
	work, cancel = context.WithCancel(ctx)
	go run(symphony.WorkConfig{Workers: 1, StopTimeout: time.Millisecond})
	handler = <-started
	cancel()
	<-handler.Done()
	require.NoError(t, <-ended)
	n, err = b.Len(ctx, q)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// A handler or a middleware that ignores the end of its context does not hold
// up WorkBatches. Its items go back at once and uncounted, and its panic later
// harms nobody.
func TestWorkAbandonsStuckHandlers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, stuckIn := range []string{"handler", "middleware"} {
			t.Run(stuckIn, func(t *testing.T) {
				service := pooltest.UniqueTenant()
				q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
				b := enqueue(t, p, "one", q, 1, 2)
				begun, forever, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
				get := func() error {
					defer close(ended)
					close(begun)
					<-forever
					panic("too late")
				}
				var log bytes.Buffer
				cfg := symphony.WorkConfig{MaxAttempts: 3, Lease: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, nil))}
				if stuckIn == "middleware" {
					cfg.Use = []middleware{func(func(context.Context) error) func(context.Context) error {
						return func(context.Context) error { return get() }
					}}
				}
				stop := startWorkers(t, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return get() }, cfg)
				<-begun
				stop()
				require.Contains(t, log.String(), "did not return after their contexts ended")
				require.Contains(t, log.String(), "handlers=1")
				require.NotContains(t, log.String(), "continues after an error")
				backlog, err := b.Backlog(ctx, q)
				require.NoError(t, err)
				require.EqualValues(t, 2, backlog.Waiting)
				require.Zero(t, backlog.Claimed)
				close(forever)
				<-ended

				n, err := b.With(symphony.MaxAttempts(2)).Process(ctx, q, 2, func(_ context.Context, items []listrepo.Item[int]) error {
					require.Len(t, items, 2, "an item on its last attempt is delivered alone")
					require.Equal(t, 2, items[0].Attempt)
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, 2, n)
			})
		}
	})
}

// Backoff receives the attempt of the item and the error. If it panics, the
// default is used.
func TestWorkBackoff(t *testing.T) {
	p := pooltest.Embedded(t)
	service := pooltest.UniqueTenant()
	failed := errors.New("failed")
	enqueue(t, p, "one", symphony.Queue{Service: service, Entity: "e", Action: "a"}, 1)
	failures := make(chan int, 100)
	startWorkers(t, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return failed },
		symphony.WorkConfig{OnError: func(*symphony.WorkError) {}, Backoff: func(attempt int, err error) time.Duration {
			if !errors.Is(err, failed) && !errors.Is(err, context.Canceled) {
				t.Errorf("the error is %v", err)
			}
			failures <- attempt
			if attempt == 3 {
				panic("no")
			}
			return time.Duration(attempt-2) << 62 // negative once
		}})
	require.Equal(t, 1, <-failures)
	require.Equal(t, 2, <-failures)
}

package expiry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// runRegistry starts a listener for a registry that has middleware.
func (f *fixture) runRegistry(r *expiry.Registry, cfg expiry.Config) *expiry.Listener {
	f.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	l, err := expiry.NewListener(f.pools, r, cfg)
	require.NoError(f, err)
	f.run(l)
	return l
}

// The first middleware is the outermost, whatever the order of Use and On. Each
// is called once by NewListener, and runs for every action. Handlers receive
// the values that it adds, and the tenant.
func TestMiddleware(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		trail := scope.NewKey[string]("trail")
		calls := 0
		named := func(name string) expiry.Middleware {
			return func(next expiry.Handler) expiry.Handler {
				calls++
				return func(ctx context.Context, e expiry.Event) error {
					id, _ := scope.From(ctx)
					before, _ := trail.From(ctx)
					return next(trail.With(ctx, before+name+"("+id.Tenant+") "), e)
				}
			}
		}
		var mu sync.Mutex
		trails := map[string]string{}
		note := func(ctx context.Context, e expiry.Event) error {
			mu.Lock()
			defer mu.Unlock()
			id, ok := scope.From(ctx)
			require.True(t, ok)
			require.Equal(t, scope.Identity{Tenant: f.tenant}, id)
			trails[e.Action], _ = trail.From(ctx)
			return nil
		}
		r := expiry.NewRegistry()
		require.NoError(t, r.On("before", note))
		r.Use(named("outer"), named("middle"))
		require.NoError(t, expiry.OnPayload(r, "between", func(ctx context.Context, e expiry.Event, _ int) error { return note(ctx, e) }))
		r.Use(named("inner"))
		require.NoError(t, r.On("after", note))
		l := f.runRegistry(r, expiry.Config{})
		require.Equal(t, 3, calls)
		r.Use(nil) // too late for the listener
		for _, action := range []string{"before", "between", "after"} {
			require.NoError(t, f.schedule().SetPayload(ctx, action, "1", 7, 0))
		}
		f.eventually(func() bool { return l.Stats().Succeeded == 3 })
		mu.Lock()
		defer mu.Unlock()
		for _, action := range []string{"before", "between", "after"} {
			require.Equal(t, "outer("+f.tenant+") middle("+f.tenant+") inner("+f.tenant+") ", trails[action], action)
		}
		_, err := expiry.NewListener(p, r, expiry.Config{})
		require.EqualError(t, err, "expiry: Use: "+expiry.ErrInvalidArgument.Error()+": middleware 4 of 4 is nil; leave it out")
	})
}

// A middleware may change the event, run the handler again, or do without it.
func TestMiddlewareDecides(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	r := expiry.NewRegistry()
	r.Use(func(next expiry.Handler) expiry.Handler {
		return func(ctx context.Context, e expiry.Event) error {
			if e.ID == "skipped" {
				return nil
			}
			e.ID += " again"
			return errors.Join(next(ctx, e), next(ctx, e))
		}
	})
	require.NoError(t, r.On("x", f.record))
	l := f.runRegistry(r, expiry.Config{})
	require.NoError(t, f.schedule().Set(ctx, "x", "skipped", 0))
	require.NoError(t, f.schedule().Set(ctx, "x", "run", 0))
	f.eventually(func() bool { return l.Stats().Succeeded == 2 })
	require.Equal(t, []string{"run again", "run again"}, f.ids())
}

// An error or a panic of a middleware is one of the handler. So is an Event
// that the middleware made.
func TestMiddlewareFails(t *testing.T) {
	for name, c := range map[string]struct {
		use    expiry.Middleware
		reason string
		panics int64
	}{
		"error": {func(expiry.Handler) expiry.Handler {
			return func(context.Context, expiry.Event) error { return errors.New("not allowed") }
		}, "not allowed", 0},
		"panic": {func(expiry.Handler) expiry.Handler {
			return func(context.Context, expiry.Event) error { panic("not expected") }
		}, "panic: not expected", 1},
		"event": {func(next expiry.Handler) expiry.Handler {
			return func(ctx context.Context, e expiry.Event) error { return next(ctx, expiry.Event{Action: e.Action}) }
		}, "expiry: " + expiry.ErrInvalidArgument.Error() + ": a middleware passed on an Event that it has made; pass on the one that it received, or a changed copy", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, pooltest.Embedded(t))
			r := expiry.NewRegistry()
			r.Use(c.use)
			require.NoError(t, r.On("x", f.record))
			l := f.runRegistry(r, expiry.Config{MaxAttempts: 1})
			require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
			f.eventually(func() bool { return l.Stats().DeadLettered == 1 })
			require.Equal(t, c.panics, l.Stats().Panics)
			require.Equal(t, c.reason, deadLetters(t, l)[0].LastError)
			require.Empty(t, f.events())
		})
	}
}

// NewListener returns an error for each middleware that is nil, and for one
// that returns nil. A payload that does not decode fails as without middleware.
func TestInvalidMiddleware(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	same := func(next expiry.Handler) expiry.Handler { return next }
	r := expiry.NewRegistry()
	require.NoError(t, r.On("x", f.record))
	r.Use(nil, same)
	r.Use(nil)
	_, err := expiry.NewListener(f.pools, r, expiry.Config{})
	require.ErrorIs(t, err, expiry.ErrInvalidArgument)
	require.ErrorContains(t, err, "middleware 1 of 3 is nil")
	require.ErrorContains(t, err, "middleware 3 of 3 is nil")

	r = expiry.NewRegistry()
	require.NoError(t, r.On("x", f.record))
	r.Use(same, func(expiry.Handler) expiry.Handler { return nil })
	_, err = expiry.NewListener(f.pools, r, expiry.Config{})
	require.ErrorIs(t, err, expiry.ErrInvalidArgument)
	require.ErrorContains(t, err, "middleware 2 of 2 returned nil")
}

// An error made with GiveUp makes a dead letter at the first attempt, however
// it is wrapped, with its text as the reason.
func TestGiveUp(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		noAddress := errors.New("no such address")
		errs := map[string]error{
			"plain":   expiry.GiveUp(noAddress),
			"joined":  errors.Join(errors.New("not sent"), expiry.GiveUp(noAddress)),
			"outside": expiry.GiveUp(expiry.RetryAfter(time.Hour, noAddress)),
			"nil":     expiry.GiveUp(nil),
		}
		var log bytes.Buffer
		l, stop := f.listen(expiry.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Backoff: func(int, error) time.Duration {
			t.Error("Backoff was called")
			return time.Hour
		}}, handlers{"x": func(c context.Context, e expiry.Event) error {
			_ = f.record(c, e)
			return errs[e.ID]
		}})
		for id := range errs {
			require.NoError(t, f.schedule().Set(ctx, "x", id, 0))
		}
		f.eventually(func() bool { s := l.Stats(); return s.DeadLettered == 3 && s.Succeeded == 1 })
		require.Zero(t, l.Stats().Retried)
		reasons := map[string]string{}
		for _, letter := range deadLetters(t, l) {
			reasons[letter.ID] = letter.LastError
			require.Equal(t, 1, letter.Attempt)
			require.Equal(t, 1, letter.Failures)
		}
		require.Equal(t, map[string]string{"plain": "no such address", "joined": "not sent\nno such address", "outside": "no such address"}, reasons)
		stop()
		require.Contains(t, log.String(), "a handler gave up")
		require.NotContains(t, log.String(), "for the last time")
	})
}

// RetryAfter sets the time of the next attempt, in place of Backoff. It counts
// as a failure.
func TestRetryAfter(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		const delay = 45 * time.Minute
		l, stop := f.listen(expiry.Config{MaxAttempts: 3, Backoff: func(int, error) time.Duration { return 24 * time.Hour }},
			handlers{"x": func(c context.Context, e expiry.Event) error {
				_ = f.record(c, e)
				if e.Attempt == 1 {
					return expiry.RetryAfter(-time.Hour, errors.New("at once"))
				}
				return errors.Join(errors.New("busy"), expiry.RetryAfter(delay, expiry.GiveUp(errors.New("try later"))))
			}})
		before := now()
		require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
		f.eventually(func() bool { return l.Stats().Retried == 2 })
		stop()
		require.Equal(t, []int{1, 2}, []int{f.events()[0].Attempt, f.events()[1].Attempt})
		active := f.scheduleKey("active", "x", "1")
		members, err := f.send("ZRANGE", active, "0", "-1").AsStrSlice()
		require.NoError(t, err)
		require.Len(t, members, 1)
		next := f.redisInt("ZSCORE", active, members[0])
		require.GreaterOrEqual(t, next, before+delay.Milliseconds())
		require.LessOrEqual(t, next, now()+delay.Milliseconds()+1)

		// A third failure is the last one, though the handler asks for another
		// attempt.
		f.redis("ZADD", active, "XX", "0", members[0])
		l, _ = f.listen(expiry.Config{MaxAttempts: 3}, handlers{"x": func(context.Context, expiry.Event) error {
			return expiry.RetryAfter(delay, errors.New("still busy"))
		}})
		f.eventually(func() bool { return l.Stats().DeadLettered == 1 })
		letters := deadLetters(t, l)
		require.Equal(t, "still busy", letters[0].LastError)
		require.Equal(t, 3, letters[0].Failures)
	})
}

// A handler whose context ended has not failed, even if it gives up.
func TestGiveUpAfterTheEnd(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	begun := make(chan struct{})
	l, stop := f.listen(expiry.Config{StopTimeout: 50 * time.Millisecond, Lease: 5 * time.Second}, handlers{"x": func(c context.Context, _ expiry.Event) error {
		close(begun)
		<-c.Done()
		return expiry.GiveUp(c.Err())
	}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
	<-begun
	stop()
	require.Empty(t, deadLetters(t, l))
	l, _ = f.listen(expiry.Config{}, handlers{"x": f.record})
	f.eventually(func() bool { return l.Stats().Succeeded == 1 })
	require.Zero(t, f.events()[0].Failures)
}

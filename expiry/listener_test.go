package expiry_test

import (
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
)

var ctx = context.Background()

// world is pools, a tenant of the test's own and what ran.
type world struct {
	*testing.T
	pools  *pool.Pools
	tenant string

	mu   sync.Mutex
	runs []expiry.Event
}

func newWorld(t *testing.T, p *pool.Pools) *world {
	return &world{T: t, pools: p, tenant: pooltest.Tenant()}
}

func (w *world) schedule(opts ...expiry.Option) *expiry.Schedule {
	w.Helper()
	s, err := expiry.NewSchedule(w.pools, pool.Expiry, w.pools.Layout().Trigger, w.tenant, opts...)
	require.NoError(w, err)
	return s
}

// note is a handler that keeps what it was given.
func (w *world) note(_ context.Context, e expiry.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = append(w.runs, e)
	return nil
}

func (w *world) ran() []expiry.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]expiry.Event(nil), w.runs...)
}

// quiet keeps the log of what a test provokes out of its output.
var quiet = slog.New(slog.DiscardHandler)

// listen starts a listener and gives it, and what stops it.
func (w *world) listen(cfg expiry.Config, handlers map[string]expiry.Handler) (*expiry.Listener, func()) {
	w.Helper()
	r := expiry.NewRegistry()
	for action, h := range handlers {
		require.NoError(w, r.On(action, h))
	}
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	l, err := expiry.NewListener(w.pools, r, cfg)
	require.NoError(w, err)
	return l, w.run(l)
}

func (w *world) run(l *expiry.Listener) (stop func()) {
	running, cancel := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() { result <- l.Run(running) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(w, <-result)
	})
	w.Cleanup(stop)
	return stop
}

func (w *world) eventually(condition func() bool) {
	w.Helper()
	require.Eventually(w, condition, 20*time.Second, 2*time.Millisecond)
}

// A trigger that falls due runs once, with its very texts, and not early.
func TestWorkRunsOnce(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		l, _ := w.listen(expiry.Config{}, map[string]expiry.Handler{"remind": w.note})
		set := time.Now()
		require.NoError(t, w.schedule().SetPayload(ctx, "remind", "u1", map[string]int{"n": 7}, 100*time.Millisecond))
		w.eventually(func() bool { return l.Stats().Fired == 1 })
		runs := w.ran()
		require.Len(t, runs, 1)
		e := runs[0]
		require.Equal(t, []string{w.tenant, "remind", "u1"}, []string{e.Tenant, e.Action, e.ID})
		require.Equal(t, w.tenant+":EXPTRIGGER:remind:u1", e.Key)
		require.Equal(t, 1, e.Attempt)
		require.GreaterOrEqual(t, time.Since(set), 100*time.Millisecond)
		require.False(t, e.DueAt.Before(set.Add(100*time.Millisecond)))
		var payload map[string]int
		require.NoError(t, e.Decode(&payload))
		require.Equal(t, map[string]int{"n": 7}, payload)
	})
}

func TestFailuresAreRetriedAndDieAtLast(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		fails := errors.New("no")
		l, _ := w.listen(expiry.Config{MaxAttempts: 3, Backoff: func(int) time.Duration { return time.Millisecond }},
			map[string]expiry.Handler{"x": func(c context.Context, e expiry.Event) error {
				_ = w.note(c, e)
				return fails
			}})
		require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
		w.eventually(func() bool { return l.Stats().Dead == 1 })
		runs := w.ran()
		require.Len(t, runs, 3)
		for i, e := range runs {
			require.Equal(t, i+1, e.Attempt)
			require.Equal(t, i, e.Failures)
		}
	})
}

package expiry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

// onOneServer runs a test that names keys of a schedule. On a cluster these keys
// have shards; cluster_test.go tests them.
func onOneServer(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	pooltest.EachSingle(t, run)
}

// world is pools, a tenant of the test's own and what ran.
type world struct {
	*testing.T
	pools  *pool.Pools
	layout keyspace.Layout
	tenant string

	mu   sync.Mutex
	runs []expiry.Event
}

func newWorld(t *testing.T, p *pool.Pools) *world {
	return &world{T: t, pools: p, layout: p.Layout(), tenant: pooltest.UniqueTenant()}
}

func (w *world) schedule(opts ...expiry.Option) *expiry.Schedule {
	w.Helper()
	s, err := expiry.NewSchedule(w.pools, pool.Expiry, w.layout.Trigger, w.tenant, opts...)
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
	return slices.Clone(w.runs)
}

type handlers map[string]expiry.Handler

// listener makes one. What a test provokes stays out of its output.
func (w *world) listener(cfg expiry.Config, hs handlers) *expiry.Listener {
	w.Helper()
	r := expiry.NewRegistry()
	for action, h := range hs {
		require.NoError(w, r.On(action, h))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Layout.IsZero() {
		cfg.Layout = w.layout
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(int, error) time.Duration { return time.Millisecond }
	}
	l, err := expiry.NewListener(w.pools, r, cfg)
	require.NoError(w, err)
	return l
}

// listen starts a listener, and gives what stops it and waits for its end.
func (w *world) listen(cfg expiry.Config, hs handlers) (l *expiry.Listener, stop func()) {
	w.Helper()
	l = w.listener(cfg, hs)
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
	require.Eventually(w, condition, 30*time.Second, 2*time.Millisecond)
}

func (w *world) do(args ...string) {
	w.Helper()
	require.NoError(w, pooltest.Do(w, w.pools, pool.Expiry, args...).Error())
}

func (w *world) number(args ...string) int64 {
	w.Helper()
	n, err := pooltest.Do(w, w.pools, pool.Expiry, args...).AsInt64()
	require.NoError(w, err)
	return n
}

func (w *world) key(action, id string) string { return w.tenant + ":EXPTRIGGER:" + action + ":" + id }

// settled waits until a sentinel that is set now has fired: whatever was due
// before it has been looked at too.
func (w *world) settled(action string) {
	w.Helper()
	id := "sentinel" + strconv.Itoa(len(w.ran()))
	require.NoError(w, w.schedule().Set(ctx, action, id, time.Millisecond))
	w.eventually(func() bool {
		return slices.ContainsFunc(w.ran(), func(e expiry.Event) bool { return e.ID == id })
	})
}

// ids are those that ran, without sentinels, in order.
func (w *world) ids() (ids []string) {
	for _, e := range w.ran() {
		if len(e.ID) < 8 || e.ID[:8] != "sentinel" {
			ids = append(ids, e.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// A trigger that falls due runs once, with its very texts, and not early.
func TestWorkRunsOnce(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		l, _ := w.listen(expiry.Config{}, handlers{"remind": w.note})
		set := time.Now()
		require.NoError(t, w.schedule().SetPayload(ctx, "remind", "u1", map[string]int{"n": 7}, 100*time.Millisecond))
		w.eventually(func() bool { return l.Stats().Succeeded == 1 })
		require.GreaterOrEqual(t, time.Since(set), 100*time.Millisecond)
		w.settled("remind")
		e := w.ran()[0]
		require.Equal(t, []string{"u1"}, w.ids())
		require.Equal(t, []string{w.tenant, "remind", "u1"}, []string{e.Tenant, e.Action, e.ID})
		require.Equal(t, w.key("remind", "u1"), e.Key)
		require.Equal(t, 1, e.Attempt)
		require.Zero(t, e.Failures)
		require.False(t, e.DueAt.Before(set.Add(100*time.Millisecond).Truncate(time.Millisecond)))
		var payload map[string]int
		require.NoError(t, e.Decode(&payload))
		require.Equal(t, map[string]int{"n": 7}, payload)
		w.eventually(func() bool {
			return w.number("EXISTS", "%exp:status:remind", "%exp:payloads:remind", "%exp:active:remind") == 0
		})
	})
}

func TestManyListenersShareTheWork(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		for range 3 {
			w.listen(expiry.Config{Workers: 4, Batch: 2}, handlers{"x": w.note})
		}
		const n = 300
		for i := range n {
			require.NoError(t, w.schedule().Set(ctx, "x", strconv.Itoa(i), time.Duration(i)*time.Millisecond/2+1))
		}
		w.eventually(func() bool { return len(w.ids()) >= n })
		w.settled("x")
		require.Len(t, w.ids(), n)
		require.Len(t, slices.Compact(w.ids()), n)
	})
}

// No more handlers run than there are workers, and those that wait are counted.
func TestWorkersAreALimit(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	release := make(chan struct{})
	l, _ := w.listen(expiry.Config{Workers: 2}, handlers{"x": func(c context.Context, e expiry.Event) error {
		<-release
		return w.note(c, e)
	}})
	for i := range 5 {
		require.NoError(t, w.schedule().Set(ctx, "x", strconv.Itoa(i), time.Millisecond))
	}
	w.eventually(func() bool { s := l.Stats(); return s.Running == 2 && s.Pending == 3 })
	close(release)
	w.eventually(func() bool { s := l.Stats(); return s.Succeeded == 5 && s.Running == 0 && s.Pending == 0 })
	s := l.Stats()
	require.Positive(t, s.LastLag)
	require.GreaterOrEqual(t, s.WorstLag, s.LastLag)
}

func TestFailuresAreRetriedAndDieAtLast(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		healed := false
		l, _ := w.listen(expiry.Config{MaxAttempts: 3}, handlers{"x": func(c context.Context, e expiry.Event) error {
			_ = w.note(c, e)
			if healed {
				return nil
			}
			return errors.New("the mail server says no")
		}})
		require.NoError(t, w.schedule().SetPayload(ctx, "x", "1", "hello", time.Millisecond))
		w.eventually(func() bool { return l.Stats().Dead == 1 })
		for i, e := range w.ran() {
			require.Equal(t, i+1, e.Attempt)
			require.Equal(t, i, e.Failures)
		}
		require.Len(t, w.ran(), 3)
		require.EqualValues(t, 2, l.Stats().Retried)

		letters := dead(t, l)
		require.Len(t, letters, 1)
		require.Equal(t, "the mail server says no", letters[0].LastError)
		require.Equal(t, 3, letters[0].Failures)
		var payload string
		require.NoError(t, letters[0].Decode(&payload))
		require.Equal(t, "hello", payload)

		healed = true
		require.NoError(t, l.Retry(ctx, letters[0]))
		w.eventually(func() bool { return l.Stats().Succeeded == 1 })
		require.Equal(t, 4, w.ran()[3].Attempt)
		require.Empty(t, dead(t, l))
		require.ErrorIs(t, l.Retry(ctx, letters[0]), expiry.ErrNotFound)
		require.ErrorIs(t, l.Discard(ctx, letters[0]), expiry.ErrNotFound)
	})
}

func dead(t *testing.T, l *expiry.Listener) (letters []expiry.Event) {
	t.Helper()
	for e, err := range l.Dead(ctx) {
		require.NoError(t, err)
		letters = append(letters, e)
	}
	return letters
}

func TestDeadLettersAreDiscardedInTheLoop(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		l, stop := w.listen(expiry.Config{MaxAttempts: 1}, handlers{"x": func(context.Context, expiry.Event) error { return errors.New("no") }})
		const n = 250
		for i := range n {
			require.NoError(t, w.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Millisecond))
		}
		w.eventually(func() bool { return l.Stats().DeadLettered == n })
		stop()
		seen := 0
		for e, err := range l.Dead(ctx) {
			require.NoError(t, err)
			seen++
			bare := expiry.Event{Tenant: e.Tenant, Action: e.Action, ID: e.ID, DueAt: e.DueAt} // as a program that kept it would have it
			require.NoError(t, l.Discard(ctx, bare))
		}
		require.Equal(t, n, seen)
		require.Empty(t, dead(t, l))
		require.Zero(t, w.number("EXISTS", "%exp:status:x", "%exp:payloads:x", "%exp:dead:x"))
		require.ErrorIs(t, l.Retry(ctx, expiry.Event{Tenant: "t", Action: "other", ID: "1"}), expiry.ErrUnsupported)
		require.ErrorIs(t, l.Retry(ctx, expiry.Event{}), expiry.ErrInvalidKey)
	})
}

func TestPanicsAreFailures(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, pooltest.Embedded(t))
	l, stop := w.listen(expiry.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, handlers{
		"x": func(c context.Context, e expiry.Event) error {
			_ = w.note(c, e)
			switch e.Attempt {
			case 1:
				panic("not what I expected")
			case 2:
				runtime.Goexit()
			}
			return nil
		}})
	require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
	w.eventually(func() bool { return l.Stats().Succeeded == 1 })
	stop()
	s := l.Stats()
	require.EqualValues(t, 2, s.Panics)
	require.EqualValues(t, 2, s.Retried)
	require.Equal(t, "panic: not what I expected", w.ran()[1].LastError)
	require.Contains(t, log.String(), "panic: not what I expected")
	require.Contains(t, log.String(), "listener_test.go", "the stack is missing")
	require.Contains(t, log.String(), "the handler ended its goroutine")
}

func TestRunTwiceIsAMistake(t *testing.T) {
	w := newWorld(t, pooltest.Embedded(t))
	l, stop := w.listen(expiry.Config{}, handlers{"x": w.note})
	w.settled("x")
	require.ErrorIs(t, l.Run(ctx), expiry.ErrUnsupported)
	stop()
	w.run(l) // and again, one after the other, is none
	w.settled("x")
}

func TestClosedPoolsEndRun(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	l := w.listener(expiry.Config{}, handlers{"x": w.note})
	result := make(chan error)
	go func() { result <- l.Run(ctx) }()
	w.settled("x")
	w.pools.Close()
	require.ErrorIs(t, <-result, expiry.ErrClosed)
	require.ErrorIs(t, l.Run(ctx), expiry.ErrClosed)
}

package expiry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

// onOneServer runs a test that writes or counts the keys of the schedule of an
// action. On a cluster, each shard has such keys; cluster_test.go tests them.
func onOneServer(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	pooltest.EachSingle(t, run)
}

// fixture holds pools, a tenant of its own, and the events that were delivered.
type fixture struct {
	*testing.T
	pools  *pool.Pools
	layout keyspace.Layout
	tenant string

	mu       sync.Mutex
	recorded []expiry.Event
}

func newFixture(t *testing.T, p *pool.Pools) *fixture {
	return &fixture{T: t, pools: p, layout: p.Layout(), tenant: pooltest.UniqueTenant()}
}

func (f *fixture) schedule(opts ...expiry.Option) *expiry.Schedule {
	f.Helper()
	s, err := expiry.NewSchedule(f.pools, pool.Expiry, f.layout.Trigger, f.tenant, opts...)
	require.NoError(f, err)
	return s
}

// record is a handler that records its events.
func (f *fixture) record(_ context.Context, e expiry.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.recorded = append(f.recorded, e)
	return nil
}

func (f *fixture) events() []expiry.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.recorded)
}

type handlers map[string]expiry.Handler

// listener returns a listener. It does not log to the test's output by default.
func (f *fixture) listener(cfg expiry.Config, hs handlers) *expiry.Listener {
	f.Helper()
	r := expiry.NewRegistry()
	for action, h := range hs {
		require.NoError(f, r.On(action, h))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Layout.IsZero() {
		cfg.Layout = f.layout
	}
	if cfg.Backoff == nil {
		cfg.Backoff = func(int, error) time.Duration { return time.Millisecond }
	}
	l, err := expiry.NewListener(f.pools, r, cfg)
	require.NoError(f, err)
	return l
}

// listen starts a listener. The returned function stops it and waits until Run
// returns.
func (f *fixture) listen(cfg expiry.Config, hs handlers) (l *expiry.Listener, stop func()) {
	f.Helper()
	l = f.listener(cfg, hs)
	return l, f.run(l)
}

func (f *fixture) run(l *expiry.Listener) (stop func()) {
	running, cancel := context.WithCancel(ctx)
	result := make(chan error, 1)
	go func() { result <- l.Run(running) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(f, <-result)
	})
	f.Cleanup(stop)
	return stop
}

func (f *fixture) eventually(condition func() bool) {
	f.Helper()
	require.Eventually(f, condition, 30*time.Second, 2*time.Millisecond)
}

func (f *fixture) redis(args ...string) {
	f.Helper()
	require.NoError(f, f.send(args...).Error())
}

func (f *fixture) redisInt(args ...string) int64 {
	f.Helper()
	n, err := f.send(args...).AsInt64()
	require.NoError(f, err)
	return n
}

// send sends a command. On a cluster it adds the pool's prefix to all arguments
// that are keys.
func (f *fixture) send(args ...string) rueidis.RedisResult {
	f.Helper()
	if f.layout != keyspace.Cluster() {
		return pooltest.Do(f, f.pools, pool.Expiry, args...)
	}
	client, err := f.pools.Client(pool.Expiry)
	require.NoError(f, err)
	args = slices.Clone(args)
	for i, arg := range args {
		if strings.HasPrefix(arg, "%exp") || strings.HasPrefix(arg, f.tenant) {
			args[i] = f.pools.Prefix(pool.Expiry) + arg
		}
	}
	return client.Do(ctx, client.B().Arbitrary(args[0]).Keys(args[1]).Args(args[2:]...).Build())
}

// key returns the key of a trigger without the pool's prefix.
func (f *fixture) key(action, id string) string {
	f.Helper()
	if f.layout != keyspace.Cluster() {
		return f.tenant + ":EXPTRIGGER:" + action + ":" + id
	}
	key, err := f.schedule().Key(action, id)
	require.NoError(f, err)
	return key
}

// scheduleKey returns a key of the schedule of a trigger, without the pool's
// prefix.
func (f *fixture) scheduleKey(kind, action, id string) string {
	f.Helper()
	shard := ""
	if _, rest, ok := strings.Cut(f.key(action, id), "{"); ok && f.layout == keyspace.Cluster() {
		tag, _, _ := strings.Cut(rest, "}")
		shard = "{" + tag + "}"
	}
	return "%exp" + shard + ":" + kind + ":" + action
}

// waitForSentinel sets a trigger that is due now and waits until it fired:
// everything that was due before it has been processed too.
func (f *fixture) waitForSentinel(action string) {
	f.Helper()
	id := "sentinel" + strconv.Itoa(len(f.events()))
	require.NoError(f, f.schedule().Set(ctx, action, id, time.Millisecond))
	f.eventually(func() bool {
		return slices.ContainsFunc(f.events(), func(e expiry.Event) bool { return e.ID == id })
	})
}

// ids returns the sorted ids that were delivered, without sentinels.
func (f *fixture) ids() (ids []string) {
	for _, e := range f.events() {
		if len(e.ID) < 8 || e.ID[:8] != "sentinel" {
			ids = append(ids, e.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// A trigger fires once, with the tenant, action, id and payload that were set,
// and not early.
func TestWorkRunsOnce(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		l, _ := f.listen(expiry.Config{}, handlers{"remind": f.record})
		set := time.Now()
		require.NoError(t, f.schedule().SetPayload(ctx, "remind", "u1", map[string]int{"n": 7}, 100*time.Millisecond))
		f.eventually(func() bool { return l.Stats().Succeeded == 1 })
		require.GreaterOrEqual(t, time.Since(set), 100*time.Millisecond)
		f.waitForSentinel("remind")
		e := f.events()[0]
		require.Equal(t, []string{"u1"}, f.ids())
		require.Equal(t, []string{f.tenant, "remind", "u1"}, []string{e.Tenant, e.Action, e.ID})
		require.Equal(t, f.tenant+":EXPTRIGGER:remind:u1", e.Key)
		require.Equal(t, 1, e.Attempt)
		require.Zero(t, e.Failures)
		require.False(t, e.DueAt.Before(set.Add(100*time.Millisecond).Truncate(time.Millisecond)))
		var payload map[string]int
		require.NoError(t, e.Decode(&payload))
		require.Equal(t, map[string]int{"n": 7}, payload)
		f.eventually(func() bool {
			return f.redisInt("EXISTS", f.scheduleKey("status", "remind", "u1"), f.scheduleKey("payloads", "remind", "u1"), f.scheduleKey("active", "remind", "u1")) == 0
		})
	})
}

func TestManyListenersShareTheWork(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		for range 3 {
			f.listen(expiry.Config{Workers: 4, Batch: 2}, handlers{"x": f.record})
		}
		const n = 300
		for i := range n {
			require.NoError(t, f.schedule().Set(ctx, "x", strconv.Itoa(i), time.Duration(i)*time.Millisecond/2))
		}
		f.eventually(func() bool { return len(f.ids()) >= n })
		f.waitForSentinel("x")
		require.Len(t, f.ids(), n)
		require.Len(t, slices.Compact(f.ids()), n)
	})
}

// No more handlers run than there are workers, and waiting triggers are
// counted.
func TestWorkersAreALimit(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	release := make(chan struct{})
	l, _ := f.listen(expiry.Config{Workers: 2}, handlers{"x": func(c context.Context, e expiry.Event) error {
		<-release
		return f.record(c, e)
	}})
	for i := range 5 {
		require.NoError(t, f.schedule().Set(ctx, "x", strconv.Itoa(i), time.Millisecond))
	}
	f.eventually(func() bool { s := l.Stats(); return s.Running == 2 && s.Pending == 3 })
	close(release)
	f.eventually(func() bool { s := l.Stats(); return s.Succeeded == 5 && s.Running == 0 && s.Pending == 0 })
	s := l.Stats()
	require.Positive(t, s.LastLag)
	require.GreaterOrEqual(t, s.WorstLag, s.LastLag)
}

func TestMaxAttempts(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		healed := false
		l, _ := f.listen(expiry.Config{MaxAttempts: 3}, handlers{"x": func(c context.Context, e expiry.Event) error {
			_ = f.record(c, e)
			if healed {
				return nil
			}
			return errors.New("the mail server says no")
		}})
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "1", "hello", time.Millisecond))
		f.eventually(func() bool { return l.Stats().Dead == 1 })
		for i, e := range f.events() {
			require.Equal(t, i+1, e.Attempt)
			require.Equal(t, i, e.Failures)
		}
		require.Len(t, f.events(), 3)
		require.EqualValues(t, 2, l.Stats().Retried)

		letters := deadLetters(t, l)
		require.Len(t, letters, 1)
		require.Equal(t, "the mail server says no", letters[0].LastError)
		require.Equal(t, 3, letters[0].Failures)
		var payload string
		require.NoError(t, letters[0].Decode(&payload))
		require.Equal(t, "hello", payload)

		healed = true
		require.NoError(t, l.Retry(ctx, letters[0]))
		f.eventually(func() bool { return l.Stats().Succeeded == 1 })
		require.Equal(t, 4, f.events()[3].Attempt)
		require.Empty(t, deadLetters(t, l))
		require.ErrorIs(t, l.Retry(ctx, letters[0]), expiry.ErrNotFound)
		require.ErrorIs(t, l.Discard(ctx, letters[0]), expiry.ErrNotFound)
	})
}

func deadLetters(t *testing.T, l *expiry.Listener) (letters []expiry.Event) {
	t.Helper()
	for e, err := range l.Dead(ctx) {
		require.NoError(t, err)
		letters = append(letters, e)
	}
	return letters
}

func TestDeadLettersAreDiscardedInTheLoop(t *testing.T) {
	pooltest.Long(t)
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		l, stop := f.listen(expiry.Config{MaxAttempts: 1}, handlers{"x": func(context.Context, expiry.Event) error { return errors.New("no") }})
		const n = 250
		for i := range n {
			require.NoError(t, f.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Millisecond))
		}
		f.eventually(func() bool { return l.Stats().DeadLettered == n })
		stop()
		seen := 0
		for e, err := range l.Dead(ctx) {
			require.NoError(t, err)
			seen++
			bare := expiry.Event{Tenant: e.Tenant, Action: e.Action, ID: e.ID, DueAt: e.DueAt} // an event that was stored elsewhere
			require.NoError(t, l.Discard(ctx, bare))
		}
		require.Equal(t, n, seen)
		require.Empty(t, deadLetters(t, l))
		require.Zero(t, f.redisInt("EXISTS", "%exp:status:x", "%exp:payloads:x", "%exp:dead:x"))
		require.ErrorIs(t, l.Retry(ctx, expiry.Event{Tenant: "t", Action: "other", ID: "1"}), expiry.ErrUnsupported)
		require.ErrorIs(t, l.Retry(ctx, expiry.Event{}), expiry.ErrInvalidKey)
	})
}

func TestPanicsAreFailures(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, pooltest.Embedded(t))
	l, stop := f.listen(expiry.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, handlers{
		"x": func(c context.Context, e expiry.Event) error {
			_ = f.record(c, e)
			switch e.Attempt {
			case 1:
				panic("not what I expected")
			case 2:
				runtime.Goexit()
			}
			return nil
		}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
	f.eventually(func() bool { return l.Stats().Succeeded == 1 })
	stop()
	s := l.Stats()
	require.EqualValues(t, 2, s.Panics)
	require.EqualValues(t, 2, s.Retried)
	require.Equal(t, "panic: not what I expected", f.events()[1].LastError)
	require.Contains(t, log.String(), "panic: not what I expected")
	require.Contains(t, log.String(), "listener_test.go", "the stack is missing")
	require.Contains(t, log.String(), "the handler called runtime.Goexit")
}

func TestRunTwice(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	l, stop := f.listen(expiry.Config{}, handlers{"x": f.record})
	f.waitForSentinel("x")
	require.ErrorIs(t, l.Run(ctx), expiry.ErrUnsupported)
	stop()
	f.run(l) // after the first Run has returned, Run may be called again
	f.waitForSentinel("x")
}

func TestClosedPoolsEndRun(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	l := f.listener(expiry.Config{}, handlers{"x": f.record})
	result := make(chan error)
	go func() { result <- l.Run(ctx) }()
	f.waitForSentinel("x")
	f.pools.Close()
	require.ErrorIs(t, <-result, expiry.ErrClosed)
	require.ErrorIs(t, l.Run(ctx), expiry.ErrClosed)
}

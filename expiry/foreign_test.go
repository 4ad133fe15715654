package expiry_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// poolsWithoutConfig connects to a server whose users may not run CONFIG.
func poolsWithoutConfig(t *testing.T) *pool.Pools {
	t.Helper()
	server := redistest.Server(t, "user default on nopass ~* &* +@all -config")
	return pooltest.Redis(t, pool.Config{URL: server.URL()})
}

// eachServer runs a test on a server with events, without the permission to
// turn events on, and embedded.
func eachServer(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	onOneServer(t, run)
	t.Run("without CONFIG", func(t *testing.T) { run(t, poolsWithoutConfig(t)) })
}

// setLikePython sends the command that the Python service sends.
func (f *fixture) setLikePython(action, id string, lifetime time.Duration) {
	f.Helper()
	f.redis("SET", f.key(action, id), "trigger:2026-11-23T12:00:00.000000", "PX", strconv.FormatInt(lifetime.Milliseconds(), 10))
}

// Triggers of another service that existed before the listener are adopted, and
// fire once with any number of listeners. Those of actions without a handler
// are left alone.
func TestForeignTriggersAreAdopted(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		for i := range 20 {
			f.setLikePython("x", strconv.Itoa(i), time.Hour)
			f.setLikePython("theirs", strconv.Itoa(i), time.Hour)
		}
		f.setLikePython("theirs", "short", 100*time.Millisecond)
		for range 3 {
			f.listen(expiry.Config{}, handlers{"x": f.record})
		}
		f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:due:x") == 20 })
		for i := range 20 {
			require.NoError(t, f.schedule().Debounce(ctx, "x", strconv.Itoa(i), time.Millisecond, time.Minute))
		}
		f.eventually(func() bool { return len(f.ids()) >= 20 })
		f.waitForSentinel("x")
		require.Len(t, f.ids(), 20)
		require.Equal(t, 1, f.events()[0].Attempt)
		require.False(t, f.events()[0].HasPayload())
		require.InDelta(t, time.Hour.Milliseconds(), f.redisInt("PTTL", f.key("theirs", "1")), 60_000)
		f.eventually(func() bool { return f.redisInt("EXISTS", f.key("theirs", "short")) == 0 })
		require.Zero(t, f.redisInt("EXISTS", "%exp:due:theirs"))
	})
}

// With events, triggers that are set while the listener runs are adopted at
// once.
func TestForeignTriggersAreAdoptedLive(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	for range 3 {
		f.listen(expiry.Config{Sweep: time.Hour}, handlers{"x": f.record})
	}
	f.waitForSubscribers(3)
	for i := range 50 {
		f.setLikePython("x", strconv.Itoa(i), time.Duration(i+1)*4*time.Millisecond)
	}
	f.eventually(func() bool { return len(f.ids()) >= 50 })
	f.waitForSentinel("x")
	require.Len(t, f.ids(), 50)
}

// waitForSubscribers waits until n listeners receive events.
func (f *fixture) waitForSubscribers(n int64) {
	f.Helper()
	f.eventually(func() bool {
		counts, err := pooltest.Do(f, f.pools, pool.Expiry, "PUBSUB", "NUMSUB", "__keyevent@8__:expired").ToArray()
		require.NoError(f, err)
		heard, err := counts[1].AsInt64()
		require.NoError(f, err)
		return heard >= n
	})
}

// Without events, the sweep finds triggers that are set while the listener
// runs.
func TestForeignTriggersAreFoundByTheSweep(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) *pool.Pools{
		"without CONFIG": poolsWithoutConfig,
		"embedded":       func(t *testing.T) *pool.Pools { t.Helper(); return pooltest.Embedded(t) },
	} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			f := newFixture(t, open(t))
			f.listen(expiry.Config{Sweep: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))}, handlers{"x": f.record})
			f.waitForSentinel("x")
			f.setLikePython("x", "1", time.Hour)
			f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:due:x") == 1 })
			require.NoError(t, f.schedule().Debounce(ctx, "x", "1", time.Millisecond, time.Minute))
			f.eventually(func() bool { return len(f.ids()) == 1 })
			if name == "embedded" { // what it does not have is no fault of the user
				require.Empty(t, log.String())
			} else {
				require.Contains(t, log.String(), "events cannot be turned on")
			}
		})
	}
}

// logBuffer is a buffer that a logger and a test can use concurrently.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Changes of another service to a trigger count: DEL, EXPIRE, SETEX.
func TestForeignChangesCount(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		const due = time.Second
		for _, id := range []string{"stays", "deleted", "extended", "set again", "for ever"} {
			require.NoError(t, s.SetPayload(ctx, "x", id, id, due))
		}
		f.redis("DEL", f.key("x", "deleted"))
		f.redis("EXPIRE", f.key("x", "extended"), "100")
		f.setLikePython("x", "set again", 100*time.Second)
		f.redis("PERSIST", f.key("x", "for ever"))
		l, _ := f.listen(expiry.Config{}, handlers{"x": f.record})
		f.eventually(func() bool { return len(f.ids()) > 0 })
		f.waitForSentinel("x")
		f.waitForSentinel("x")
		require.Equal(t, []string{"stays"}, f.ids())
		f.eventually(func() bool { return l.Stats().Pending == 2 })
		for _, id := range []string{"extended", "set again"} {
			require.InDelta(t, 100_000, f.redisInt("ZSCORE", "%exp:due:x", f.key("x", id))-now(), 50_000, id)
		}
	})
}

func now() int64 { return time.Now().UnixMilli() }

// With events, a trigger that another service moves to an earlier time fires
// then, with its payload.
func TestForeignEarlierTime(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	f.listen(expiry.Config{Sweep: time.Hour}, handlers{"x": f.record})
	f.waitForSubscribers(1)
	s := f.schedule()
	require.NoError(t, s.SetPayload(ctx, "x", "expire", 1, time.Hour))
	require.NoError(t, s.SetPayload(ctx, "x", "setex", 2, time.Hour))
	f.redis("PEXPIRE", f.key("x", "expire"), "50")
	f.setLikePython("x", "setex", 50*time.Millisecond)
	f.eventually(func() bool { return len(f.ids()) == 2 })
	for _, e := range f.events() {
		var n int
		require.NoError(t, e.Decode(&n))
	}
}

// Triggers that were due while no listener ran fire once, with their payloads,
// even if their keys expired long ago.
func TestNoListenerForADay(t *testing.T) {
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		for _, id := range []string{"a", "b"} {
			require.NoError(t, s.SetPayload(ctx, "x", id, "kept", time.Millisecond))
		}
		// Simulate a day without a listener.
		f.redis("DEL", f.key("x", "a"))
		f.redis("ZADD", "%exp:due:x", strconv.FormatInt(now()-(24*time.Hour).Milliseconds(), 10), f.key("x", "a"))
		for range 3 {
			f.listen(expiry.Config{}, handlers{"x": f.record})
		}
		f.eventually(func() bool { return len(f.ids()) >= 2 })
		f.waitForSentinel("x")
		require.Equal(t, []string{"a", "b"}, f.ids())
		for _, e := range f.events()[:2] {
			var text string
			require.NoError(t, e.Decode(&text))
			require.Equal(t, "kept", text)
		}
	})
}

// A key that expires only when a claim reads it, after its grace, fires once.
// The event of its expiry does not fire it again.
func TestExpiredGraceFiresOnce(t *testing.T) {
	server := redistest.Server(t, "enable-debug-command yes")
	f := newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	release := make(chan struct{})
	l, _ := f.listen(expiry.Config{Workers: 1, Sweep: time.Hour}, handlers{"x": func(c context.Context, e expiry.Event) error {
		if e.ID == "first" {
			<-release
		}
		return f.record(c, e)
	}})
	f.waitForSubscribers(1)
	f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:swept:x") == 1 })
	require.NoError(t, f.schedule().Set(ctx, "x", "first", time.Millisecond))
	f.eventually(func() bool { return l.Stats().Running == 1 })

	// The only worker is busy, and no event is sent for this key.
	f.redis("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	f.redis("CONFIG", "SET", "notify-keyspace-events", "")
	f.setLikePython("x", "1", time.Millisecond)
	<-time.After(20 * time.Millisecond)
	f.redis("CONFIG", "SET", "notify-keyspace-events", "Egx")
	f.redis("ZADD", "%exp:due:x", strconv.FormatInt(now()-(2*time.Hour).Milliseconds(), 10), f.key("x", "1"))
	close(release)
	f.eventually(func() bool { return len(f.ids()) >= 2 })
	f.waitForSentinel("x")
	f.waitForSentinel("x")
	require.Equal(t, []string{"1", "first"}, f.ids())
}

// With the Python layout, while no listener handles the action, a trigger is a
// bare key. It expires when it is due, and a Python worker receives the event.
func TestPythonWorkersCanRunTriggers(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	f := newFixture(t, p)
	f.layout = keyspace.Python(keyspace.AllowAmbiguous)
	f.redis("CONFIG", "SET", "notify-keyspace-events", "Ex")
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	heard, ready := make(chan string, 10), make(chan struct{})
	subscribed := sync.OnceFunc(func() { close(ready) })
	hooked := rueidis.WithOnSubscriptionHook(t.Context(), func(rueidis.PubSubSubscription) { subscribed() })
	go func() {
		_ = client.Receive(hooked, client.B().Subscribe().Channel("__keyevent@8__:expired").Build(), func(m rueidis.PubSubMessage) { heard <- m.Message })
	}()
	<-ready
	set := time.Now()
	require.NoError(t, f.schedule().Set(ctx, "send:mail", "u:1", 200*time.Millisecond))
	require.Equal(t, f.key("send_mail", "u_1"), <-heard)
	require.GreaterOrEqual(t, time.Since(set), 200*time.Millisecond)
	require.Zero(t, f.redisInt("EXISTS", "%exp:due:send_mail", "%exp:payloads:send_mail"))

	require.NoError(t, f.schedule().SetPayload(ctx, "send:mail", "u:2", "hi", time.Millisecond))
	require.Equal(t, f.key("send_mail", "u_2"), <-heard)
	require.Zero(t, f.redisInt("EXISTS", "%exp:due:send_mail", "%exp:payloads:send_mail"), "the schedule has an entry of a bare key")

	// Set again and Debounce write bare keys too.
	require.NoError(t, f.schedule().Debounce(ctx, "send:mail", "u:3", 100*time.Millisecond, 100*time.Millisecond))
	require.NoError(t, f.schedule().Debounce(ctx, "send:mail", "u:3", 100*time.Millisecond, 100*time.Millisecond))
	require.Equal(t, f.key("send_mail", "u_3"), <-heard)
	require.NoError(t, f.schedule().Set(ctx, "send:mail", "u:4", time.Hour))
	deleted, err := f.schedule().Delete(ctx, "send:mail", "u:4")
	require.NoError(t, err)
	require.True(t, deleted)
}

// With a listener, the triggers of the Python layout are in the schedule, with
// and without events, whether they were set before or after the listener
// started.
func TestThePythonLayoutWithAListener(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		f.layout = keyspace.Python(keyspace.AllowAmbiguous)
		require.NoError(t, f.schedule().SetPayload(ctx, "send:mail", "before", "kept", time.Hour))
		f.listen(expiry.Config{Sweep: time.Hour}, handlers{"send:mail": f.record})
		f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:due:send_mail") == 1 })
		require.NoError(t, f.schedule().SetPayload(ctx, "send:mail", "after", "kept", time.Hour))
		for _, id := range []string{"before", "after"} {
			require.Greater(t, f.redisInt("PTTL", f.key("send_mail", id)), (90 * time.Minute).Milliseconds(), id)
			require.NoError(t, f.schedule().Debounce(ctx, "send:mail", id, time.Millisecond, time.Minute))
		}
		f.eventually(func() bool { return len(f.ids()) == 2 })
		for _, e := range f.events() {
			var text string
			require.NoError(t, e.Decode(&text))
			require.Equal(t, "kept", text)
			require.Equal(t, "send_mail", e.Action)
		}
	})
}

// The next sweep removes a trigger that another service deleted, long before it
// is due.
func TestTheSweepSeesWhatWasDeleted(t *testing.T) {
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
		for i := range 5 {
			require.NoError(t, f.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Hour))
		}
		f.redis("DEL", f.key("x", "1"), f.key("x", "3"))
		f.eventually(func() bool {
			return f.redisInt("ZCARD", "%exp:due:x") == 3 && f.redisInt("HLEN", "%exp:payloads:x") == 3
		})
	})
}

// One of several listeners does a sweep.
func TestSweepsAreShared(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	for range 5 {
		f.listen(expiry.Config{Sweep: 200 * time.Millisecond}, handlers{"x": f.record})
	}
	f.waitForSubscribers(5)
	f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:swept:x") == 1 })
	first := f.redisInt("GET", "%exp:swept:x")
	f.eventually(func() bool { return f.redisInt("GET", "%exp:swept:x") > first })
	f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:sweeping:x") == 0 })
}

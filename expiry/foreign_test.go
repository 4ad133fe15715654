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

// noEvents is a server whose users may not configure it.
func noEvents(t *testing.T) *pool.Pools {
	t.Helper()
	server := redistest.Server(t, "user default on nopass ~* &* +@all -config")
	return pooltest.Redis(t, pool.Config{URL: server.URL()})
}

// servers runs a test with events, without the right to turn them on, and
// embedded.
func servers(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	onOneServer(t, run)
	t.Run("without CONFIG", func(t *testing.T) { run(t, noEvents(t)) })
}

// setex is what the Python service sends.
func (w *world) setex(action, id string, lifetime time.Duration) {
	w.Helper()
	w.do("SET", w.key(action, id), "trigger:2026-11-23T12:00:00.000000", "PX", strconv.FormatInt(lifetime.Milliseconds(), 10))
}

// Triggers of another service that were there before the listener are adopted,
// those of actions without a handler here are left alone, and every one fires
// once however many listeners there are.
func TestForeignTriggersAreAdopted(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		for i := range 20 {
			w.setex("x", strconv.Itoa(i), time.Hour)
			w.setex("theirs", strconv.Itoa(i), time.Hour)
		}
		w.setex("theirs", "short", 100*time.Millisecond)
		for range 3 {
			w.listen(expiry.Config{}, handlers{"x": w.note})
		}
		w.eventually(func() bool { return w.number("ZCARD", "%exp:due:x") == 20 })
		for i := range 20 {
			require.NoError(t, w.schedule().Debounce(ctx, "x", strconv.Itoa(i), time.Millisecond, time.Minute))
		}
		w.eventually(func() bool { return len(w.ids()) >= 20 })
		w.settled("x")
		require.Len(t, w.ids(), 20)
		require.Equal(t, 1, w.ran()[0].Attempt)
		require.False(t, w.ran()[0].HasPayload())
		require.InDelta(t, time.Hour.Milliseconds(), w.number("PTTL", w.key("theirs", "1")), 60_000)
		w.eventually(func() bool { return w.number("EXISTS", w.key("theirs", "short")) == 0 })
		require.Zero(t, w.number("EXISTS", "%exp:due:theirs"))
	})
}

// With events, what is set while the listener runs is adopted at once.
func TestForeignTriggersAreAdoptedLive(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	for range 3 {
		w.listen(expiry.Config{Sweep: time.Hour}, handlers{"x": w.note})
	}
	w.subscribed(3)
	for i := range 50 {
		w.setex("x", strconv.Itoa(i), time.Duration(i+1)*4*time.Millisecond)
	}
	w.eventually(func() bool { return len(w.ids()) >= 50 })
	w.settled("x")
	require.Len(t, w.ids(), 50)
}

// subscribed waits until so many listeners hear events.
func (w *world) subscribed(n int64) {
	w.Helper()
	w.eventually(func() bool {
		counts, err := pooltest.Do(w, w.pools, pool.Expiry, "PUBSUB", "NUMSUB", "__keyevent@8__:expired").ToArray()
		require.NoError(w, err)
		heard, err := counts[1].AsInt64()
		require.NoError(w, err)
		return heard >= n
	})
}

// Without events, what is set while the listener runs is found by the sweep.
func TestForeignTriggersAreFoundByTheSweep(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) *pool.Pools{
		"without CONFIG": noEvents,
		"embedded":       func(t *testing.T) *pool.Pools { t.Helper(); return pooltest.Embedded(t) },
	} {
		t.Run(name, func(t *testing.T) {
			var log buffer
			w := newWorld(t, open(t))
			w.listen(expiry.Config{Sweep: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))}, handlers{"x": w.note})
			w.settled("x")
			w.setex("x", "1", time.Hour)
			w.eventually(func() bool { return w.number("ZCARD", "%exp:due:x") == 1 })
			require.NoError(t, w.schedule().Debounce(ctx, "x", "1", time.Millisecond, time.Minute))
			w.eventually(func() bool { return len(w.ids()) == 1 })
			require.Contains(t, log.String(), "events cannot be turned on")
		})
	}
}

// buffer is one that a logger and a test may use at once.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// What another service does to a trigger of ours counts: DEL, EXPIRE, SETEX.
func TestForeignChangesCount(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		s := w.schedule()
		const due = time.Second
		for _, id := range []string{"stays", "deleted", "extended", "set again", "for ever"} {
			require.NoError(t, s.SetPayload(ctx, "x", id, id, due))
		}
		w.do("DEL", w.key("x", "deleted"))
		w.do("EXPIRE", w.key("x", "extended"), "100")
		w.setex("x", "set again", 100*time.Second)
		w.do("PERSIST", w.key("x", "for ever"))
		l, _ := w.listen(expiry.Config{}, handlers{"x": w.note})
		w.eventually(func() bool { return len(w.ids()) > 0 })
		w.settled("x")
		w.settled("x")
		require.Equal(t, []string{"stays"}, w.ids())
		w.eventually(func() bool { return l.Stats().Pending == 2 })
		for _, id := range []string{"extended", "set again"} {
			require.InDelta(t, 100_000, w.number("ZSCORE", "%exp:due:x", w.key("x", id))-now(), 50_000, id)
		}
	})
}

func now() int64 { return time.Now().UnixMilli() }

// With events, a trigger of ours that another service brings forward fires at
// its new time, with its payload.
func TestATriggerThatIsBroughtForward(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	w.listen(expiry.Config{Sweep: time.Hour}, handlers{"x": w.note})
	w.subscribed(1)
	s := w.schedule()
	require.NoError(t, s.SetPayload(ctx, "x", "expire", 1, time.Hour))
	require.NoError(t, s.SetPayload(ctx, "x", "setex", 2, time.Hour))
	w.do("PEXPIRE", w.key("x", "expire"), "50")
	w.setex("x", "setex", 50*time.Millisecond)
	w.eventually(func() bool { return len(w.ids()) == 2 })
	for _, e := range w.ran() {
		var n int
		require.NoError(t, e.Decode(&n))
	}
}

// What fell due while no listener ran fires once, with its payload, even when
// its key has ended long ago.
func TestNoListenerForLong(t *testing.T) {
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		s := w.schedule()
		for _, id := range []string{"a", "b"} {
			require.NoError(t, s.SetPayload(ctx, "x", id, "kept", time.Millisecond))
		}
		// As it would be a day later.
		w.do("DEL", w.key("x", "a"))
		w.do("ZADD", "%exp:due:x", strconv.FormatInt(now()-(24*time.Hour).Milliseconds(), 10), w.key("x", "a"))
		for range 3 {
			w.listen(expiry.Config{}, handlers{"x": w.note})
		}
		w.eventually(func() bool { return len(w.ids()) >= 2 })
		w.settled("x")
		require.Equal(t, []string{"a", "b"}, w.ids())
		for _, e := range w.ran()[:2] {
			var text string
			require.NoError(t, e.Decode(&text))
			require.Equal(t, "kept", text)
		}
	})
}

// A key whose grace has ended, and that ends only when a claim looks at it, fires
// once: its event is no second reason.
func TestTheEndOfTheGraceIsNoSecondFiring(t *testing.T) {
	server := redistest.Server(t, "enable-debug-command yes")
	w := newWorld(t, pooltest.Redis(t, pool.Config{URL: server.URL()}))
	release := make(chan struct{})
	l, _ := w.listen(expiry.Config{Workers: 1, Sweep: time.Hour}, handlers{"x": func(c context.Context, e expiry.Event) error {
		if e.ID == "first" {
			<-release
		}
		return w.note(c, e)
	}})
	w.subscribed(1)
	w.eventually(func() bool { return w.number("EXISTS", "%exp:swept:x") == 1 })
	require.NoError(t, w.schedule().Set(ctx, "x", "first", time.Millisecond))
	w.eventually(func() bool { return l.Stats().Running == 1 })

	// Nobody claims now, and nobody hears of this key.
	w.do("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	w.do("CONFIG", "SET", "notify-keyspace-events", "")
	w.setex("x", "1", time.Millisecond)
	<-time.After(20 * time.Millisecond)
	w.do("CONFIG", "SET", "notify-keyspace-events", "Egx")
	w.do("ZADD", "%exp:due:x", strconv.FormatInt(now()-(2*time.Hour).Milliseconds(), 10), w.key("x", "1"))
	close(release)
	w.eventually(func() bool { return len(w.ids()) >= 2 })
	w.settled("x")
	w.settled("x")
	require.Equal(t, []string{"1", "first"}, w.ids())
}

// With the Python layout a trigger is a bare key while nobody handles its action
// here: it ends when it is due, and a Python worker hears that.
func TestPythonCanRunOurs(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	w := newWorld(t, p)
	w.layout = keyspace.Python(keyspace.AllowAmbiguous)
	w.do("CONFIG", "SET", "notify-keyspace-events", "Ex")
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
	require.NoError(t, w.schedule().Set(ctx, "send:mail", "u:1", 200*time.Millisecond))
	require.Equal(t, w.key("send_mail", "u_1"), <-heard)
	require.GreaterOrEqual(t, time.Since(set), 200*time.Millisecond)
	require.Zero(t, w.number("EXISTS", "%exp:due:send_mail", "%exp:payloads:send_mail"))

	require.NoError(t, w.schedule().SetPayload(ctx, "send:mail", "u:2", "hi", time.Millisecond))
	require.Equal(t, w.key("send_mail", "u_2"), <-heard)
	require.Zero(t, w.number("EXISTS", "%exp:due:send_mail", "%exp:payloads:send_mail"), "a payload that nobody can take is left")

	// Setting it again, and a debounce, are bare keys too.
	require.NoError(t, w.schedule().Debounce(ctx, "send:mail", "u:3", time.Hour, 100*time.Millisecond))
	require.NoError(t, w.schedule().Debounce(ctx, "send:mail", "u:3", time.Hour, 100*time.Millisecond))
	require.Equal(t, w.key("send_mail", "u_3"), <-heard)
	require.NoError(t, w.schedule().Set(ctx, "send:mail", "u:4", time.Hour))
	deleted, err := w.schedule().Delete(ctx, "send:mail", "u:4")
	require.NoError(t, err)
	require.True(t, deleted)
}

// With a listener, the Python layout's triggers are as durable as any, with and
// without events, whether they were set before it or after.
func TestThePythonLayoutWithAListener(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		w.layout = keyspace.Python(keyspace.AllowAmbiguous)
		require.NoError(t, w.schedule().SetPayload(ctx, "send:mail", "before", "kept", time.Hour))
		w.listen(expiry.Config{Sweep: time.Hour}, handlers{"send:mail": w.note})
		w.eventually(func() bool { return w.number("EXISTS", "%exp:due:send_mail") == 1 })
		require.NoError(t, w.schedule().SetPayload(ctx, "send:mail", "after", "kept", time.Hour))
		for _, id := range []string{"before", "after"} {
			require.Greater(t, w.number("PTTL", w.key("send_mail", id)), (90 * time.Minute).Milliseconds(), id)
			require.NoError(t, w.schedule().Debounce(ctx, "send:mail", id, time.Millisecond, time.Minute))
		}
		w.eventually(func() bool { return len(w.ids()) == 2 })
		for _, e := range w.ran() {
			var text string
			require.NoError(t, e.Decode(&text))
			require.Equal(t, "kept", text)
			require.Equal(t, "send_mail", e.Action)
		}
	})
}

// What another service deletes is out of the schedule with the next sweep, long
// before it would have been due.
func TestTheSweepSeesWhatWasDeleted(t *testing.T) {
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
		for i := range 5 {
			require.NoError(t, w.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Hour))
		}
		w.do("DEL", w.key("x", "1"), w.key("x", "3"))
		w.eventually(func() bool { return w.number("ZCARD", "%exp:due:x") == 3 && w.number("HLEN", "%exp:payloads:x") == 3 })
	})
}

// One listener of many does a sweep.
func TestSweepsAreShared(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	for range 5 {
		w.listen(expiry.Config{Sweep: 200 * time.Millisecond}, handlers{"x": w.note})
	}
	w.subscribed(5)
	w.eventually(func() bool { return w.number("EXISTS", "%exp:swept:x") == 1 })
	first := w.number("GET", "%exp:swept:x")
	w.eventually(func() bool { return w.number("GET", "%exp:swept:x") > first })
	w.eventually(func() bool { return w.number("EXISTS", "%exp:sweeping:x") == 0 })
}

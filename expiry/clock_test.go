package expiry

import (
	"context"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// clockFixture is a server whose clock the test sets, with listeners.
type clockFixture struct {
	*testing.T
	pools  *pool.Pools
	client rueidis.Client
	lua    *scripts
}

// settableClock is a clock that is ahead of the server's by the microseconds in
// a key. The test sets it years ahead, so that the server expires no key.
const settableClock = "local function clock() local t = redis.call('TIME') return t[1] * 1000000 + t[2] + tonumber(redis.call('GET', 'ahead')) end\n"

func newClockFixture(t *testing.T) *clockFixture {
	t.Helper()
	p := pooltest.Redis(t, pool.Config{})
	c, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	f := &clockFixture{T: t, pools: p, client: c, lua: compile(settableClock)}
	f.setAhead(20 * 365 * 24 * time.Hour)
	return f
}

func (f *clockFixture) setAhead(d time.Duration) {
	f.Helper()
	require.NoError(f, f.client.Do(f.Context(), f.client.B().Set().Key("ahead").Value(strconv.FormatInt(d.Microseconds(), 10)).Build()).Error())
}

func (f *clockFixture) redisInt(args ...string) int64 {
	f.Helper()
	answer := pooltest.Do(f, f.pools, pool.Expiry, args...)
	if n, err := answer.AsInt64(); err == nil {
		return n
	}
	float, err := answer.AsFloat64()
	require.NoError(f, err)
	return int64(float)
}

func (f *clockFixture) schedule() *Schedule {
	f.Helper()
	triggers, err := NewSchedule(f.pools, pool.Expiry, f.pools.Layout().Trigger, "acme")
	require.NoError(f, err)
	triggers.lua = f.lua
	return triggers
}

func (f *clockFixture) listen(cfg Config, h Handler) (l *Listener, stop func()) {
	f.Helper()
	r := NewRegistry()
	require.NoError(f, r.On("x", h))
	cfg.Logger = slog.New(slog.DiscardHandler)
	l, err := NewListener(f.pools, r, cfg)
	require.NoError(f, err)
	for _, c := range l.consumers {
		c.lua = f.lua
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- l.Run(ctx) }()
	stop = func() {
		cancel()
		require.NoError(f, <-result)
	}
	f.Cleanup(cancel)
	return l, stop
}

func (f *clockFixture) eventually(done func() bool) {
	f.Helper()
	require.Eventually(f, done, 30*time.Second, 2*time.Millisecond)
}

// If the server's clock is set back by days, the lease of a dead worker and a
// retry are not delayed by days. The lease of a live worker stays valid, and a
// trigger fires when the clock reaches its time.
func TestClockSetBack(t *testing.T) {
	f := newClockFixture(t)
	const years = 20 * 365 * 24 * time.Hour
	const step = 48 * time.Hour
	now := func() int64 { return time.Now().Add(years).UnixMilli() }
	member := func(id string) string { return "1|acme:EXPTRIGGER:x:" + id }
	ran := make(chan string, 10)
	release := make(chan struct{})
	handler := func(_ context.Context, e Event) error {
		ran <- e.ID
		if e.ID == "long" {
			<-release
		}
		return nil
	}
	const lease = 2 * time.Second
	l, _ := f.listen(Config{Lease: lease}, handler)
	other, _ := f.listen(Config{Lease: lease}, handler)
	require.NoError(t, f.schedule().Set(context.Background(), "x", "long", 0))
	require.Equal(t, "long", <-ran)
	require.NoError(t, f.schedule().Set(context.Background(), "x", "trigger", time.Hour))
	for id, record := range map[string]string{"dead worker": "1 0 0 0 ", "retry": "1 1 0 1 no"} {
		f.redisInt("HSET", "%exp:status:x", member(id), record)
		f.redisInt("ZADD", "%exp:active:x", strconv.FormatInt(now()+time.Hour.Milliseconds(), 10), member(id))
	}
	f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:active:x") == 3 })

	f.setAhead(years - step)
	for _, id := range []string{"dead worker", "retry"} {
		left := func() int64 { return f.redisInt("ZSCORE", "%exp:active:x", member(id)) - now() + step.Milliseconds() }
		f.eventually(func() bool { return left() <= time.Hour.Milliseconds() })
		require.Greater(t, left(), (50 * time.Minute).Milliseconds(), id)
	}
	require.Greater(t, f.redisInt("ZSCORE", "%exp:due:x", "acme:EXPTRIGGER:x:trigger"), now(), "the trigger keeps its time")
	close(release)
	f.eventually(func() bool { return l.Stats().Succeeded+other.Stats().Succeeded == 1 })
	require.Zero(t, l.Stats().LeasesLost+other.Stats().LeasesLost)

	// The clock is set forward again: delayed work fires, and finished work is
	// not repeated.
	f.setAhead(years + 2*time.Hour)
	got := map[string]bool{}
	for range 3 {
		got[<-ran] = true
	}
	require.Equal(t, map[string]bool{"dead worker": true, "retry": true, "trigger": true}, got)
}

// A sweep that was recorded before the clock was set back does not count.
func TestSweepAfterClockSetBack(t *testing.T) {
	f := newClockFixture(t)
	l, _ := f.listen(Config{Sweep: 20 * time.Millisecond}, func(context.Context, Event) error { return nil })
	swept := func() int64 {
		text, err := f.client.Do(t.Context(), f.client.B().Get().Key("%exp:swept:x").Build()).AsInt64()
		if !rueidis.IsRedisNil(err) {
			require.NoError(t, err)
		}
		return text
	}
	f.eventually(func() bool { return swept() > 0 })
	before := swept()
	f.setAhead(0)
	f.eventually(func() bool { n := swept(); return n > 0 && n < before })
	require.Zero(t, l.Stats().Errors)
}

// A late reading is not a clock that was set back.
func TestClockReadings(t *testing.T) {
	at := func(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }
	var c clock
	_, found := c.read(100e6, at(1), at(11)) // 89 to 99 seconds ahead
	require.False(t, found)
	_, found = c.read(101e6, at(11), at(12))
	require.False(t, found, "the clock may have been read at the end of the first call")
	_, found = c.read(102e6, at(13), at(13))
	require.False(t, found)
	b, found := c.read(50e6, at(20), at(20))
	require.True(t, found)
	require.Equal(t, clockStep{59 * time.Second, 52 * time.Second}, b)
	_, found = c.read(1000e6, at(21), at(21))
	require.False(t, found, "the clock was set forward, not back")
}

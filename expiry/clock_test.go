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

// setting is a server whose clock the test sets, and listeners on it.
type setting struct {
	*testing.T
	pools  *pool.Pools
	client rueidis.Client
	lua    *scripts
}

// settable is a clock that goes by itself and is ahead of the server's by what
// a key says, in microseconds: years, so that the server ends no key.
const settable = "local function clock() local t = redis.call('TIME') return t[1] * 1000000 + t[2] + tonumber(redis.call('GET', 'ahead')) end\n"

func newSetting(t *testing.T) *setting {
	t.Helper()
	p := pooltest.Redis(t, pool.Config{})
	c, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	s := &setting{T: t, pools: p, client: c, lua: compile(settable)}
	s.ahead(20 * 365 * 24 * time.Hour)
	return s
}

func (s *setting) ahead(d time.Duration) {
	s.Helper()
	require.NoError(s, s.client.Do(s.Context(), s.client.B().Set().Key("ahead").Value(strconv.FormatInt(d.Microseconds(), 10)).Build()).Error())
}

func (s *setting) number(args ...string) int64 {
	s.Helper()
	answer := pooltest.Do(s, s.pools, pool.Expiry, args...)
	if n, err := answer.AsInt64(); err == nil {
		return n
	}
	f, err := answer.AsFloat64()
	require.NoError(s, err)
	return int64(f)
}

func (s *setting) schedule() *Schedule {
	s.Helper()
	triggers, err := NewSchedule(s.pools, pool.Expiry, s.pools.Layout().Trigger, "acme")
	require.NoError(s, err)
	triggers.lua = s.lua
	return triggers
}

func (s *setting) listen(cfg Config, h Handler) (l *Listener, stop func()) {
	s.Helper()
	r := NewRegistry()
	require.NoError(s, r.On("x", h))
	cfg.Logger = slog.New(slog.DiscardHandler)
	l, err := NewListener(s.pools, r, cfg)
	require.NoError(s, err)
	for _, c := range l.consumers {
		c.lua = s.lua
	}
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- l.Run(ctx) }()
	stop = func() {
		cancel()
		require.NoError(s, <-result)
	}
	s.Cleanup(cancel)
	return l, stop
}

func (s *setting) eventually(done func() bool) {
	s.Helper()
	require.Eventually(s, done, 30*time.Second, 2*time.Millisecond)
}

// When the server's clock is set back by days, a lease of a worker that died, and
// a retry, are not held up for days; the lease of a worker that lives stays, and
// a trigger comes at its time by the clock.
func TestAClockThatIsSetBack(t *testing.T) {
	s := newSetting(t)
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
	l, _ := s.listen(Config{Lease: lease}, handler)
	other, _ := s.listen(Config{Lease: lease}, handler)
	require.NoError(t, s.schedule().Set(context.Background(), "x", "long", 0))
	require.Equal(t, "long", <-ran)
	require.NoError(t, s.schedule().Set(context.Background(), "x", "trigger", time.Hour))
	for id, record := range map[string]string{"dead worker": "1 0 0 0 ", "retry": "1 1 0 1 no"} {
		s.number("HSET", "%exp:status:x", member(id), record)
		s.number("ZADD", "%exp:active:x", strconv.FormatInt(now()+time.Hour.Milliseconds(), 10), member(id))
	}
	s.eventually(func() bool { return s.number("ZCARD", "%exp:active:x") == 3 })

	s.ahead(years - step)
	s.eventually(func() bool { return l.Stats().Repaired+other.Stats().Repaired >= 2 })
	for _, id := range []string{"dead worker", "retry"} {
		left := s.number("ZSCORE", "%exp:active:x", member(id)) - now() + step.Milliseconds()
		require.LessOrEqual(t, left, time.Hour.Milliseconds(), id)
		require.Greater(t, left, (50 * time.Minute).Milliseconds(), id)
	}
	require.Greater(t, s.number("ZSCORE", "%exp:due:x", "acme:EXPTRIGGER:x:trigger"), now(), "triggers stay where they are")
	close(release)
	s.eventually(func() bool { return l.Stats().Succeeded+other.Stats().Succeeded == 1 })
	require.Zero(t, l.Stats().LeasesLost+other.Stats().LeasesLost)

	// Ahead again: what waited comes, and nothing that was done comes twice.
	s.ahead(years + 2*time.Hour)
	got := map[string]bool{}
	for range 3 {
		got[<-ran] = true
	}
	require.Equal(t, map[string]bool{"dead worker": true, "retry": true, "trigger": true}, got)
}

// A sweep that was noted before the clock was set back is none.
func TestASweepAfterTheClockWasSetBack(t *testing.T) {
	s := newSetting(t)
	l, _ := s.listen(Config{Sweep: 20 * time.Millisecond}, func(context.Context, Event) error { return nil })
	swept := func() int64 {
		text, err := s.client.Do(t.Context(), s.client.B().Get().Key("%exp:swept:x").Build()).AsInt64()
		if !rueidis.IsRedisNil(err) {
			require.NoError(t, err)
		}
		return text
	}
	s.eventually(func() bool { return swept() > 0 })
	before := swept()
	s.ahead(0)
	s.eventually(func() bool { n := swept(); return n > 0 && n < before })
	require.Zero(t, l.Stats().Errors)
}

// A clock that is read late is none that was set back.
func TestTheClockIsReadWithDoubt(t *testing.T) {
	at := func(s float64) time.Time { return epoch.Add(time.Duration(s * float64(time.Second))) }
	var c clock
	_, found := c.read(100e6, at(1), at(11)) // between 89 and 99 ahead
	require.False(t, found)
	_, found = c.read(101e6, at(11), at(12))
	require.False(t, found, "it may have been read at the end")
	_, found = c.read(102e6, at(13), at(13))
	require.False(t, found)
	b, found := c.read(50e6, at(20), at(20))
	require.True(t, found)
	require.Equal(t, clockStep{59 * time.Second, 52 * time.Second}, b)
	_, found = c.read(1000e6, at(21), at(21))
	require.False(t, found, "ahead is not back")
}

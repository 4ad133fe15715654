package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// newLogger returns a logger that writes to a buffer.
func newLogger(b *logBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (f *fixture) redisText(args ...string) string {
	f.Helper()
	text, err := f.send(args...).ToString()
	require.NoError(f, err)
	return text
}

// Whatever the scores of due are, work continues. If a score is invalid, the
// time in the trigger's key is used, or the entry becomes a dead letter.
func TestInvalidDueTimes(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for i, score := range []string{"-inf", "+inf", "1e300", "-1e300", "1.5"} {
			t.Run(score, func(t *testing.T) {
				f := newFixture(t, p)
				action := "x" + strconv.Itoa(i)
				require.NoError(t, f.schedule().SetPayload(ctx, action, "kept", "text", time.Hour))
				due := f.redisText("ZSCORE", "%exp:due:"+action, f.key(action, "kept"))
				f.redis("ZADD", "%exp:due:"+action, score, f.key(action, "kept"), score, f.key(action, "lost"))
				f.redis("HSET", "%exp:status:"+action, "-inf|"+f.key(action, "lost"), "1 0 0 0 ") // the status that a firing of that name would leave
				var log logBuffer
				l, _ := f.listen(expiry.Config{Sweep: 20 * time.Millisecond, Logger: newLogger(&log)}, handlers{action: f.record})
				f.waitForSentinel(action)
				f.eventually(func() bool { return f.redisText("ZSCORE", "%exp:due:"+action, f.key(action, "kept")) == due })
				f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:due:"+action) == 1 })
				f.eventually(func() bool { return l.Stats().Dead == 2 })
				require.Empty(t, f.ids())
				require.LessOrEqual(t, strings.Count(log.String(), "\n"), 3, log.String())
				require.NoError(t, f.schedule().Debounce(ctx, action, "kept", 0, 0))
				f.eventually(func() bool { return len(f.ids()) == 1 })
			})
		}
	})
}

// Leases and backoffs end, whatever their scores are.
func TestInvalidTimesOfFirings(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	for i, score := range []string{"+inf", "1e300", "-inf", "9000000000000000"} {
		f.redis("ZADD", "%exp:active:x", score, fmt.Sprintf("1|%s", f.key("x", strconv.Itoa(i))))
		f.redis("HSET", "%exp:status:x", fmt.Sprintf("1|%s", f.key("x", strconv.Itoa(i))), "1 0 0 "+strconv.Itoa(i%2)+" ")
	}
	f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
	f.eventually(func() bool { return len(f.ids()) == 4 })
	require.Equal(t, 2, f.events()[0].Attempt)
}

// scheduleKinds are the kinds of keys of a schedule.
var scheduleKinds = []string{"due", "active", "status", "payloads", "dead", "fired", "handled", "swept", "sweeping"}

// If a key of the schedule holds another type, the log names it once, and it is
// left alone. Other actions continue, and this one continues when the key is
// removed.
func TestKeysOfTheScheduleWithAnotherType(t *testing.T) {
	for _, kind := range scheduleKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, pooltest.Redis(t, pool.Config{}))
			require.NoError(t, f.schedule().SetPayload(ctx, "x", "before", "kept", time.Hour))
			key := "%exp:" + kind + ":x"
			f.redis("DEL", key)
			f.redis("RPUSH", key, "theirs")
			var log logBuffer
			l, _ := f.listen(expiry.Config{Sweep: 20 * time.Millisecond, Logger: newLogger(&log), MaxAttempts: 2}, handlers{
				"x": func(c context.Context, e expiry.Event) error {
					_ = f.record(c, e)
					if e.ID == "fails" {
						return errors.New("no")
					}
					return nil
				},
				"other": f.record,
			})
			f.waitForSentinel("other")
			f.waitForSentinel("other")
			harmless := kind == "handled" || kind == "swept" || kind == "sweeping"
			if !harmless {
				f.eventually(func() bool { return strings.Contains(log.String(), "key="+key) })
			}
			switch kind {
			case "fired", "handled", "swept", "sweeping":
				require.NoError(t, f.schedule().Set(ctx, "x", "fails", 0))
				f.eventually(func() bool { return l.Stats().Dead == 1 })
			case "dead":
				require.NoError(t, f.schedule().Set(ctx, "x", "fails", 0))
				f.eventually(func() bool { return l.Stats().Retried >= 2 })
			}
			require.EqualValues(t, 1, f.redisInt("LLEN", key))
			require.Negative(t, f.redisInt("PTTL", key))
			require.LessOrEqual(t, strings.Count(log.String(), "key="+key), 1)
			f.redis("DEL", key)
			if kind == "due" { // the trigger's key restores the entry
				f.eventually(func() bool { return f.redisInt("EXISTS", key) == 1 })
			}
			require.NoError(t, f.schedule().Debounce(ctx, "x", "before", 0, 0))
			f.eventually(func() bool {
				for _, e := range f.events() {
					if e.ID == "before" {
						return true
					}
				}
				return false
			})
			f.eventually(func() bool {
				return l.Stats().Running == 0 && f.redisInt("EXISTS", "%exp:active:x") == 0 || kind == "dead"
			})
		})
	}
}

// Calls that need such a key change nothing, and their errors name it.
func TestCallsNameTheKeyOfAnotherType(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for _, kind := range []string{"due", "payloads"} {
			f := newFixture(t, p)
			s, key := f.schedule(), "%exp:"+kind+":"+kind
			f.redis("SET", key, "theirs")
			calls := map[string]func() error{
				"Set":        func() error { return s.Set(ctx, kind, "1", time.Hour) },
				"SetPayload": func() error { return s.SetPayload(ctx, kind, "1", "text", time.Hour) },
				"Debounce":   func() error { return s.Debounce(ctx, kind, "1", time.Hour, time.Hour) },
				"Delete":     func() error { _, err := s.Delete(ctx, kind, "1"); return err },
			}
			if kind == "due" {
				calls["Due"] = func() error { _, err := s.Due(ctx, kind, "1"); return err }
			}
			for name, call := range calls {
				err := call()
				require.ErrorIs(t, err, expiry.ErrWrongType, name)
				require.ErrorContains(t, err, key, name)
				var op *expiry.OpError
				require.ErrorAs(t, err, &op)
				require.False(t, op.MaybeApplied(), name)
				require.Zero(t, f.redisInt("EXISTS", f.key(kind, "1")), name)
			}
			require.EqualValues(t, 6, f.redisInt("STRLEN", key))
		}
	})
}

// Thousands of invalid entries delay nothing, are counted, become dead letters
// and make a line in the log. A key that they name is left alone.
func TestInvalidEntriesBecomeDeadLetters(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	const n = 3000
	f.redis("SET", "somebody:else", "theirs", "PX", "3600000")
	f.redis("ZADD", "%exp:due:x", "1", "somebody:else", "1", f.key("y", "another action"), "1", "")
	for _, kind := range []string{"due", "active", "dead"} {
		f.redis("EVAL", "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], 1, 'garbage'..i) end return 1", "1", "%exp:"+kind+":x", strconv.Itoa(n))
	}
	for _, kind := range []string{"status", "payloads"} {
		f.redis("EVAL", "for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], KEYS[1]..i, 'garbage') end return 1", "1", "%exp:"+kind+":x", strconv.Itoa(n))
	}
	var log logBuffer
	l, _ := f.listen(expiry.Config{Sweep: 50 * time.Millisecond, Logger: newLogger(&log)}, handlers{"x": f.record, "y": f.record})
	f.waitForSentinel("x")
	f.eventually(func() bool { s := l.Stats(); return s.Pending == 0 && s.Dead >= 4*n && s.Invalid >= 4*n })
	f.waitForSentinel("x")
	f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:active:x") == 0 })
	require.LessOrEqual(t, strings.Count(log.String(), "\n"), 3, log.String())
	require.Empty(t, f.ids())
	require.EqualValues(t, 6, f.redisInt("STRLEN", "somebody:else"))
	letters := 0
	for e, err := range l.Dead(ctx) {
		require.Error(t, err)
		require.NoError(t, l.Discard(ctx, e))
		letters++
	}
	require.GreaterOrEqual(t, letters, 4*n)
	require.Zero(t, f.redisInt("EXISTS", "%exp:dead:x", "%exp:status:x"))
}

// If the score of a trigger is a valid time, but not its due time, the time in
// the trigger's key is used.
func TestWrongDueTimesAreRepaired(t *testing.T) {
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
		f.waitForSentinel("x")
		require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Hour))
		due := f.redisText("ZSCORE", "%exp:due:x", f.key("x", "1"))
		for _, score := range []string{"9000000000000000", "1", strconv.FormatInt(now()+7_200_000, 10)} {
			f.redis("ZADD", "%exp:due:x", score, f.key("x", "1"))
			f.eventually(func() bool { return f.redisText("ZSCORE", "%exp:due:x", f.key("x", "1")) == due })
		}
		require.Empty(t, f.ids())
	})
}

// A long name is read once. If each brace in it were searched again, the script
// would run for hours.
func TestLongInvalidNames(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{Layout: keyspace.Cluster()}))
	for _, piece := range []string{"{", ";due=1", "trigger:", "1"} {
		f.redis("ZADD", "%exp{s0}:due:x", "1", strings.Repeat(piece, 1<<20/len(piece)))
	}
	l, _ := f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
	f.eventually(func() bool { return l.Stats().Dead == 4 })
	f.waitForSentinel("x")
}

// Wake-up messages are hints. No message does harm.
func TestInvalidWakeUps(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		f.listen(expiry.Config{}, handlers{"x": f.record})
		f.waitForSentinel("x")
		for _, message := range []string{"", "x", "-1", "1e9", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "\x00", "0"} {
			f.redis("PUBLISH", "%exp:wake:x", message)
			f.waitForSentinel("x")
		}
	})
}

// Keys that look like triggers may hold anything, with any lifetime.
func TestKeysThatLookLikeTriggers(t *testing.T) {
	eachServer(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		f.redis("RPUSH", f.key("x", "list"), "1")
		f.redis("SET", f.key("x", "no end"), "garbage")
		f.redis("SET", f.key("x", "empty"), "", "PX", "3600000")
		f.redis("SET", f.key("x", "far"), "garbage", "PX", "9000000000000000")
		f.redis("SET", f.key("x", "numbers"), "trigger:;due="+strings.Repeat("9", 400)+";exp="+strings.Repeat("9", 400), "PX", "3600000")
		f.redis("SET", f.key("x", "first"), "trigger:a;id=b;first="+strings.Repeat("9", 400)+";pay=7:compactx", "PX", "3600000")
		l, _ := f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
		f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:due:x") >= 3 })
		for _, id := range []string{"empty", "numbers", "first"} {
			require.NoError(t, f.schedule().Debounce(ctx, "x", id, 0, 0))
		}
		f.eventually(func() bool { return len(f.ids()) == 3 })
		f.waitForSentinel("x")
		require.Zero(t, l.Stats().Errors)
		require.EqualValues(t, 1, f.redisInt("LLEN", f.key("x", "list")))
	})
}

// A sweep in the future and a lock without an expiry do not stop a listener
// from sweeping.
func TestInvalidSweepState(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	f.redis("SET", "%exp:swept:x", "9e99")
	f.redis("SET", "%exp:sweeping:x", "somebody")
	f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
	f.waitForSentinel("x")
	f.redis("ZADD", "%exp:due:x", "9e15", "garbage")
	f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:due:x") == 0 })
}

// If a connection swallows the server's replies, a handler's context ends with
// its lease, long before the renewal times out.
func TestSilentConnectionEndsTheHandler(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Server(t))
	f := newFixture(t, pooltest.Redis(t, pool.Config{URL: proxy.URL(), Timeout: 5 * time.Minute}))
	begun, ended := make(chan struct{}), make(chan error, 1)
	_, stop := f.listen(expiry.Config{Lease: 300 * time.Millisecond, StopTimeout: 100 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		if e.Attempt > 1 {
			return f.record(c, e)
		}
		close(begun)
		<-c.Done()
		ended <- context.Cause(c)
		return c.Err()
	}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
	<-begun
	proxy.SetFault(redistest.DropReplies)
	require.ErrorIs(t, <-ended, expiry.ErrLeaseLost)
	proxy.SetFault(redistest.Healthy)
	proxy.CloseConnections()
	f.eventually(func() bool { return len(f.events()) == 1 })
	require.Zero(t, f.events()[0].Failures)
	stop()
}

// panickingError is an error whose Error method panics on a nil pointer.
type panickingError struct{ text string }

func (e *panickingError) Error() string { return e.text }

// Whatever a handler does and returns, and whatever Backoff does, the worker
// continues.
func TestWorkersSurviveHandlersAndBackoff(t *testing.T) {
	for name, end := range map[string]func() error{
		"panics":    func() error { panic("no") },
		"exits":     func() error { runtime.Goexit(); return nil },
		"nil error": func() error { return (*panickingError)(nil) },
	} {
		for what, pause := range map[string]func(int, error) time.Duration{
			"":          func(int, error) time.Duration { return 0 },
			"negative":  func(int, error) time.Duration { return -1 << 63 },
			", panics":  func(int, error) time.Duration { panic("no") },
			", goes":    func(int, error) time.Duration { runtime.Goexit(); return 0 },
			", forever": func(int, error) time.Duration { return 1<<63 - 1 },
		} {
			t.Run(name+what, func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, pooltest.Redis(t, pool.Config{}))
				l, stop := f.listen(expiry.Config{Workers: 1, Backoff: pause}, handlers{"x": func(c context.Context, e expiry.Event) error {
					if e.ID == "bad" && e.Attempt == 1 {
						return end()
					}
					return f.record(c, e)
				}})
				require.NoError(t, f.schedule().Set(ctx, "x", "bad", 0))
				f.eventually(func() bool { return l.Stats().Retried == 1 })
				f.waitForSentinel("x")
				require.Zero(t, l.Stats().Running)
				stop()
			})
		}
	}
}

// A delay of 0 means now, and the shortest delay is a millisecond.
func TestZeroAndShortDelays(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		for name, set := range map[string]func(d time.Duration) error{
			"Set":              func(d time.Duration) error { return s.Set(ctx, "x", "Set", d) },
			"SetPayload":       func(d time.Duration) error { return s.SetPayload(ctx, "x", "SetPayload", 1, d) },
			"Debounce":         func(d time.Duration) error { return s.Debounce(ctx, "x", "Debounce", d, time.Hour) },
			"Debounce at most": func(d time.Duration) error { return s.Debounce(ctx, "x", "Debounce at most", d, d) },
		} {
			require.NoError(t, set(0), name)
			at, err := s.Due(ctx, "x", name)
			require.NoError(t, err, name)
			require.NoError(t, set(time.Microsecond), name)
			later, err := s.Due(ctx, "x", name)
			require.NoError(t, err, name)
			if name != "Debounce at most" { // its limit counts from the first call
				require.Greater(t, later, at, name)
			}
			require.ErrorIs(t, set(-time.Nanosecond), expiry.ErrInvalidTTL, name)
			require.NoError(t, set(0), name)
		}
		f.listen(expiry.Config{}, handlers{"x": f.record})
		f.eventually(func() bool { return len(f.ids()) == 4 })
	})
}

// If one of its scripts fails, DeleteAll reports that others were applied.
func TestDeleteAllWithPartialFailure(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	s := f.schedule()
	for i := range 20 {
		require.NoError(t, s.Set(ctx, "x"+strconv.Itoa(i), "1", time.Hour))
	}
	for i := range 10 {
		f.redis("SET", "%exp:payloads:x"+strconv.Itoa(i), "theirs")
	}
	n, err := s.DeleteAll(ctx, "1")
	require.ErrorIs(t, err, expiry.ErrWrongType)
	require.EqualValues(t, 10, n)
	var op *expiry.OpError
	require.ErrorAs(t, err, &op)
	require.True(t, op.MaybeApplied())

	n, err = s.DeleteAll(ctx, "1")
	require.ErrorIs(t, err, expiry.ErrWrongType)
	require.Zero(t, n)
	require.ErrorAs(t, err, &op)
	require.False(t, op.MaybeApplied(), "nothing was deleted")
}

func TestConfigHasUpperBounds(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	r := expiry.NewRegistry()
	require.NoError(t, r.On("x", f.record))
	for field, cfg := range map[string]expiry.Config{"Batch": {Batch: 1001}, "Workers": {Workers: 10_001}} {
		_, err := expiry.NewListener(f.pools, r, cfg)
		require.ErrorIs(t, err, expiry.ErrInvalidArgument)
		var mistake *expiry.ConfigError
		require.ErrorAs(t, err, &mistake)
		require.Equal(t, field, mistake.Field)
	}
}

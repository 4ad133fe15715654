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

// logger writes to a buffer.
func logger(b *buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

func (w *world) text(args ...string) string {
	w.Helper()
	text, err := pooltest.Do(w, w.pools, pool.Expiry, args...).ToString()
	require.NoError(w, err)
	return text
}

// Whatever scores stand in a schedule, work goes on, and what a score says
// nothing of is told by the trigger's key, or set aside.
func TestScoresThatAreNoTimes(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for i, score := range []string{"-inf", "+inf", "1e300", "-1e300", "1.5"} {
			t.Run(score, func(t *testing.T) {
				w := newWorld(t, p)
				action := "x" + strconv.Itoa(i)
				require.NoError(t, w.schedule().SetPayload(ctx, action, "kept", "text", time.Hour))
				due := w.text("ZSCORE", "%exp:due:"+action, w.key(action, "kept"))
				w.do("ZADD", "%exp:due:"+action, score, w.key(action, "kept"), score, w.key(action, "lost"))
				w.do("HSET", "%exp:status:"+action, "-inf|"+w.key(action, "lost"), "1 0 0 0 ") // what a firing of that name would leave
				var log buffer
				l, _ := w.listen(expiry.Config{Sweep: 20 * time.Millisecond, Logger: logger(&log)}, handlers{action: w.note})
				w.settled(action)
				w.eventually(func() bool { return w.text("ZSCORE", "%exp:due:"+action, w.key(action, "kept")) == due })
				w.eventually(func() bool { return w.number("ZCARD", "%exp:due:"+action) == 1 })
				w.eventually(func() bool { return l.Stats().Dead == 2 })
				require.Empty(t, w.ids())
				require.LessOrEqual(t, strings.Count(log.String(), "\n"), 3, log.String())
				require.NoError(t, w.schedule().Debounce(ctx, action, "kept", 0, 0))
				w.eventually(func() bool { return len(w.ids()) == 1 })
			})
		}
	})
}

// Leases and backoffs end some time, whatever their scores say.
func TestFiringsThatNeverComeBack(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	for i, score := range []string{"+inf", "1e300", "-inf", "9000000000000000"} {
		w.do("ZADD", "%exp:active:x", score, fmt.Sprintf("1|%s", w.key("x", strconv.Itoa(i))))
		w.do("HSET", "%exp:status:x", fmt.Sprintf("1|%s", w.key("x", strconv.Itoa(i))), "1 0 0 "+strconv.Itoa(i%2)+" ")
	}
	w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
	w.eventually(func() bool { return len(w.ids()) == 4 })
	require.Equal(t, 2, w.ran()[0].Attempt)
}

// coordination are the keys beside the triggers of an action.
var coordination = []string{"due", "active", "status", "payloads", "dead", "fired", "handled", "swept", "sweeping"}

// A key of the schedule that holds another type is named in the log, once, and
// stays as it is. Other actions go on, and so does this one once it is gone.
func TestKeysOfAnotherType(t *testing.T) {
	for _, kind := range coordination {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, pooltest.Redis(t, pool.Config{}))
			require.NoError(t, w.schedule().SetPayload(ctx, "x", "before", "kept", time.Hour))
			key := "%exp:" + kind + ":x"
			w.do("DEL", key)
			w.do("RPUSH", key, "theirs")
			var log buffer
			l, _ := w.listen(expiry.Config{Sweep: 20 * time.Millisecond, Logger: logger(&log), MaxAttempts: 2}, handlers{
				"x": func(c context.Context, e expiry.Event) error {
					_ = w.note(c, e)
					if e.ID == "fails" {
						return errors.New("no")
					}
					return nil
				},
				"other": w.note,
			})
			w.settled("other")
			w.settled("other")
			harmless := kind == "handled" || kind == "swept" || kind == "sweeping"
			if !harmless {
				w.eventually(func() bool { return strings.Contains(log.String(), "key="+key) })
			}
			switch kind {
			case "fired", "handled", "swept", "sweeping":
				require.NoError(t, w.schedule().Set(ctx, "x", "fails", 0))
				w.eventually(func() bool { return l.Stats().Dead == 1 })
			case "dead":
				require.NoError(t, w.schedule().Set(ctx, "x", "fails", 0))
				w.eventually(func() bool { return l.Stats().Retried >= 2 })
			}
			require.EqualValues(t, 1, w.number("LLEN", key))
			require.Negative(t, w.number("PTTL", key))
			require.LessOrEqual(t, strings.Count(log.String(), "key="+key), 1)
			w.do("DEL", key)
			if kind == "due" { // a key that is there tells what was in it
				w.eventually(func() bool { return w.number("EXISTS", key) == 1 })
			}
			require.NoError(t, w.schedule().Debounce(ctx, "x", "before", 0, 0))
			w.eventually(func() bool {
				for _, e := range w.ran() {
					if e.ID == "before" {
						return true
					}
				}
				return false
			})
			w.eventually(func() bool {
				return l.Stats().Running == 0 && w.number("EXISTS", "%exp:active:x") == 0 || kind == "dead"
			})
		})
	}
}

// Calls that meet such a key change nothing, and name it.
func TestCallsNameTheKeyOfAnotherType(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for _, kind := range []string{"due", "payloads"} {
			w := newWorld(t, p)
			s, key := w.schedule(), "%exp:"+kind+":"+kind
			w.do("SET", key, "theirs")
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
				require.Zero(t, w.number("EXISTS", w.key(kind, "1")), name)
			}
			require.EqualValues(t, 6, w.number("STRLEN", key))
		}
	})
}

// Thousands of entries that are none hold nobody up, are counted and set aside,
// and make a line in the log. A key that they name is not touched.
func TestGarbageIsSetAside(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	const n = 3000
	w.do("SET", "somebody:else", "theirs", "PX", "3600000")
	w.do("ZADD", "%exp:due:x", "1", "somebody:else", "1", w.key("y", "another action"), "1", "")
	for _, kind := range []string{"due", "active", "dead"} {
		w.do("EVAL", "for i = 1, ARGV[1] do redis.call('ZADD', KEYS[1], 1, 'garbage'..i) end return 1", "1", "%exp:"+kind+":x", strconv.Itoa(n))
	}
	for _, kind := range []string{"status", "payloads"} {
		w.do("EVAL", "for i = 1, ARGV[1] do redis.call('HSET', KEYS[1], KEYS[1]..i, 'garbage') end return 1", "1", "%exp:"+kind+":x", strconv.Itoa(n))
	}
	var log buffer
	l, _ := w.listen(expiry.Config{Sweep: 50 * time.Millisecond, Logger: logger(&log)}, handlers{"x": w.note, "y": w.note})
	w.settled("x")
	w.eventually(func() bool { s := l.Stats(); return s.Pending == 0 && s.Dead >= 4*n && s.Invalid >= 4*n })
	w.settled("x")
	w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x") == 0 })
	require.LessOrEqual(t, strings.Count(log.String(), "\n"), 3, log.String())
	require.Empty(t, w.ids())
	require.EqualValues(t, 6, w.number("STRLEN", "somebody:else"))
	letters := 0
	for e, err := range l.Dead(ctx) {
		require.Error(t, err)
		require.NoError(t, l.Discard(ctx, e))
		letters++
	}
	require.GreaterOrEqual(t, letters, 4*n)
	require.Zero(t, w.number("EXISTS", "%exp:dead:x", "%exp:status:x"))
}

// A score that is a time, but not the trigger's, does not hold the trigger up: its
// value tells when it is due.
func TestScoresOfAnotherTime(t *testing.T) {
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
		w.settled("x")
		require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Hour))
		due := w.text("ZSCORE", "%exp:due:x", w.key("x", "1"))
		for _, score := range []string{"9000000000000000", "1", strconv.FormatInt(now()+7_200_000, 10)} {
			w.do("ZADD", "%exp:due:x", score, w.key("x", "1"))
			w.eventually(func() bool { return w.text("ZSCORE", "%exp:due:x", w.key("x", "1")) == due })
		}
		require.Empty(t, w.ids())
	})
}

// A long name costs one look at it: where each brace of it cost one, the script
// would run for hours.
func TestGarbageThatIsSlowToRead(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{Layout: keyspace.Cluster()}))
	for _, piece := range []string{"{", ";due=1", "trigger:", "1"} {
		w.do("ZADD", "%exp{s0}:due:x", "1", strings.Repeat(piece, 1<<20/len(piece)))
	}
	l, _ := w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
	w.eventually(func() bool { return l.Stats().Dead == 4 })
	w.settled("x")
}

// Messages on the channel of wake-ups are hints: none does harm.
func TestGarbageOnTheWakeUpChannel(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		w.listen(expiry.Config{}, handlers{"x": w.note})
		w.settled("x")
		for _, message := range []string{"", "x", "-1", "1e9", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "\x00", "0"} {
			w.do("PUBLISH", "%exp:wake:x", message)
			w.settled("x")
		}
	})
}

// Keys that look like triggers may hold anything, and live as long as they like.
func TestKeysThatLookLikeTriggers(t *testing.T) {
	servers(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		w.do("RPUSH", w.key("x", "list"), "1")
		w.do("SET", w.key("x", "no end"), "garbage")
		w.do("SET", w.key("x", "empty"), "", "PX", "3600000")
		w.do("SET", w.key("x", "far"), "garbage", "PX", "9000000000000000")
		w.do("SET", w.key("x", "numbers"), "trigger:;due="+strings.Repeat("9", 400)+";exp="+strings.Repeat("9", 400), "PX", "3600000")
		w.do("SET", w.key("x", "first"), "trigger:a;id=b;first="+strings.Repeat("9", 400)+";pay=7:compactx", "PX", "3600000")
		l, _ := w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
		w.eventually(func() bool { return w.number("ZCARD", "%exp:due:x") >= 3 })
		for _, id := range []string{"empty", "numbers", "first"} {
			require.NoError(t, w.schedule().Debounce(ctx, "x", id, 0, 0))
		}
		w.eventually(func() bool { return len(w.ids()) == 3 })
		w.settled("x")
		require.Zero(t, l.Stats().Errors)
		require.EqualValues(t, 1, w.number("LLEN", w.key("x", "list")))
	})
}

// A note of a sweep from the future, and a turn that never ends, do not keep a
// listener from sweeping.
func TestSweepsThatOthersPretend(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	w.do("SET", "%exp:swept:x", "9e99")
	w.do("SET", "%exp:sweeping:x", "somebody")
	w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
	w.settled("x")
	w.do("ZADD", "%exp:due:x", "9e15", "garbage")
	w.eventually(func() bool { return w.number("ZCARD", "%exp:due:x") == 0 })
}

// While a link swallows what the server answers, a handler's context ends with
// its lease, long before the call that renews it would.
func TestASilentLinkEndsTheHandler(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Server(t))
	w := newWorld(t, pooltest.Redis(t, pool.Config{URL: proxy.URL(), Timeout: 5 * time.Minute}))
	begun, ended := make(chan struct{}), make(chan error, 1)
	_, stop := w.listen(expiry.Config{Lease: 300 * time.Millisecond, StopTimeout: 100 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		if e.Attempt > 1 {
			return w.note(c, e)
		}
		close(begun)
		<-c.Done()
		ended <- context.Cause(c)
		return c.Err()
	}})
	require.NoError(t, w.schedule().Set(ctx, "x", "1", 0))
	<-begun
	proxy.SetFault(redistest.DropReplies)
	require.ErrorIs(t, <-ended, expiry.ErrLeaseLost)
	proxy.SetFault(redistest.Healthy)
	proxy.CloseConnections()
	w.eventually(func() bool { return len(w.ran()) == 1 })
	require.Zero(t, w.ran()[0].Failures)
	stop()
}

// nilError is an error whose text cannot be had.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

// Whatever a handler does and returns, and whatever Backoff does, the worker
// goes on.
func TestHandlersThatEndBadly(t *testing.T) {
	for name, end := range map[string]func() error{
		"panics":    func() error { panic("no") },
		"exits":     func() error { runtime.Goexit(); return nil },
		"nil error": func() error { return (*nilError)(nil) },
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
				w := newWorld(t, pooltest.Redis(t, pool.Config{}))
				l, stop := w.listen(expiry.Config{Workers: 1, Backoff: pause}, handlers{"x": func(c context.Context, e expiry.Event) error {
					if e.ID == "bad" && e.Attempt == 1 {
						return end()
					}
					return w.note(c, e)
				}})
				require.NoError(t, w.schedule().Set(ctx, "x", "bad", 0))
				w.eventually(func() bool { return l.Stats().Retried == 1 })
				w.settled("x")
				require.Zero(t, l.Stats().Running)
				stop()
			})
		}
	}
}

// Nothing is sooner than now, and the least delay is a millisecond.
func TestDelays(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		s := w.schedule()
		for name, set := range map[string]func(d time.Duration) error{
			"Set":              func(d time.Duration) error { return s.Set(ctx, "x", "Set", d) },
			"SetPayload":       func(d time.Duration) error { return s.SetPayload(ctx, "x", "SetPayload", 1, d) },
			"Debounce":         func(d time.Duration) error { return s.Debounce(ctx, "x", "Debounce", d, time.Hour) },
			"Debounce at most": func(d time.Duration) error { return s.Debounce(ctx, "x", "Debounce at most", time.Hour, d) },
		} {
			require.NoError(t, set(0), name)
			at, err := s.Due(ctx, "x", name)
			require.NoError(t, err, name)
			require.NoError(t, set(time.Nanosecond), name)
			later, err := s.Due(ctx, "x", name)
			require.NoError(t, err, name)
			if name != "Debounce at most" { // its limit counts from the first
				require.Greater(t, later, at, name)
			}
			require.ErrorIs(t, set(-time.Nanosecond), expiry.ErrInvalidTTL, name)
			require.NoError(t, set(0), name)
		}
		w.listen(expiry.Config{}, handlers{"x": w.note})
		w.eventually(func() bool { return len(w.ids()) == 4 })
	})
}

// A call of several steps that fails in one of them says that others were
// applied.
func TestDeleteAllSaysWhatItDid(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	s := w.schedule()
	for i := range 20 {
		require.NoError(t, s.Set(ctx, "x"+strconv.Itoa(i), "1", time.Hour))
	}
	for i := range 10 {
		w.do("SET", "%exp:payloads:x"+strconv.Itoa(i), "theirs")
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
	w := newWorld(t, pooltest.Embedded(t))
	r := expiry.NewRegistry()
	require.NoError(t, r.On("x", w.note))
	for field, cfg := range map[string]expiry.Config{"Batch": {Batch: 1001}, "Workers": {Workers: 10_001}} {
		_, err := expiry.NewListener(w.pools, r, cfg)
		require.ErrorIs(t, err, expiry.ErrInvalidArgument)
		var mistake *expiry.ConfigError
		require.ErrorAs(t, err, &mistake)
		require.Equal(t, field, mistake.Field)
	}
}

package expiry_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// recurringFixture has a listener whose handler waits until the test lets it
// return.
type recurringFixture struct {
	*fixture
	listener *expiry.Listener
	begun    chan expiry.Event
	result   chan error
}

func newRecurringFixture(t *testing.T, p *pool.Pools, cfg expiry.Config) *recurringFixture {
	t.Helper()
	cfg.StopTimeout = time.Millisecond
	f := &recurringFixture{newFixture(t, p), nil, make(chan expiry.Event), make(chan error)}
	f.listener, _ = f.listen(cfg, handlers{"x": func(c context.Context, e expiry.Event) error {
		select {
		case f.begun <- e:
		case <-c.Done():
			return context.Cause(c)
		}
		select {
		case err := <-f.result:
			return err
		case <-c.Done():
			return context.Cause(c)
		}
	}})
	return f
}

// begin makes the trigger due now and returns the event of its handler.
func (f *recurringFixture) begin() expiry.Event {
	f.Helper()
	require.NoError(f, f.schedule().Debounce(ctx, "x", "1", 0, 0))
	return <-f.begun
}

// end lets the handler return, and waits until that is recorded.
func (f *recurringFixture) end(err error) {
	f.Helper()
	f.result <- err
	f.eventually(func() bool { return len(f.list(expiry.StateRunning)) == 0 })
}

func (f *recurringFixture) list(states ...expiry.State) (all []expiry.Entry) {
	f.Helper()
	for e, err := range f.schedule().List(ctx, states...) {
		require.NoError(f, err)
		all = append(all, e)
	}
	return all
}

func (f *recurringFixture) due() time.Time {
	f.Helper()
	at, err := f.schedule().Due(ctx, "x", "1")
	require.NoError(f, err)
	return at
}

func (f *recurringFixture) rule() string {
	f.Helper()
	r, err := f.schedule().Rule(ctx, "x", "1")
	require.NoError(f, err)
	return r.String()
}

// requireEnded checks that nothing is left of the trigger.
func (f *recurringFixture) requireEnded() {
	f.Helper()
	_, err := f.schedule().Due(ctx, "x", "1")
	require.ErrorIs(f, err, expiry.ErrNotFound)
	_, err = f.schedule().Rule(ctx, "x", "1")
	require.ErrorIs(f, err, expiry.ErrNotFound)
	require.Empty(f, f.list())
	require.Zero(f, f.redisInt("EXISTS", f.scheduleKey("payloads", "x", "1")), "a payload is left")
	require.Zero(f, f.redisInt("EXISTS", f.key("x", "1")), "the key is left")
}

func text(t *testing.T, e expiry.Event) (s string) {
	t.Helper()
	require.NoError(t, e.Decode(&s))
	return s
}

// A recurring trigger fires again and again, with its payload, on the grid of
// its due times. Due and List show the next time and the rule at all times.
func TestRecurringTriggersGoOn(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{})
		set := time.Now()
		require.NoError(t, f.schedule().SetPayloadEvery(ctx, "x", "1", "hi", time.Hour))
		require.WithinDuration(t, set.Add(time.Hour), f.due(), 30*time.Second)
		for range 3 {
			e := f.begin()
			require.Equal(t, 1, e.Attempt)
			require.Equal(t, "hi", text(t, e))
			require.Equal(t, expiry.Rule{Every: time.Hour}, e.Rule)
			require.Equal(t, e.DueAt.Add(time.Hour), f.due(), "while the handler runs")
			require.Equal(t, "every 1h0m0s", f.rule())
			running := f.list()
			require.Len(t, running, 1)
			require.Equal(t, expiry.StateRunning, running[0].State)
			require.Equal(t, expiry.Rule{Every: time.Hour}, running[0].Rule)
			f.end(nil)
			require.Equal(t, e.DueAt.Add(time.Hour), f.due(), "counted from the due time")
			require.Equal(t, "every 1h0m0s", f.rule())
			pending := f.list()
			require.Len(t, pending, 1)
			require.Equal(t, expiry.StatePending, pending[0].State)
			require.Equal(t, e.DueAt.Add(time.Hour), pending[0].DueAt)
			require.Equal(t, expiry.Rule{Every: time.Hour}, pending[0].Rule)
			require.Equal(t, "hi", text(t, pending[0].Event))
		}
		deleted, err := f.schedule().Delete(ctx, "x", "1")
		require.NoError(t, err)
		require.True(t, deleted)
		f.requireEnded()
	})
}

func TestCronTriggersGoOn(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{})
		require.NoError(t, f.schedule().SetCron(ctx, "x", "1", "30  2 29 FEB *", "Europe/Berlin"))
		due := f.due()
		require.Equal(t, "02-29 01:30", due.UTC().Format("01-02 15:04"))
		e := f.begin()
		require.Equal(t, expiry.Rule{Cron: "30 2 29 FEB *", Zone: "Europe/Berlin"}, e.Rule)
		require.False(t, e.HasPayload())
		f.end(nil)
		require.Equal(t, due, f.due())
		require.Equal(t, "30 2 29 FEB * Europe/Berlin", f.rule())
		require.NoError(t, f.schedule().SetPayloadCron(ctx, "x", "1", "hi", "@every 90m", ""))
		require.Equal(t, "every 1h30m0s", f.rule())
		require.Equal(t, "hi", text(t, f.begin()))
		f.end(nil)
	})
}

// What happens while the handler runs wins over the acknowledgement.
func TestRulesChangeWhileTheHandlerRuns(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{})
		s := f.schedule()
		require.NoError(t, s.SetPayloadEvery(ctx, "x", "1", "first", time.Hour))

		f.begin()
		require.NoError(t, s.SetPayloadEvery(ctx, "x", "1", "second", 2*time.Hour))
		due := f.due()
		require.WithinDuration(t, time.Now().Add(2*time.Hour), due, time.Minute)
		f.end(nil)
		require.Equal(t, due, f.due(), "the new rule counts from when it was set")
		require.Equal(t, "every 2h0m0s", f.rule())

		e := f.begin()
		require.Equal(t, "second", text(t, e))
		require.NoError(t, s.SetPayloadEvery(ctx, "x", "1", "third", 2*time.Hour)) // the same rule
		f.end(nil)
		require.Equal(t, e.DueAt.Add(2*time.Hour), f.due(), "the same rule changes no time")

		e = f.begin()
		require.Equal(t, "third", text(t, e))
		require.NoError(t, s.Debounce(ctx, "x", "1", 0, 0))
		f.result <- nil
		e = <-f.begun // right after it
		require.Equal(t, "third", text(t, e))
		require.Equal(t, "every 2h0m0s", f.rule())
		f.end(nil)
		require.Equal(t, e.DueAt.Add(2*time.Hour), f.due())

		f.begin()
		require.NoError(t, s.Set(ctx, "x", "1", time.Hour)) // once
		f.end(nil)
		_, err := s.Rule(ctx, "x", "1")
		require.ErrorIs(t, err, expiry.ErrNotFound)
		require.Empty(t, f.begin().Rule)
		f.end(nil)
		f.requireEnded()

		for _, payload := range []bool{false, true} {
			require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
			if payload {
				require.NoError(t, s.SetPayloadEvery(ctx, "x", "1", "fourth", time.Hour))
			}
			f.begin()
			deleted, err := s.Delete(ctx, "x", "1")
			require.NoError(t, err)
			require.True(t, deleted)
			_, err = s.Due(ctx, "x", "1")
			require.ErrorIs(t, err, expiry.ErrNotFound)
			deleted, err = s.Delete(ctx, "x", "1")
			require.NoError(t, err)
			require.False(t, deleted)
			f.end(nil)
			f.requireEnded()
		}

		require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
		f.begin()
		n, err := s.DeleteAll(ctx, "1")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		f.end(nil)
		f.requireEnded()

		require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
		f.begin()
		require.NoError(t, s.SetEvery(ctx, "x", "1", 2*time.Hour))
		_, err = s.Delete(ctx, "x", "1") // the new rule and the running firing
		require.NoError(t, err)
		f.end(nil)
		f.requireEnded()
	})
}

// Set, SetEvery and SetCron replace a trigger. The same rule keeps the time.
func TestRulesReplaceEachOther(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{})
		s := f.schedule()
		require.NoError(t, s.SetPayload(ctx, "x", "1", "once", time.Minute))
		require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
		first := f.due()
		require.False(t, f.list()[0].HasPayload())
		<-time.After(2 * time.Millisecond) // so that a time that is counted from now differs
		require.NoError(t, s.SetPayloadEvery(ctx, "x", "1", "hi", time.Hour))
		require.Equal(t, first, f.due())
		require.Equal(t, "hi", text(t, f.list()[0].Event))
		require.NoError(t, s.Debounce(ctx, "x", "1", 30*time.Minute, time.Hour))
		moved := f.due()
		require.True(t, moved.Before(first))
		require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
		require.Equal(t, moved, f.due())
		require.NoError(t, s.SetEvery(ctx, "x", "1", 2*time.Hour))
		require.True(t, f.due().After(first))
		require.NoError(t, s.SetCron(ctx, "x", "1", "0 0 1 1 *", "UTC"))
		require.Equal(t, "01-01 00:00", f.due().UTC().Format("01-02 15:04"))

		absent := s.With(expiry.IfAbsent())
		require.ErrorIs(t, absent.SetEvery(ctx, "x", "1", time.Hour), expiry.ErrExists)
		f.begin()
		require.ErrorIs(t, absent.SetEvery(ctx, "x", "1", time.Hour), expiry.ErrExists, "it exists while its handler runs")
		require.ErrorIs(t, absent.Set(ctx, "x", "1", time.Hour), expiry.ErrExists)
		require.NoError(t, s.With(expiry.IfExists()).SetEvery(ctx, "x", "1", 3*time.Hour))
		f.end(nil)
		require.Equal(t, "every 3h0m0s", f.rule())
		require.NoError(t, s.Set(ctx, "x", "1", time.Minute))
		_, err := s.Rule(ctx, "x", "1")
		require.ErrorIs(t, err, expiry.ErrNotFound)
		_, err = s.Delete(ctx, "x", "1")
		require.NoError(t, err)
		require.ErrorIs(t, s.With(expiry.IfExists()).SetEvery(ctx, "x", "1", time.Hour), expiry.ErrNotFound)
		require.NoError(t, absent.SetEvery(ctx, "x", "1", time.Hour))
	})
}

// A firing that fails is repeated, and then the trigger goes on. A dead letter
// does not end it, and its retry does not set the trigger.
func TestFailuresDoNotEndARecurringTrigger(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{})
		s := f.schedule()
		require.NoError(t, s.SetPayloadEvery(ctx, "x", "1", "hi", time.Hour))
		e := f.begin()
		f.result <- errors.New("busy")
		again := <-f.begun
		require.Equal(t, e.DueAt, again.DueAt)
		require.Equal(t, 2, again.Attempt)
		f.end(nil)
		require.Equal(t, e.DueAt.Add(time.Hour), f.due())

		e = f.begin()
		f.end(expiry.GiveUp(errors.New("broken")))
		require.Equal(t, e.DueAt.Add(time.Hour), f.due())
		require.Equal(t, "every 1h0m0s", f.rule())
		letters := deadLetters(t, f.listener)
		require.Len(t, letters, 1)
		require.Empty(t, letters[0].Rule)
		require.Equal(t, "hi", text(t, letters[0]))
		pending := f.list(expiry.StatePending)
		require.Len(t, pending, 1)
		require.Equal(t, "hi", text(t, pending[0].Event))

		_, err := s.Delete(ctx, "x", "1")
		require.NoError(t, err)
		require.NoError(t, f.listener.Retry(ctx, letters[0]))
		require.Equal(t, "hi", text(t, <-f.begun))
		f.end(nil)
		f.requireEnded()

		require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
		f.begin()
		_, err = s.Delete(ctx, "x", "1")
		require.NoError(t, err)
		f.end(expiry.GiveUp(errors.New("broken")))
		_, err = s.Due(ctx, "x", "1")
		require.ErrorIs(t, err, expiry.ErrNotFound, "it was deleted before the dead letter")
	})
}

// Work whose lease expires too often becomes a dead letter, and the trigger
// goes on.
func TestExpiredLeasesDoNotEndARecurringTrigger(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{MaxExpiredLeases: 2})
		require.NoError(t, f.schedule().SetPayloadEvery(ctx, "x", "1", "hi", time.Hour))
		e := f.begin()
		for range 2 {
			setLeaseEnd(f.fixture, "x", "1", "1")
			if again := f.next(); again != nil {
				require.Equal(t, e.DueAt, again.DueAt)
				require.Equal(t, 1, again.ExpiredLeases)
			}
		}
		f.eventually(func() bool { return len(f.list(expiry.StateDead)) == 1 })
		require.Equal(t, e.DueAt.Add(time.Hour), f.due())
		letter := deadLetters(t, f.listener)[0]
		require.Equal(t, "its lease expired 2 times", letter.LastError)
		require.Equal(t, "hi", text(t, letter))
	})
}

// next returns the next event, or nil if a dead letter comes first.
func (f *recurringFixture) next() (e *expiry.Event) {
	f.Helper()
	f.eventually(func() bool {
		select {
		case event := <-f.begun:
			e = &event
			return true
		default:
			return len(f.list(expiry.StateDead)) > 0
		}
	})
	return e
}

// A rule that this version cannot read does not run and is not lost, however
// often it was tried.
func TestUnreadableRulesAreKept(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		f := newRecurringFixture(t, p, expiry.Config{MaxAttempts: 2, MaxExpiredLeases: 1})
		s := f.schedule()
		for _, rule := range []string{"monthly 3", "cron Nowhere/Town 0 0 * * *", "cron UTC nonsense", "cron UTC 0 0 30 2 *"} {
			require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
			payloads := f.scheduleKey("payloads", "x", "1")
			stored := "@" + strconv.Itoa(len(rule)) + ":" + rule
			f.redis("HSET", payloads, "-|"+f.key("x", "1"), stored)
			require.NoError(t, s.Debounce(ctx, "x", "1", 0, 0))
			var waiting expiry.Entry
			f.eventually(func() bool {
				for e, err := range s.List(ctx, expiry.StateWaiting) {
					if waiting = e; err != nil && !errors.Is(err, expiry.ErrInvalidSchedule) {
						return false
					}
				}
				return waiting.Failures > 3
			})
			require.Contains(t, waiting.LastError, "invalid schedule")
			require.Empty(t, deadLetters(t, f.listener))
			require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour), "the mend")
			text, err := f.send("HKEYS", payloads).AsStrSlice()
			require.NoError(t, err)
			for _, field := range text {
				if field != "-|"+f.key("x", "1") {
					f.redis("HSET", payloads, field, "@11:every 60000")
				}
			}
			<-f.begun
			f.end(nil)
			require.Equal(t, "every 1h0m0s", f.rule())
			_, err = s.Delete(ctx, "x", "1")
			require.NoError(t, err)
			f.requireEnded()
		}
	})
}

// A period that passed a thousand times has not drifted, although every firing
// and every acknowledgement is late.
func TestRecurringTriggersDoNotDrift(t *testing.T) {
	p, clock := embedded.New(t)
	f := newFixture(t, p)
	l := f.listener(expiry.Config{}, handlers{"x": f.record, "cron": f.record})
	clock.Go(l.Run)
	start := clock.Now()
	const every = 10 * time.Minute
	require.NoError(t, f.schedule().SetPayloadEvery(ctx, "x", "1", "hi", every))
	for i := range 1000 {
		clock.Advance(every + time.Duration(1-i%2*2)*59*time.Second) // every other firing is late
		require.NoError(t, clock.Settle(ctx))
	}
	all := f.events()
	require.Len(t, all, 1000)
	for i, e := range all {
		require.Equal(t, start.Add(time.Duration(i+1)*every).UnixMilli(), e.DueAt.UnixMilli())
		require.Equal(t, 1, e.Attempt)
		require.Equal(t, "hi", text(t, e))
	}
}

// What a dead fleet missed fires once, with the time that was missed first, and
// so does what was missed while a handler ran.
func TestADeadFleetFiresOnce(t *testing.T) {
	p, clock := embedded.New(t)
	f := newFixture(t, p)
	s := f.schedule()
	start := clock.Now()
	require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour))
	require.NoError(t, s.SetCron(ctx, "cron", "1", "0 3 * * *", "America/New_York"))
	first, err := s.Due(ctx, "cron", "1")
	require.NoError(t, err)
	for range 5 {
		clock.Advance(24*time.Hour + 7*time.Minute)
	}
	require.NoError(t, s.SetEvery(ctx, "x", "1", time.Hour), "a program that starts sets it again")
	require.NoError(t, s.SetCron(ctx, "cron", "1", "0 3 * * *", "America/New_York"))
	l := f.listener(expiry.Config{}, handlers{"x": f.record, "cron": f.record})
	clock.Go(l.Run)
	require.NoError(t, clock.Settle(ctx))
	all := f.events()
	require.Len(t, all, 2)
	for _, e := range all {
		want := start.Add(time.Hour)
		if e.Action == "cron" {
			want = first
		}
		require.Equal(t, want.UnixMilli(), e.DueAt.UnixMilli())
		due, err := s.Due(ctx, e.Action, "1")
		require.NoError(t, err)
		require.True(t, due.After(clock.Now()))
		if e.Action == "x" {
			require.Zero(t, due.Sub(want)%time.Hour, "the grid has moved")
		}
	}
	clock.Advance(24 * time.Hour)
	require.NoError(t, clock.Settle(ctx))
	require.Len(t, f.events(), 4)
}

// With the layout of Python, a recurring trigger needs a listener.
func TestRecurringTriggersWithThePythonLayout(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	f := newFixture(t, p)
	f.layout = keyspace.Python(keyspace.AllowAmbiguous)
	s := f.schedule()
	require.ErrorIs(t, s.SetEvery(ctx, "x", "u:1", time.Hour), expiry.ErrUnsupported)
	require.ErrorIs(t, s.SetCron(ctx, "x", "u:1", "0 0 * * *", ""), expiry.ErrUnsupported)
	require.Zero(t, f.redisInt("DBSIZE"))
	f.listen(expiry.Config{}, handlers{"x": f.record})
	f.eventually(func() bool { return s.SetPayloadEvery(ctx, "x", "u:1", "hi", time.Hour) == nil })
	for n := range 2 {
		require.NoError(t, s.Debounce(ctx, "x", "u:1", 0, 0))
		f.eventually(func() bool { return len(f.events()) == n+1 && f.redisInt("EXISTS", f.key("x", "u_1")) == 1 })
	}
	// EXPIRE moves the next firing, and SETEX too; DEL ends the trigger.
	f.redis("SETEX", f.key("x", "u_1"), "1", "trigger:2026-01-01T00:00:00.000000")
	f.eventually(func() bool { return len(f.events()) == 3 && f.redisInt("EXISTS", f.key("x", "u_1")) == 1 })
	require.Equal(t, "hi", text(t, f.events()[2]))
	f.redis("DEL", f.key("x", "u_1"))
	_, err := s.Due(ctx, "x", "u:1")
	require.ErrorIs(t, err, expiry.ErrNotFound)

	// Without a listener for an hour, Debounce keeps the rule in the schedule.
	require.NoError(t, s.SetEvery(ctx, "x", "u:2", time.Hour))
	f.redis("DEL", "%exp:handled:x")
	require.NoError(t, s.Debounce(ctx, "x", "u:2", time.Minute, time.Minute))
	r, err := s.Rule(ctx, "x", "u:2")
	require.NoError(t, err)
	require.Equal(t, time.Hour, r.Every)
}

// SetAt makes a trigger due at a time; the past means now.
func TestSetAt(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		at := time.Now().Add(time.Hour).Truncate(time.Millisecond).Add(1)
		require.NoError(t, s.SetPayloadAt(ctx, "x", "later", "hi", at))
		due, err := s.Due(ctx, "x", "later")
		require.NoError(t, err)
		require.Equal(t, at.Truncate(time.Millisecond).Add(time.Millisecond).UnixMilli(), due.UnixMilli(), "rounded up")
		require.NoError(t, s.SetAt(ctx, "x", "later", at.Add(-time.Hour/2)))
		for e, err := range s.List(ctx) {
			require.NoError(t, err)
			require.False(t, e.HasPayload())
		}
		require.ErrorIs(t, s.With(expiry.IfAbsent()).SetAt(ctx, "x", "later", at), expiry.ErrExists)
		f.listen(expiry.Config{}, handlers{"x": f.record})
		for _, past := range []time.Time{time.Now(), time.Now().Add(-time.Hour), time.UnixMilli(0), time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)} {
			before, seen := time.Now(), len(f.events())
			require.NoError(t, s.SetAt(ctx, "x", "now", past))
			f.eventually(func() bool { return len(f.events()) == seen+1 })
			require.WithinDuration(t, before, f.events()[seen].DueAt, 10*time.Second)
		}
		pooltest.RequireNothingSent(t, p, expiry.ErrInvalidArgument, func() error { return s.SetAt(ctx, "x", "1", time.Time{}) })
		pooltest.RequireNothingSent(t, p, expiry.ErrInvalidArgument, func() error { return s.SetAt(ctx, "x", "1", time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)) })
	})
}

// Invalid rules are refused before anything is sent.
func TestInvalidRulesAreNotSent(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	s := newFixture(t, p).schedule()
	for name, call := range map[string]func() error{
		"a period of 0": func() error { return s.SetEvery(ctx, "x", "1", 0) },
		"no unit":       func() error { return s.SetPayloadEvery(ctx, "x", "1", "hi", 60) },
		"under 1 s":     func() error { return s.SetEvery(ctx, "x", "1", 999*time.Millisecond) },
		"spec":          func() error { return s.SetCron(ctx, "x", "1", "61 * * * *", "UTC") },
		"zone":          func() error { return s.SetPayloadCron(ctx, "x", "1", "hi", "0 0 * * *", "Berlin") },
		"no time":       func() error { return s.SetCron(ctx, "x", "1", "0 0 31 4 *", "UTC") },
	} {
		t.Run(name, func(t *testing.T) {
			pooltest.RequireNothingSent(t, p, expiry.ErrInvalidSchedule, call)
			require.NotErrorIs(t, call(), expiry.ErrInvalidTTL)
		})
	}
	pooltest.RequireNothingSent(t, p, expiry.ErrInvalidKey, func() error { return s.SetCron(ctx, "", "1", "61 * * * *", "UTC") })
	require.ErrorIs(t, (*expiry.Schedule)(nil).SetEvery(ctx, "x", "1", time.Hour), expiry.ErrInvalidArgument)
}

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
	"github.com/symphony-go/symphony/pool"
)

// withFailedWork returns a fixture without a listener, with a firing that waits
// an hour for its next attempt, and a dead letter. Both have payloads.
func withFailedWork(t *testing.T, p *pool.Pools) *fixture {
	t.Helper()
	f := newFixture(t, p)
	l, stop := f.listen(expiry.Config{MaxAttempts: 2, Backoff: func(int, error) time.Duration { return time.Hour }}, handlers{
		"x":    func(context.Context, expiry.Event) error { return errors.New("no") },
		"dead": func(context.Context, expiry.Event) error { return errors.New("no") },
	})
	require.NoError(t, f.schedule().SetPayload(ctx, "x", "waits", "kept", 0))
	f.eventually(func() bool { return l.Stats().Retried == 1 })
	stop()
	l, stop = f.listen(expiry.Config{MaxAttempts: 1}, handlers{"dead": func(context.Context, expiry.Event) error { return errors.New("no") }})
	require.NoError(t, f.schedule().SetPayload(ctx, "dead", "letter", "kept", 0))
	f.eventually(func() bool { return l.Stats().DeadLettered == 1 })
	stop()
	return f
}

func requirePayload(t *testing.T, e expiry.Event) {
	t.Helper()
	var text string
	require.NoError(t, e.Decode(&text))
	require.Equal(t, "kept", text)
}

// A firing that has a status is delivered, although its entry is missing.
func TestMissingActiveEntry(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for _, state := range []string{"0", "1"} {
			f := withFailedWork(t, p)
			member, err := pooltest.Do(t, p, pool.Expiry, "ZRANGE", "%exp:active:x", "0", "0").AsStrSlice()
			require.NoError(t, err)
			f.redis("HSET", "%exp:status:x", member[0], "1 1 0 "+state+" no")
			f.redis("DEL", "%exp:active:x")
			l, stop := f.listen(expiry.Config{Sweep: 20 * time.Millisecond, Lease: 50 * time.Millisecond}, handlers{"x": f.record})
			f.eventually(func() bool { return len(f.events()) == 1 })
			e := f.events()[0]
			require.Equal(t, "waits", e.ID)
			require.Equal(t, 2, e.Attempt)
			require.Equal(t, 1, e.Failures)
			requirePayload(t, e)
			f.eventually(func() bool { return l.Stats().Repaired == 1 })
			f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:active:x", "%exp:status:x", "%exp:payloads:x") == 0 })
			stop()
			f.redis("FLUSHDB")
		}
	})
}

// A renewal restores a missing entry of a live worker, so the firing is not
// redelivered.
func TestRenewalRestoresTheActiveEntry(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	release := make(chan struct{})
	l, _ := f.listen(expiry.Config{Lease: time.Second, Sweep: 20 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		_ = f.record(c, e)
		<-release
		return nil
	}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
	for range 3 {
		f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:active:x") == 1 })
		f.redis("DEL", "%exp:active:x")
	}
	f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:active:x") == 1 })
	close(release)
	f.eventually(func() bool { return f.redisInt("EXISTS", "%exp:active:x", "%exp:status:x") == 0 })
	if l.Stats().LeasesLost == 0 { // renewals may be late on a busy machine
		require.Len(t, f.events(), 1)
	}
}

// A failed attempt is recorded although its entry is missing.
func TestFailureWithoutActiveEntry(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	l, _ := f.listen(expiry.Config{Sweep: time.Hour}, handlers{"x": func(c context.Context, e expiry.Event) error {
		_ = f.record(c, e)
		if e.Attempt == 1 {
			f.redis("DEL", "%exp:active:x")
			return errors.New("no")
		}
		return nil
	}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
	f.eventually(func() bool { return l.Stats().Succeeded == 1 })
	require.Len(t, f.events(), 2)
}

// A dead letter is restored if either of its two entries is missing.
func TestMissingPartOfADeadLetter(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for kind, text := range map[string]string{"dead": "no", "status": "its status was lost"} {
			f := withFailedWork(t, p)
			f.redis("DEL", "%exp:"+kind+":dead")
			l, stop := f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"dead": f.record})
			var letters []expiry.Event
			f.eventually(func() bool { letters = deadLetters(t, l); return len(letters) == 1 })
			require.Equal(t, "letter", letters[0].ID)
			require.Equal(t, text, letters[0].LastError)
			requirePayload(t, letters[0])
			require.NoError(t, l.Retry(ctx, letters[0]))
			f.eventually(func() bool { return len(f.events()) == 1 })
			stop()
			f.redis("FLUSHDB")
		}
	})
}

// A trigger that has a key fires, although its entry is missing.
func TestMissingDueEntry(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "1", "kept", 0))
		f.redis("DEL", f.scheduleKey("due", "x", "1"))
		f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
		f.eventually(func() bool { return len(f.events()) == 1 })
		requirePayload(t, f.events()[0])
	})
}

// A payload without a trigger or a status becomes a dead letter: nothing says
// when it was due, or whether it was done.
func TestPayloadWithoutTriggerOrStatus(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		f := withFailedWork(t, p)
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "pending", "kept", time.Hour))
		f.redis("DEL", "%exp:active:x", "%exp:status:x", "%exp:due:x", f.key("x", "pending"))
		l, _ := f.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": f.record})
		f.eventually(func() bool { return len(deadLetters(t, l)) == 2 })
		for _, e := range deadLetters(t, l) {
			requirePayload(t, e)
			require.NoError(t, l.Retry(ctx, e))
		}
		f.eventually(func() bool { return len(f.events()) == 2 })
		require.Equal(t, []string{"pending", "waits"}, f.ids())
		require.EqualValues(t, 2, l.Stats().Invalid)
	})
}

// A sweep changes nothing if all entries agree, however many there are.
func TestSweepWithManyFirings(t *testing.T) {
	f := newFixture(t, pooltest.Redis(t, pool.Config{}))
	const n = 700
	release := make(chan struct{})
	l, _ := f.listen(expiry.Config{Workers: n, Sweep: 20 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		<-release
		return f.record(c, e)
	}})
	for i := range n {
		require.NoError(t, f.schedule().SetPayload(ctx, "x", strconv.Itoa(i), "kept", 0))
	}
	f.eventually(func() bool { return l.Stats().Running == n })
	for range 3 {
		before := f.redisInt("GET", "%exp:swept:x")
		f.eventually(func() bool { return f.redisInt("GET", "%exp:swept:x") > before })
	}
	require.Zero(t, l.Stats().Repaired+l.Stats().Invalid)
	f.redis("DEL", "%exp:active:x")
	f.eventually(func() bool { return f.redisInt("ZCARD", "%exp:active:x") == n })
	close(release)
	f.eventually(func() bool { return l.Stats().Succeeded == n })
	require.Len(t, f.events(), n)
}

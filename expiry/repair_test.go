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

// broken is a world with a firing that waits for its next attempt, due in an
// hour, and a dead letter, both with payloads, and no listener.
func broken(t *testing.T, p *pool.Pools) *world {
	t.Helper()
	w := newWorld(t, p)
	l, stop := w.listen(expiry.Config{MaxAttempts: 2, Backoff: func(int, error) time.Duration { return time.Hour }}, handlers{
		"x":    func(context.Context, expiry.Event) error { return errors.New("no") },
		"dead": func(context.Context, expiry.Event) error { return errors.New("no") },
	})
	require.NoError(t, w.schedule().SetPayload(ctx, "x", "waits", "kept", 0))
	w.eventually(func() bool { return l.Stats().Retried == 1 })
	stop()
	l, stop = w.listen(expiry.Config{MaxAttempts: 1}, handlers{"dead": func(context.Context, expiry.Event) error { return errors.New("no") }})
	require.NoError(t, w.schedule().SetPayload(ctx, "dead", "letter", "kept", 0))
	w.eventually(func() bool { return l.Stats().DeadLettered == 1 })
	stop()
	return w
}

func hasPayload(t *testing.T, e expiry.Event) {
	t.Helper()
	var text string
	require.NoError(t, e.Decode(&text))
	require.Equal(t, "kept", text)
}

// A firing whose record is there is done, although its entry is gone.
func TestALostEntryOfRun(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for _, state := range []string{"0", "1"} {
			w := broken(t, p)
			member, err := pooltest.Do(t, p, pool.Expiry, "ZRANGE", "%exp:active:x", "0", "0").AsStrSlice()
			require.NoError(t, err)
			w.do("HSET", "%exp:status:x", member[0], "1 1 0 "+state+" no")
			w.do("DEL", "%exp:active:x")
			l, stop := w.listen(expiry.Config{Sweep: 20 * time.Millisecond, Lease: 50 * time.Millisecond}, handlers{"x": w.note})
			w.eventually(func() bool { return len(w.ran()) == 1 })
			e := w.ran()[0]
			require.Equal(t, "waits", e.ID)
			require.Equal(t, 2, e.Attempt)
			require.Equal(t, 1, e.Failures)
			hasPayload(t, e)
			require.EqualValues(t, 1, l.Stats().Repaired)
			w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x", "%exp:status:x", "%exp:payloads:x") == 0 })
			stop()
			w.do("FLUSHDB")
		}
	})
}

// The heartbeat of a worker writes its lease anew: the work is not handed out
// again.
func TestALostLeaseEntryOfALiveWorker(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	release := make(chan struct{})
	l, _ := w.listen(expiry.Config{Lease: time.Second, Sweep: 20 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		_ = w.note(c, e)
		<-release
		return nil
	}})
	require.NoError(t, w.schedule().Set(ctx, "x", "1", 0))
	for range 3 {
		w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x") == 1 })
		w.do("DEL", "%exp:active:x")
	}
	w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x") == 1 })
	close(release)
	w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x", "%exp:status:x") == 0 })
	if l.Stats().LeasesLost == 0 { // on a machine that is too busy for heartbeats, it is as it should be
		require.Len(t, w.ran(), 1)
	}
}

// Work that fails is put back although its entry is gone.
func TestAFailureWithoutAnEntry(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	l, _ := w.listen(expiry.Config{Sweep: time.Hour}, handlers{"x": func(c context.Context, e expiry.Event) error {
		_ = w.note(c, e)
		if e.Attempt == 1 {
			w.do("DEL", "%exp:active:x")
			return errors.New("no")
		}
		return nil
	}})
	require.NoError(t, w.schedule().Set(ctx, "x", "1", 0))
	w.eventually(func() bool { return l.Stats().Succeeded == 1 })
	require.Len(t, w.ran(), 2)
}

// A dead letter comes back, whichever of its two entries is gone.
func TestALostEntryOfADeadLetter(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		for kind, text := range map[string]string{"dead": "no", "status": "its status was lost"} {
			w := broken(t, p)
			w.do("DEL", "%exp:"+kind+":dead")
			l, stop := w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"dead": w.note})
			var letters []expiry.Event
			w.eventually(func() bool { letters = dead(t, l); return len(letters) == 1 })
			require.Equal(t, "letter", letters[0].ID)
			require.Equal(t, text, letters[0].LastError)
			hasPayload(t, letters[0])
			require.NoError(t, l.Retry(ctx, letters[0]))
			w.eventually(func() bool { return len(w.ran()) == 1 })
			stop()
			w.do("FLUSHDB")
		}
	})
}

// A trigger whose key is there fires, although its entry is gone.
func TestALostEntryOfDue(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		require.NoError(t, w.schedule().SetPayload(ctx, "x", "1", "kept", 0))
		w.do("DEL", "%exp:due:x")
		w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
		w.eventually(func() bool { return len(w.ran()) == 1 })
		hasPayload(t, w.ran()[0])
	})
}

// A payload without anything else is a dead letter: nothing tells when it was
// due, or whether it was done.
func TestAPayloadAlone(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := broken(t, p)
		require.NoError(t, w.schedule().SetPayload(ctx, "x", "pending", "kept", time.Hour))
		w.do("DEL", "%exp:active:x", "%exp:status:x", "%exp:due:x", w.key("x", "pending"))
		l, _ := w.listen(expiry.Config{Sweep: 20 * time.Millisecond}, handlers{"x": w.note})
		w.eventually(func() bool { return len(dead(t, l)) == 2 })
		for _, e := range dead(t, l) {
			hasPayload(t, e)
			require.NoError(t, l.Retry(ctx, e))
		}
		w.eventually(func() bool { return len(w.ran()) == 2 })
		require.Equal(t, []string{"pending", "waits"}, w.ids())
		require.EqualValues(t, 2, l.Stats().Invalid)
	})
}

// A sweep that finds nothing to mend changes nothing, however much there is.
func TestASweepOfManyFirings(t *testing.T) {
	w := newWorld(t, pooltest.Redis(t, pool.Config{}))
	const n = 700
	release := make(chan struct{})
	l, _ := w.listen(expiry.Config{Workers: n, Sweep: 20 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		<-release
		return w.note(c, e)
	}})
	for i := range n {
		require.NoError(t, w.schedule().SetPayload(ctx, "x", strconv.Itoa(i), "kept", 0))
	}
	w.eventually(func() bool { return l.Stats().Running == n })
	for range 3 {
		before := w.number("GET", "%exp:swept:x")
		w.eventually(func() bool { return w.number("GET", "%exp:swept:x") > before })
	}
	require.Zero(t, l.Stats().Repaired+l.Stats().Invalid)
	w.do("DEL", "%exp:active:x")
	w.eventually(func() bool { return w.number("ZCARD", "%exp:active:x") == n })
	close(release)
	w.eventually(func() bool { return l.Stats().Succeeded == n })
	require.Len(t, w.ran(), n)
}

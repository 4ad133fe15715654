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

// A worker that lost its lease has its context ended, and what it answers
// changes nothing: the work is the next worker's.
func TestALostLeaseEndsTheHandler(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		begun, ended, finish := make(chan struct{}), make(chan error, 1), make(chan struct{})
		slow, _ := w.listen(expiry.Config{Workers: 1, Lease: 300 * time.Millisecond}, handlers{"x": func(c context.Context, _ expiry.Event) error {
			close(begun)
			<-c.Done()
			ended <- context.Cause(c)
			<-finish
			return nil // it says that the work is done
		}})
		require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
		<-begun
		// Another worker takes over, as if this one had been lost.
		hold, taken := make(chan struct{}), make(chan expiry.Event, 1)
		w.listen(expiry.Config{Workers: 1}, handlers{"x": func(_ context.Context, e expiry.Event) error {
			taken <- e
			<-hold
			return nil
		}})
		w.eventually(func() bool {
			leaseUntil(w, "x", "1")
			return len(taken) == 1
		})
		leaseUntil(w, "x", "1e15") // the last look may have ended the new lease too
		e := <-taken
		require.ErrorIs(t, <-ended, expiry.ErrLeaseLost)
		close(finish)
		w.eventually(func() bool { return slow.Stats().Running == 0 && slow.Stats().LeasesLost == 1 })
		require.EqualValues(t, 1, w.number("ZCARD", "%exp:active:x"), "the ack of the worker that lost its lease counted")
		close(hold)
		w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x", "%exp:status:x") == 0 })
		require.Zero(t, slow.Stats().Succeeded)
		require.Equal(t, 2, e.Attempt)
		require.Equal(t, 1, e.Lapses)
		require.Zero(t, e.Failures)
	})
}

// leaseUntil makes the leases of an action end at a time in milliseconds.
func leaseUntil(w *world, action, end string) {
	w.Helper()
	members, err := pooltest.Do(w, w.pools, pool.Expiry, "ZRANGE", "%exp:active:"+action, "0", "-1").AsStrSlice()
	require.NoError(w, err)
	for _, m := range members {
		w.do("ZADD", "%exp:active:"+action, "XX", end, m)
	}
}

// Work may take many times its lease, as long as its worker lives.
func TestHeartbeatsKeepALease(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		const lease = 400 * time.Millisecond
		long := func(c context.Context, e expiry.Event) error {
			_ = w.note(c, e)
			select {
			case <-time.After(4 * lease):
			case <-c.Done():
			}
			return context.Cause(c)
		}
		one, _ := w.listen(expiry.Config{Lease: lease}, handlers{"x": long})
		other, _ := w.listen(expiry.Config{Lease: lease}, handlers{"x": long})
		require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
		w.eventually(func() bool { return w.number("EXISTS", "%exp:active:x", "%exp:due:x") == 0 && len(w.ran()) > 0 })
		for _, e := range w.ran() {
			require.Zero(t, e.Failures)
		}
		if one.Stats().LeasesLost+other.Stats().LeasesLost == 0 { // on a machine that is too busy for heartbeats, it is as it should be
			require.Len(t, w.ran(), 1)
		}
	})
}

// A worker that cannot reach the server for its lease ends its handlers'
// contexts by itself: somebody else may have the work.
func TestASilentServerEndsTheHandler(t *testing.T) {
	server, p := restartable(t)
	w := newWorld(t, p)
	begun, ended := make(chan struct{}), make(chan error, 1)
	w.listen(expiry.Config{Lease: 300 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		if e.Attempt > 1 {
			return w.note(c, e)
		}
		close(begun)
		<-c.Done()
		ended <- context.Cause(c)
		return c.Err()
	}})
	require.NoError(t, w.schedule().Set(ctx, "x", "1", time.Millisecond))
	<-begun
	server.Kill()
	require.ErrorIs(t, <-ended, expiry.ErrLeaseLost)
	server.Restart(t)
	w.eventually(func() bool { return len(w.ran()) == 1 })
	e := w.ran()[0]
	require.Greater(t, e.Attempt, 1)
	require.Zero(t, e.Failures, "a lease that lapsed is no failure")
}

// What was set is done after the server was killed and started again.
func TestARestartLosesNothing(t *testing.T) {
	server, p := restartable(t)
	w := newWorld(t, p)
	const n = 50
	for i := range n {
		require.NoError(t, w.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Duration(i)*4*time.Millisecond+1))
	}
	w.listen(expiry.Config{Lease: 200 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		var i int
		if err := e.Decode(&i); err != nil || strconv.Itoa(i) != e.ID {
			return errors.New("it is not the payload of this trigger")
		}
		return w.note(c, e)
	}})
	for range 3 {
		w.eventually(func() bool { return len(w.ran()) > 0 })
		server.Restart(t)
	}
	w.eventually(func() bool { // a connection may break now and then
		left, err := pooltest.Do(t, p, pool.Expiry, "EXISTS", "%exp:due:x", "%exp:active:x").AsInt64()
		return err == nil && left == 0
	})
	last := map[string]int{}
	for _, e := range w.ran() {
		require.Greater(t, e.Attempt, last[e.ID], "a repeat has a higher attempt")
		last[e.ID] = e.Attempt
	}
	require.Len(t, last, n)
}

// Work that costs its worker the lease again and again is a dead letter at last,
// with its payload, and can be retried.
func TestWorkThatLosesItsWorkersDiesAtLast(t *testing.T) {
	onOneServer(t, func(t *testing.T, p *pool.Pools) {
		w := newWorld(t, p)
		healed := make(chan struct{})
		l, _ := w.listen(expiry.Config{MaxLapses: 2}, handlers{"x": func(c context.Context, e expiry.Event) error {
			_ = w.note(c, e)
			select {
			case <-healed:
				return nil
			case <-c.Done():
				return context.Cause(c)
			}
		}})
		require.NoError(t, w.schedule().SetPayload(ctx, "x", "1", "poison", time.Millisecond))
		for lost := range 2 {
			w.eventually(func() bool { return len(w.ran()) == lost+1 })
			require.Equal(t, lost, w.ran()[lost].Lapses)
			leaseUntil(w, "x", "1")
		}
		w.eventually(func() bool { return l.Stats().Dead == 1 })
		s := l.Stats()
		require.EqualValues(t, 1, s.DeadLettered)
		require.EqualValues(t, 2, s.LeasesExpired)
		letter := dead(t, l)[0]
		require.Equal(t, 2, letter.Lapses)
		require.Equal(t, 2, letter.Attempt)
		require.Equal(t, "its lease expired 2 times", letter.LastError)
		var payload string
		require.NoError(t, letter.Decode(&payload))
		require.Equal(t, "poison", payload)

		close(healed)
		require.NoError(t, l.Retry(ctx, letter))
		w.eventually(func() bool { return l.Stats().Succeeded == 1 })
		again := w.ran()[2]
		require.Equal(t, 3, again.Attempt)
		require.Zero(t, again.Lapses)
	})
}

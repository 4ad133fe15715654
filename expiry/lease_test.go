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

// If a worker loses its lease, its handler's context ends and its result is
// ignored. The firing belongs to the next worker.
func TestLostLeaseEndsTheHandler(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		begun, ended, finish := make(chan struct{}), make(chan error, 1), make(chan struct{})
		slow, _ := f.listen(expiry.Config{Workers: 1, Lease: 300 * time.Millisecond}, handlers{"x": func(c context.Context, _ expiry.Event) error {
			close(begun)
			<-c.Done()
			ended <- context.Cause(c)
			<-finish
			return nil // reports success
		}})
		require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
		<-begun
		// Another worker takes over, as if the first had died.
		hold, taken := make(chan struct{}), make(chan expiry.Event, 1)
		f.listen(expiry.Config{Workers: 1}, handlers{"x": func(_ context.Context, e expiry.Event) error {
			taken <- e
			<-hold
			return nil
		}})
		f.eventually(func() bool {
			setLeaseEnd(f, "x", "1", "1")
			return len(taken) == 1
		})
		setLeaseEnd(f, "x", "1", "1e15") // the last call may have ended the new lease too
		e := <-taken
		require.ErrorIs(t, <-ended, expiry.ErrLeaseLost)
		close(finish)
		f.eventually(func() bool { return slow.Stats().Running == 0 && slow.Stats().LeasesLost == 1 })
		require.EqualValues(t, 1, f.redisInt("ZCARD", f.scheduleKey("active", "x", "1")), "the result of the worker that lost its lease counted")
		close(hold)
		f.eventually(func() bool {
			return f.redisInt("EXISTS", f.scheduleKey("active", "x", "1"), f.scheduleKey("status", "x", "1")) == 0
		})
		require.Zero(t, slow.Stats().Succeeded)
		require.Equal(t, 2, e.Attempt)
		require.Equal(t, 1, e.ExpiredLeases)
		require.Zero(t, e.Failures)
	})
}

// setLeaseEnd sets the end of the lease of a trigger, in milliseconds. It also
// sets those of other triggers of the action that are in the same shard. It
// wakes listeners, since on a cluster one that is idle looks at the shard so
// seldom that a renewal may come before.
func setLeaseEnd(f *fixture, action, id, end string) {
	f.Helper()
	active := f.scheduleKey("active", action, id)
	members, err := f.send("ZRANGE", active, "0", "-1").AsStrSlice()
	require.NoError(f, err)
	for _, m := range members {
		f.redis("ZADD", active, "XX", end, m)
	}
	f.redis("PUBLISH", f.scheduleKey("wake", action, id), "0")
}

// A handler may run for many leases, as long as its worker lives.
func TestRenewalKeepsALease(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		const lease = 400 * time.Millisecond
		long := func(c context.Context, e expiry.Event) error {
			_ = f.record(c, e)
			select {
			case <-time.After(4 * lease):
			case <-c.Done():
			}
			return context.Cause(c)
		}
		one, _ := f.listen(expiry.Config{Lease: lease}, handlers{"x": long})
		other, _ := f.listen(expiry.Config{Lease: lease}, handlers{"x": long})
		require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
		f.eventually(func() bool {
			return f.redisInt("EXISTS", f.scheduleKey("active", "x", "1"), f.scheduleKey("due", "x", "1")) == 0 && len(f.events()) > 0
		})
		for _, e := range f.events() {
			require.Zero(t, e.Failures)
		}
		if one.Stats().LeasesLost+other.Stats().LeasesLost == 0 { // renewals may be late on a busy machine
			require.Len(t, f.events(), 1)
		}
	})
}

// If a worker cannot reach the server for the time of its lease, it ends its
// handlers' contexts: another worker may have the firings.
func TestDeadServerEndsTheHandler(t *testing.T) {
	server, p := restartableServer(t)
	f := newFixture(t, p)
	begun, ended := make(chan struct{}), make(chan error, 1)
	f.listen(expiry.Config{Lease: 300 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		if e.Attempt > 1 {
			return f.record(c, e)
		}
		close(begun)
		<-c.Done()
		ended <- context.Cause(c)
		return c.Err()
	}})
	require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
	<-begun
	server.Kill()
	require.ErrorIs(t, <-ended, expiry.ErrLeaseLost)
	server.Restart(t)
	f.eventually(func() bool { return len(f.events()) == 1 })
	e := f.events()[0]
	require.Greater(t, e.Attempt, 1)
	require.Zero(t, e.Failures, "an expired lease is not a failure")
}

// Triggers that were set fire after the server was killed and restarted.
func TestRestartLosesNothing(t *testing.T) {
	server, p := restartableServer(t)
	f := newFixture(t, p)
	const n = 50
	for i := range n {
		require.NoError(t, f.schedule().SetPayload(ctx, "x", strconv.Itoa(i), i, time.Duration(i)*4*time.Millisecond))
	}
	f.listen(expiry.Config{Lease: 200 * time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		var i int
		if err := e.Decode(&i); err != nil || strconv.Itoa(i) != e.ID {
			return errors.New("it is not the payload of this trigger")
		}
		return f.record(c, e)
	}})
	for range 3 {
		f.eventually(func() bool { return len(f.events()) > 0 })
		server.Restart(t)
	}
	f.eventually(func() bool { // the connection may break after a restart
		left, err := pooltest.Do(t, p, pool.Expiry, "EXISTS", "%exp:due:x", "%exp:active:x").AsInt64()
		return err == nil && left == 0
	})
	last := map[string]int{}
	for _, e := range f.events() {
		require.Greater(t, e.Attempt, last[e.ID], "a redelivery has a higher attempt")
		last[e.ID] = e.Attempt
	}
	require.Len(t, last, n)
}

// Work whose lease expires again and again becomes a dead letter, with its
// payload, and can be retried.
func TestMaxExpiredLeases(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		healed := make(chan struct{})
		l, _ := f.listen(expiry.Config{MaxExpiredLeases: 2}, handlers{"x": func(c context.Context, e expiry.Event) error {
			_ = f.record(c, e)
			select {
			case <-healed:
				return nil
			case <-c.Done():
				return context.Cause(c)
			}
		}})
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "1", "poison", time.Millisecond))
		for lost := range 2 {
			f.eventually(func() bool { return len(f.events()) == lost+1 })
			require.Equal(t, lost, f.events()[lost].ExpiredLeases)
			setLeaseEnd(f, "x", "1", "1")
		}
		f.eventually(func() bool { return l.Stats().Dead == 1 })
		s := l.Stats()
		require.EqualValues(t, 1, s.DeadLettered)
		require.EqualValues(t, 2, s.LeasesExpired)
		letter := deadLetters(t, l)[0]
		require.Equal(t, 2, letter.ExpiredLeases)
		require.Equal(t, 2, letter.Attempt)
		require.Equal(t, "its lease expired 2 times", letter.LastError)
		var payload string
		require.NoError(t, letter.Decode(&payload))
		require.Equal(t, "poison", payload)

		close(healed)
		require.NoError(t, l.Retry(ctx, letter))
		f.eventually(func() bool { return l.Stats().Succeeded == 1 })
		again := f.events()[2]
		require.Equal(t, 3, again.Attempt)
		require.Zero(t, again.ExpiredLeases)
	})
}

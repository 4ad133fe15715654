package expiry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// A recurring trigger is set again exactly once for each firing, on the grid of
// its due times, although the acknowledgement or its reply is lost, or the
// listener is, or the server is killed.
func TestFaultsOfTheAcknowledgementOfARecurringTrigger(t *testing.T) {
	lost := func(fault redistest.Fault) func(a *ackFault) {
		return func(a *ackFault) { a.proxy.SetFault(fault) }
	}
	untilApplied := func(a *ackFault) { a.awaitNext() }
	for name, c := range map[string]struct {
		before  func(*ackFault) // while the handler runs
		after   func(*ackFault) // after it has returned
		applied bool            // the acknowledgement reaches the server
	}{
		"the connection breaks before the reply": {lost(redistest.CloseOnReply), untilApplied, true},
		"the reply does not arrive":              {lost(redistest.DropReplies), untilApplied, true},
		"the request does not arrive":            {lost(redistest.DropRequests), (*ackFault).awaitExpiredLease, false},
		"the server is killed": {lost(redistest.DropReplies), func(a *ackFault) {
			a.awaitNext()
			a.server.Kill()
			a.server.Restart(a)
		}, true},
		"the listener is lost": {func(a *ackFault) { a.proxy.Down() }, func(a *ackFault) {
			a.awaitExpiredLease()
			a.proxy.Up()
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAckFault(t)
			a.fire() // so that the server has the scripts
			a.begin()
			c.before(a)
			a.handled <- nil
			c.after(a)
			a.proxy.SetFault(redistest.Healthy)
			a.proxy.CloseConnections()
			for last := a.fired[1].DueAt; len(a.fired) < 3 || !a.fired[len(a.fired)-2].DueAt.After(last); {
				a.fire()
			}
			a.requireGrid(!c.applied)
		})
	}
}

// ackFault is a trigger that recurs every second, whose listener reaches the
// server through a proxy.
type ackFault struct {
	*fixture
	server  *redistest.Instance
	proxy   *redistest.Proxy
	begun   chan expiry.Event
	handled chan error
	fired   []expiry.Event
}

func newAckFault(t *testing.T) *ackFault {
	t.Helper()
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	a := &ackFault{
		fixture: newFixture(t, pooltest.Redis(t, pool.Config{URL: server.URL()})),
		server:  server, proxy: redistest.NewProxy(t, server),
		begun: make(chan expiry.Event), handled: make(chan error),
	}
	far := newFixture(t, pooltest.Redis(t, pool.Config{URL: a.proxy.URL(), Timeout: time.Second}))
	far.tenant = a.tenant
	far.listen(expiry.Config{Lease: 3 * time.Second, StopTimeout: time.Millisecond}, handlers{"x": func(c context.Context, e expiry.Event) error {
		select {
		case a.begun <- e:
			return <-a.handled
		case <-c.Done():
			return context.Cause(c)
		}
	}})
	require.NoError(t, a.schedule().SetPayloadEvery(ctx, "x", "1", "hi", time.Second))
	return a
}

// fire lets the trigger fire, without a fault.
func (a *ackFault) fire() {
	a.Helper()
	a.begin()
	a.handled <- nil
	a.awaitNext()
}

// begin waits until the handler runs.
func (a *ackFault) begin() {
	a.Helper()
	select {
	case e := <-a.begun:
		a.fired = append(a.fired, e)
	case <-time.After(time.Minute):
		a.Fatal("the trigger does not fire")
	}
}

// awaitNext waits until the last firing has ended and the trigger is set again.
func (a *ackFault) awaitNext() {
	a.Helper()
	last := a.fired[len(a.fired)-1]
	a.eventually(func() bool {
		for e, err := range a.schedule().List(ctx) {
			if err != nil || e.State != expiry.StatePending || !e.DueAt.After(last.DueAt) {
				return false
			}
			return e.DueAt.Sub(last.DueAt)%time.Second == 0
		}
		return false
	})
}

// awaitExpiredLease waits until the lease of the firing has expired.
func (a *ackFault) awaitExpiredLease() {
	a.Helper()
	a.eventually(func() bool {
		now, err := a.send("TIME").AsStrSlice()
		require.NoError(a, err)
		expired, err := a.send("ZCOUNT", a.scheduleKey("active", "x", "1"), "-inf", now[0]+"000").AsInt64()
		return err == nil && expired == 1
	})
}

// requireGrid checks that the due times of the firings are on the grid, that
// none of them was delivered again unless the acknowledgement may not have
// reached the server, and that the trigger is set once.
func (a *ackFault) requireGrid(redelivered bool) {
	a.Helper()
	first := a.fired[0].DueAt
	before := first.Add(-time.Second)
	for _, e := range a.fired {
		require.Zero(a, e.DueAt.Sub(first)%time.Second, "the times drift")
		if redelivered && e.Attempt > 1 {
			require.Equal(a, before, e.DueAt, "a redelivery for another time")
		} else {
			require.Equal(a, 1, e.Attempt)
			require.True(a, e.DueAt.After(before), "fired twice for %v", e.DueAt)
		}
		before = e.DueAt
		require.Equal(a, "hi", text(a.T, e))
		require.Equal(a, expiry.Rule{Every: time.Second}, e.Rule)
	}
	require.EqualValues(a, 1, a.redisInt("ZCARD", a.scheduleKey("due", "x", "1"))+a.redisInt("ZCARD", a.scheduleKey("active", "x", "1")))
	deleted, err := a.schedule().Delete(ctx, "x", "1")
	require.NoError(a, err)
	require.True(a, deleted)
}

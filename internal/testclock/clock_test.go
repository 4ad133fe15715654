package testclock_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/testclock"
)

// attachments are pools without connections.
type attachments struct{ values sync.Map }

func (a *attachments) Attached(_ internal.NotForPublicUse, key any, create func() any) any {
	v, _ := a.values.LoadOrStore(key, create())
	return v
}

func TestWithoutAClock(t *testing.T) {
	c := testclock.Of(&attachments{})
	require.Nil(t, c)
	require.WithinDuration(t, time.Now(), c.Now(), time.Minute)
	m := c.Join("x", nil)
	m.Begin()
	m.End(true)
	m.Acted()
	m.Finished()
	m.Leave()
	c.Hold()()
	c.Running(t.Context())()
	testclock.Started(t.Context())
}

// Settle waits for a look of each member that began later and found nothing,
// and begins again if a member acted meanwhile.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &attachments{}
		c := testclock.Attach(p, time.Now())
		require.Same(t, c, testclock.Of(p))
		require.ErrorIs(t, c.Settle(t.Context()), testclock.ErrNothingRuns)

		wakes := map[string]int{}
		a := c.Join("a", func() { wakes["a"]++ })
		b := c.Join("b", func() { wakes["b"]++ })
		settled := make(chan error, 1)
		settle := func(ctx context.Context) { settled <- c.Settle(ctx) }
		look := func(m *testclock.Member, rests bool) {
			m.Begin()
			m.End(rests)
			synctest.Wait()
		}
		b.Begin() // before Settle
		go settle(t.Context())
		synctest.Wait()
		require.Equal(t, map[string]int{"a": 1, "b": 1}, wakes)
		b.End(true)
		look(a, true)
		require.Empty(t, settled, "b looked before")
		look(b, false)
		require.Empty(t, settled, "b is busy")
		a.Acted()
		look(b, true)
		require.Empty(t, settled, "a acted")
		require.Equal(t, map[string]int{"a": 2, "b": 2}, wakes)
		look(a, true)
		b.Leave()
		require.NoError(t, <-settled)

		ctx, cancel := context.WithCancel(t.Context())
		go settle(ctx)
		synctest.Wait()
		cancel()
		err := <-settled
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorContains(t, err, "still busy: a: ")
	})
}

// The time does not move during a claim.
func TestAdvance(t *testing.T) {
	begin := time.Now()
	c := testclock.Attach(&attachments{}, begin)
	woken := 0
	defer c.Join("a", func() { woken++ }).Leave()
	var moved time.Time
	release := c.Hold()
	begun, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		close(begun)
		c.Advance(time.Hour, func(now time.Time) { moved = now })
	}()
	<-begun
	for range 10_000 {
		require.Equal(t, begin, c.Now())
		runtime.Gosched()
	}
	release()
	<-done
	require.Equal(t, begin.Add(time.Hour), c.Now())
	require.Equal(t, begin.Add(time.Hour), moved)
	require.Equal(t, 1, woken)
}

func TestAwaitStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := testclock.Attach(&attachments{}, time.Now())
		ctx, cancel := context.WithCancel(t.Context())
		stopped := []func(){c.Running(ctx), c.Running(ctx), c.Running(t.Context())}
		waited := func(stopping bool) <-chan struct{} {
			done := make(chan struct{}, 1)
			go func() {
				c.AwaitStopped(stopping)
				done <- struct{}{}
			}()
			synctest.Wait()
			return done
		}
		<-waited(true)
		cancel()
		stopping, all := waited(true), waited(false)
		stopped[0]()
		synctest.Wait()
		require.Empty(t, stopping)
		stopped[1]()
		<-stopping
		synctest.Wait()
		require.Empty(t, all)
		stopped[2]()
		<-all
	})
}

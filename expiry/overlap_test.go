package expiry_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// eachPair runs a test with two pools on one server, as two processes have
// them. The embedded server has one.
func eachPair(t *testing.T, run func(t *testing.T, one, other *pool.Pools)) {
	t.Helper()
	for name, start := range map[string]func(t *testing.T) string{
		"redis":   func(t *testing.T) string { t.Helper(); return redistest.Server(t).URL() },
		"cluster": func(t *testing.T) string { t.Helper(); return redistest.Cluster(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			url := start(t)
			run(t, pooltest.Redis(t, pool.Config{URL: url}), pooltest.Redis(t, pool.Config{URL: url}))
		})
	}
	t.Run("embedded", func(t *testing.T) {
		p := pooltest.Embedded(t)
		run(t, p, p)
	})
}

// listenTwice starts two listeners with the same handlers.
func listenTwice(t *testing.T, one, other *pool.Pools, cfg expiry.Config, hs handlers) *fixture {
	t.Helper()
	f := newFixture(t, one)
	f.listen(cfg, hs)
	second := newFixture(t, other)
	second.tenant = f.tenant
	second.listen(cfg, hs)
	return f
}

// A trigger that is touched while its handler runs is answered once, when the
// handler has returned, whichever listener has the work.
func TestTouchesDuringAHandlerAreAnsweredAfterIt(t *testing.T) {
	eachPair(t, func(t *testing.T, one, other *pool.Pools) {
		var running, overlaps atomic.Int64
		begun, finish := make(chan expiry.Event, 100), make(chan struct{})
		f := listenTwice(t, one, other, expiry.Config{Lease: time.Hour, Sweep: time.Hour}, handlers{"x": func(_ context.Context, e expiry.Event) error {
			if running.Add(1) > 1 {
				overlaps.Add(1)
			}
			defer running.Add(-1)
			begun <- e
			<-finish
			return nil
		}})
		s := f.schedule()
		touch := func() time.Time {
			require.NoError(t, s.Debounce(ctx, "x", "1", 0, time.Hour))
			due, err := s.Due(ctx, "x", "1")
			if !errors.Is(err, expiry.ErrNotFound) { // it has fired
				require.NoError(t, err)
			}
			return due
		}
		for range 5 {
			touch()
			<-begun
			var due time.Time
			for range 4 {
				due = touch()
				// The score is the next look at a trigger that waits.
				f.eventually(func() bool {
					return f.redisInt("ZSCORE", f.scheduleKey("due", "x", "1"), f.key("x", "1")) > due.UnixMilli() || overlaps.Load() > 0
				})
			}
			require.Zero(t, overlaps.Load(), "two handlers of one trigger run at once")
			finish <- struct{}{}
			require.Equal(t, due, (<-begun).DueAt)
			finish <- struct{}{}
			f.eventually(func() bool { return f.redisInt("EXISTS", f.scheduleKey("status", "x", "1")) == 0 })
		}
		require.Empty(t, begun)
		require.Zero(t, overlaps.Load())
	})
}

// With many triggers, handlers that are slower than the debounce, and failures,
// no two handlers of a trigger run at once, and the last touch of each is
// answered after it.
func TestManyTouchesUnderSlowHandlers(t *testing.T) {
	pooltest.Long(t)
	const ids, touches = 8, 60
	eachPair(t, func(t *testing.T, one, other *pool.Pools) {
		type conversation struct{ running, touched, answered, calls atomic.Int64 }
		var all [ids]conversation
		var overlaps atomic.Int64
		f := listenTwice(t, one, other, expiry.Config{Lease: time.Hour, Sweep: time.Hour}, handlers{"x": func(_ context.Context, e expiry.Event) error {
			n, err := strconv.Atoi(e.ID)
			if err != nil {
				return err
			}
			c := &all[n]
			if c.running.Add(1) > 1 {
				overlaps.Add(1)
			}
			defer c.running.Add(-1)
			touched := c.touched.Load()
			<-time.After(time.Duration(n) * time.Millisecond)
			if c.calls.Add(1)%3 == 0 {
				return errors.New("no")
			}
			c.answered.Store(touched)
			return nil
		}})
		s := f.schedule()
		var touching sync.WaitGroup
		for id := range ids {
			touching.Go(func() {
				for range touches {
					all[id].touched.Add(1)
					if err := s.Debounce(ctx, "x", strconv.Itoa(id), time.Millisecond, 3*time.Millisecond); err != nil {
						t.Error(err)
					}
				}
			})
		}
		touching.Wait()
		for id := range ids {
			f.eventually(func() bool { return all[id].answered.Load() == touches })
		}
		require.Zero(t, overlaps.Load(), "handlers of one trigger ran at once")
		for id := range ids {
			f.eventually(func() bool { return f.redisInt("EXISTS", f.scheduleKey("status", "x", strconv.Itoa(id))) == 0 })
		}
	})
}

// A dead letter that is retried while another firing of its trigger runs is a
// dead letter until that one is done.
func TestRetryDuringAHandler(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		begun, finish := make(chan expiry.Event, 10), make(chan error)
		l, _ := f.listen(expiry.Config{MaxAttempts: 1, Lease: time.Hour, Sweep: time.Hour}, handlers{"x": func(_ context.Context, e expiry.Event) error {
			begun <- e
			return <-finish
		}})
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "1", "kept", 0))
		<-begun
		finish <- errors.New("no")
		f.eventually(func() bool { return l.Stats().Dead == 1 })
		letter := deadLetters(t, l)[0]
		require.NoError(t, f.schedule().Set(ctx, "x", "1", 0))
		<-begun
		require.NoError(t, l.Retry(ctx, letter))
		require.NoError(t, l.Retry(ctx, letter))
		require.Len(t, deadLetters(t, l), 1)
		require.EqualValues(t, 1, l.Stats().Dead)
		finish <- nil
		again := <-begun
		require.Equal(t, letter.DueAt, again.DueAt)
		require.Equal(t, 2, again.Attempt)
		requirePayload(t, again)
		require.Empty(t, deadLetters(t, l))
		finish <- nil
		f.eventually(func() bool { return f.redisInt("EXISTS", f.scheduleKey("status", "x", "1")) == 0 })
		require.ErrorIs(t, l.Retry(ctx, letter), expiry.ErrNotFound)
	})
}

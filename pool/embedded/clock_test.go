package embedded_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type profile struct {
	Name string `redis:"name"`
}

// settle waits until listeners and workers are idle.
func settle(t *testing.T, clock *embedded.Clock) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, clock.Settle(ctx))
}

// firings are the events that a handler received.
type firings struct {
	mu     sync.Mutex
	events []expiry.Event
}

func (f *firings) add(e expiry.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
}

func (f *firings) ids() (ids []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		ids = append(ids, e.ID)
	}
	return ids
}

// listen runs a listener for one action.
func listen(t *testing.T, pools *pool.Pools, clock *embedded.Clock, action string, h expiry.Handler) {
	t.Helper()
	r := expiry.NewRegistry()
	require.NoError(t, r.On(action, h))
	l, err := expiry.NewListener(pools, r, expiry.Config{Lease: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	clock.Go(l.Run)
}

func TestAdvanceEndsLifetimes(t *testing.T) {
	pools, clock := embedded.New(t)
	users, err := symphony.NewUser[profile](pools, "acme", symphony.TTL(time.Hour))
	require.NoError(t, err)
	require.NoError(t, users.Upsert(t.Context(), "ann", profile{"Ann"}))
	begin := clock.Now()
	left, err := users.TTL(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, time.Hour, left)

	clock.Advance(time.Hour - time.Millisecond)
	left, err = users.TTL(t.Context(), "ann")
	require.NoError(t, err)
	require.Equal(t, time.Millisecond, left)
	clock.Advance(time.Millisecond)
	_, err = users.Get(t.Context(), "ann")
	require.ErrorIs(t, err, symphony.ErrNotFound)
	require.Equal(t, begin.Add(time.Hour), clock.Now())

	c := client(t, pools, pool.User)
	now, err := c.Do(t.Context(), c.B().Time().Build()).AsIntSlice()
	require.NoError(t, err)
	require.Equal(t, clock.Now().UnixMicro(), now[0]*1_000_000+now[1])
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key("x").Value("1").PxatMillisecondsTimestamp(clock.Now().Add(time.Minute).UnixMilli()).Build()).Error())
	ms, err := c.Do(t.Context(), c.B().Pttl().Key("x").Build()).AsInt64()
	require.NoError(t, err)
	require.Equal(t, time.Minute.Milliseconds(), ms)
}

func TestAdvanceFiresTriggers(t *testing.T) {
	for name, layout := range map[string]keyspace.Layout{"default": keyspace.Default(), "python": keyspace.Python()} {
		t.Run(name, func(t *testing.T) {
			pools, clock := embedded.New(t, func(cfg *pool.Config) { cfg.Layout = layout })
			var fired firings
			listen(t, pools, clock, "remind", func(_ context.Context, e expiry.Event) error {
				fired.add(e)
				return nil
			})
			triggers, err := symphony.NewTrigger(pools, "acme")
			require.NoError(t, err)
			for range 3 { // days
				require.NoError(t, triggers.Set(t.Context(), "remind", "day", 24*time.Hour))
				require.NoError(t, triggers.Set(t.Context(), "remind", "hour", time.Hour))
				clock.Advance(time.Hour - time.Millisecond)
				settle(t, clock)
				require.Empty(t, fired.ids())
				clock.Advance(time.Millisecond)
				settle(t, clock)
				require.Equal(t, []string{"hour"}, fired.ids())
				clock.Advance(23 * time.Hour)
				settle(t, clock)
				require.Equal(t, []string{"hour", "day"}, fired.ids())
				fired.events = nil
			}
		})
	}
}

// Settle finds triggers that another service sets without an entry in the
// schedule.
func TestSettleFindsForeignTriggers(t *testing.T) {
	pools, clock := embedded.New(t, func(cfg *pool.Config) { cfg.Layout = keyspace.Python() })
	var fired firings
	listen(t, pools, clock, "remind", func(_ context.Context, e expiry.Event) error {
		fired.add(e)
		return nil
	})
	settle(t, clock)
	c := client(t, pools, pool.Expiry)
	key, err := pools.Layout().Trigger.Key("acme", "remind", "1")
	require.NoError(t, err)
	require.NoError(t, c.Do(t.Context(), c.B().Set().Key(key).Value("").Px(time.Hour).Build()).Error())
	settle(t, clock)
	clock.Advance(time.Hour)
	settle(t, clock)
	require.Equal(t, []string{"1"}, fired.ids())
}

// A firing that fails is due again after its backoff, which is a time of the
// server.
func TestAdvanceDeliversFailuresAgain(t *testing.T) {
	pools, clock := embedded.New(t)
	var calls atomic.Int64
	listen(t, pools, clock, "remind", func(_ context.Context, e expiry.Event) error {
		if calls.Add(1); e.Attempt < 3 {
			return symphony.RetryAfter(time.Minute, context.DeadlineExceeded)
		}
		return nil
	})
	triggers, err := symphony.NewTrigger(pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(t.Context(), "remind", "1", time.Second))
	clock.Advance(time.Second)
	for want := int64(1); want <= 3; want++ {
		settle(t, clock)
		require.Equal(t, want, calls.Load())
		clock.Advance(time.Minute)
	}
	settle(t, clock)
	require.EqualValues(t, 3, calls.Load())
}

// A running handler loses its lease, and its work is delivered again.
func TestAdvanceEndsTheLeaseOfAHandler(t *testing.T) {
	pools, clock := embedded.New(t)
	running := make(chan struct{}, 2)
	causes := make(chan error, 1)
	listen(t, pools, clock, "remind", func(ctx context.Context, e expiry.Event) error {
		running <- struct{}{}
		if e.Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	})
	triggers, err := symphony.NewTrigger(pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(t.Context(), "remind", "1", time.Second))
	clock.Advance(time.Second)
	<-running
	clock.Advance(30 * time.Minute) // half of a lease: it is renewed
	clock.Advance(24 * time.Hour)
	require.ErrorIs(t, <-causes, symphony.ErrLeaseLost)
	settle(t, clock)
	require.Len(t, running, 1)
}

func TestAdvanceEndsTheLeaseOfItems(t *testing.T) {
	pools, clock := embedded.New(t)
	batch, err := symphony.NewBatch[string](pools, "acme")
	require.NoError(t, err)
	q := symphony.Queue{Service: "chat", Entity: "e", Action: "a"}
	_, err = batch.Enqueue(t.Context(), q, "hello")
	require.NoError(t, err)
	entered, causes := make(chan struct{}), make(chan error, 1)
	go func() {
		_, _ = batch.Process(t.Context(), q, 10, func(ctx context.Context, _ []listrepo.Item[string]) error {
			close(entered)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		})
	}()
	<-entered
	clock.Advance(time.Hour)
	require.ErrorIs(t, <-causes, symphony.ErrLeaseLost)
}

// A quiet queue is handled when its quiet period has passed.
func TestAdvanceEndsQuietPeriods(t *testing.T) {
	pools, clock := embedded.New(t)
	batch, err := symphony.NewBatch[string](pools, "acme")
	require.NoError(t, err)
	var mu sync.Mutex
	var chunks [][]string
	clock.Go(func(ctx context.Context) error {
		return symphony.WorkBatches(ctx, pools, "chat", func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[string]) error {
			mu.Lock()
			defer mu.Unlock()
			var chunk []string
			for _, item := range items {
				chunk = append(chunk, item.Value)
			}
			chunks = append(chunks, chunk)
			return nil
		}, symphony.WorkConfig{})
	})
	quiet := batch.With(symphony.Quiet(10*time.Second, time.Minute))
	q := symphony.Queue{Service: "chat", Entity: "e", Action: "a"}
	for _, text := range []string{"one", "two", "three"} {
		_, err := quiet.Enqueue(t.Context(), q, text)
		require.NoError(t, err)
		clock.Advance(9 * time.Second)
		settle(t, clock)
		require.Empty(t, chunks)
	}
	clock.Advance(time.Second)
	settle(t, clock)
	require.Equal(t, [][]string{{"one", "two", "three"}}, chunks)

	tenants, err := symphony.PendingTenants(t.Context(), pools, "chat")
	require.NoError(t, err)
	require.Equal(t, []string{"acme"}, tenants)
	clock.Advance(2 * time.Minute)
	settle(t, clock)
	tenants, err = symphony.PendingTenants(t.Context(), pools, "chat")
	require.NoError(t, err)
	require.Empty(t, tenants)
}

// Settle waits for work that other work makes.
func TestSettleFollowsAChain(t *testing.T) {
	pools, clock := embedded.New(t)
	batch, err := symphony.NewBatch[string](pools, "acme")
	require.NoError(t, err)
	triggers, err := symphony.NewTrigger(pools, "acme")
	require.NoError(t, err)
	q := symphony.Queue{Service: "chat", Entity: "e", Action: "a"}
	var handled atomic.Int64
	listen(t, pools, clock, "remind", func(ctx context.Context, e expiry.Event) error {
		_, err := batch.Enqueue(ctx, q, e.ID)
		return err
	})
	clock.Go(func(ctx context.Context) error {
		return symphony.WorkBatches(ctx, pools, "chat", func(ctx context.Context, _ string, _ symphony.Queue, items []listrepo.Item[string]) error {
			if n := handled.Add(int64(len(items))); n < 20 {
				return triggers.Set(ctx, "remind", "1", 0)
			}
			return nil
		}, symphony.WorkConfig{})
	})
	require.NoError(t, triggers.Set(t.Context(), "remind", "1", 24*time.Hour))
	clock.Advance(24 * time.Hour)
	settle(t, clock)
	require.EqualValues(t, 20, handled.Load())
}

func TestSettleSaysWhatIsBusy(t *testing.T) {
	pools, clock := embedded.New(t)
	require.ErrorContains(t, clock.Settle(t.Context()), "start them with Clock.Go")
	ctx, cancel := context.WithCancel(t.Context())
	listen(t, pools, clock, "remind", func(handling context.Context, _ expiry.Event) error {
		cancel()
		<-handling.Done()
		return nil
	})
	triggers, err := symphony.NewTrigger(pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(t.Context(), "remind", "1", time.Second))
	clock.Advance(time.Second)
	err = clock.Settle(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, `still busy: the listener of action "remind": `)
	clock.Advance(time.Hour) // ends the handler's context
}

// A listener that the test started itself has stopped when the pools close.
func TestNewStopsListeners(t *testing.T) {
	stopped := make(chan error, 1)
	t.Run("test", func(t *testing.T) {
		pools, _ := embedded.New(t)
		r := expiry.NewRegistry()
		require.NoError(t, r.On("remind", func(context.Context, expiry.Event) error { return nil }))
		l, err := expiry.NewListener(pools, r, expiry.Config{})
		require.NoError(t, err)
		running := make(chan struct{})
		go func() {
			close(running)
			stopped <- l.Run(t.Context())
		}()
		<-running
	})
	require.NoError(t, <-stopped)
	requireNoGoroutines(t)
}

// Nothing is logged about what the embedded server does not have.
func TestNoLogsAboutTheServer(t *testing.T) {
	var lines bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&lines, nil)))
	defer slog.SetDefault(before)
	for name, open := range map[string]func(t *testing.T) *pool.Pools{
		"New":  func(t *testing.T) *pool.Pools { pools, _ := embedded.New(t); return pools },
		"Open": func(t *testing.T) *pool.Pools { return open(t, pool.Config{}) },
	} {
		t.Run(name, func(t *testing.T) {
			pools := open(t)
			users, err := symphony.NewUser[profile](pools, "acme", symphony.Cached(time.Minute))
			require.NoError(t, err)
			require.NoError(t, users.Upsert(t.Context(), "ann", profile{"Ann"}))
			_, err = users.Get(t.Context(), "ann")
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			r := expiry.NewRegistry()
			require.NoError(t, r.On("remind", func(context.Context, expiry.Event) error { cancel(); return nil }))
			l, err := expiry.NewListener(pools, r, expiry.Config{})
			require.NoError(t, err)
			triggers, err := symphony.NewTrigger(pools, "acme")
			require.NoError(t, err)
			require.NoError(t, triggers.Set(ctx, "remind", "1", 0))
			require.NoError(t, l.Run(ctx))
			require.NoError(t, symphony.WorkBatches(ctx, pools, "chat", func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error { return nil }, symphony.WorkConfig{}))
		})
	}
	require.Empty(t, lines.String())
}

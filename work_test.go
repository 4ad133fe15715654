package symphony_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// callRecorder records the calls of a handler, in order.
type callRecorder struct {
	mu    sync.Mutex
	calls []string // "<tenant> <entity> <action> <values>"
}

func (h *callRecorder) add(tenant string, q symphony.Queue, items []listrepo.Item[int]) {
	h.mu.Lock()
	defer h.mu.Unlock()
	call := fmt.Sprint(tenant, " ", q.Entity, " ", q.Action)
	for _, item := range items {
		call += fmt.Sprint(" ", item.Value)
	}
	h.calls = append(h.calls, call)
}

func (h *callRecorder) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

type (
	handler    = func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error
	middleware = func(next func(context.Context) error) func(context.Context) error
)

// startWorkers runs WorkBatches until stop is called or the test ends. If cfg
// does not set them, Backoff and StopTimeout are short.
func startWorkers(t *testing.T, p *pool.Pools, service string, handle handler, cfg symphony.WorkConfig, opts ...symphony.Option) (stop func()) {
	t.Helper()
	cfg.StopTimeout = cmp.Or(cfg.StopTimeout, time.Millisecond)
	if cfg.Backoff == nil {
		cfg.Backoff = func(int, error) time.Duration { return 50 * time.Millisecond }
	}
	work, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- symphony.WorkBatches(work, p, service, handle, cfg, opts...) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

// requireEventually waits up to 20 seconds until done returns true.
func requireEventually(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, 20*time.Second, 5*time.Millisecond)
}

func enqueue(t *testing.T, p *pool.Pools, tenant string, q symphony.Queue, items ...int) *symphony.Batch[int] {
	t.Helper()
	b, err := symphony.NewBatch[int](p, tenant)
	require.NoError(t, err)
	_, err = b.Enqueue(ctx, q, items...)
	require.NoError(t, err)
	return b
}

func pendingTenants(t *testing.T, p *pool.Pools, service string) []string {
	t.Helper()
	tenants, err := symphony.PendingTenants(ctx, p, service)
	require.NoError(t, err)
	return tenants
}

// WorkBatches handles the items of all pending tenants in chunks, until the
// context ends.
func TestWorkBatches(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e:1", Action: "a:b"}
		enqueue(t, p, "one", q, 1, 2, 3)
		enqueue(t, p, "t:wo", q, 4)
		var h callRecorder
		stop := startWorkers(t, p, service, func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
			h.add(tenant, q, items)
			return nil
		}, symphony.WorkConfig{ChunkSize: 2})
		requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
		calls := h.all()
		slices.Sort(calls)
		require.Equal(t, []string{"one e:1 a:b 1 2", "one e:1 a:b 3", "t:wo e:1 a:b 4"}, calls)

		// Later items are found too, also those that only the Python package
		// wrote.
		enqueue(t, p, "one", q, 5)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", queueKey(t, p, "py", service, "ent", "act"), "6").Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SADD", pendingSetKey(t, p, service), "py").Error())
		requireEventually(t, func() bool { return len(h.all()) == 5 && len(pendingTenants(t, p, service)) == 0 })
		calls = h.all()[3:]
		slices.Sort(calls)
		require.Equal(t, []string{"one e:1 a:b 5", "py ent act 6"}, calls)
		stop()
		enqueue(t, p, "one", q, 7)
		require.Equal(t, []string{"one"}, pendingTenants(t, p, service))
	})
}

// Tenants take turns: a tenant with many items, or one whose queue fails, does
// not starve the others.
func TestWorkIsFair(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		for i := range 50 {
			enqueue(t, p, "big", symphony.Queue{Service: service, Entity: fmt.Sprint(i), Action: "a"}, make([]int, 20)...)
		}
		enqueue(t, p, "small", q, 1, 2, 3)
		enqueue(t, p, "broken", q, 9)
		var h callRecorder
		var reports []error
		var mu sync.Mutex
		startWorkers(t, p, service, func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
			h.add(tenant, q, items)
			if tenant == "broken" {
				return errors.New("broken")
			}
			return nil
		}, symphony.WorkConfig{Workers: 1, ChunkSize: 1, OnError: func(err *symphony.WorkError) {
			mu.Lock()
			defer mu.Unlock()
			reports = append(reports, err)
		}})
		small := func() (at []int) {
			for i, call := range h.all() {
				if call[:5] == "small" {
					at = append(at, i)
				}
			}
			return at
		}
		requireEventually(t, func() bool { return len(small()) == 3 })
		require.Less(t, small()[2], 9, "a tenant waited for more than three chunks of each of three tenants")
		requireEventually(t, func() bool { return len(h.all()) >= 1000+3+2 })
		mu.Lock()
		defer mu.Unlock()
		var failed *symphony.WorkError
		require.ErrorAs(t, reports[0], &failed)
		require.Equal(t, "broken", failed.Tenant)
		require.Equal(t, q, failed.Queue)
	})
}

// If a handler panics, its items are redelivered and OnError receives the
// stack. Without OnError the stack is logged.
func TestWorkPanics(t *testing.T) {
	p := pooltest.Embedded(t)
	service := pooltest.UniqueTenant()
	q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
	poison := func(h *callRecorder) handler {
		return func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
			h.add(tenant, q, items)
			if items[0].Attempt == 1 {
				panic("poison")
			}
			return nil
		}
	}
	var h callRecorder
	reports := make(chan error, 10)
	enqueue(t, p, "one", q, 1)
	stop := startWorkers(t, p, service, poison(&h), symphony.WorkConfig{OnError: func(err *symphony.WorkError) { reports <- err }})
	var failed *symphony.WorkError
	var panicked *symphony.PanicError
	err := <-reports
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "one", failed.Tenant)
	require.ErrorAs(t, err, &panicked)
	require.Equal(t, "poison", panicked.Value)
	require.Contains(t, string(panicked.Stack), "TestWorkPanics")
	require.NotContains(t, err.Error(), "TestWorkPanics")
	requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
	require.Equal(t, []string{"one e a 1", "one e a 1"}, h.all())
	stop()

	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	enqueue(t, p, "two", q, 2)
	stop = startWorkers(t, p, service, poison(&h), symphony.WorkConfig{})
	requireEventually(t, func() bool { return len(h.all()) == 4 })
	stop()
	for _, part := range []string{"poison", "two", "TestWorkPanics"} {
		require.Contains(t, log.String(), part)
	}
}

// A handler or an OnError that calls runtime.Goexit, as require does, stops no
// worker.
func TestWorkGoexit(t *testing.T) {
	p := pooltest.Embedded(t)
	service := pooltest.UniqueTenant()
	q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
	reports := make(chan error, 10)
	var h callRecorder
	enqueue(t, p, "one", q, 1)
	stop := startWorkers(t, p, service, func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
		h.add(tenant, q, items)
		if items[0].Attempt < 3 {
			runtime.Goexit()
		}
		return nil
	}, symphony.WorkConfig{Workers: 1, OnError: func(err *symphony.WorkError) {
		reports <- err
		runtime.Goexit()
	}})
	for range 2 {
		var failed *symphony.WorkError
		require.ErrorAs(t, <-reports, &failed)
		require.Equal(t, "one", failed.Tenant)
		require.ErrorContains(t, failed, "runtime.Goexit")
	}
	requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
	require.Equal(t, []string{"one e a 1", "one e a 1", "one e a 1"}, h.all())
	stop()
}

// Workers that stop release their items. An item does not become a dead
// letter, however often that happens.
func TestWorkReleasesItemsOnStop(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "one", q, 1)
		for deployment := range 4 {
			attempts := make(chan int, 1)
			stop := startWorkers(t, p, service, func(ctx context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
				attempts <- items[0].Attempt
				<-ctx.Done()
				return ctx.Err()
			}, symphony.WorkConfig{MaxAttempts: 3})
			require.Equal(t, deployment+1, <-attempts)
			stop()
		}
		for dead, err := range b.Dead(ctx, q) {
			t.Error("a dead letter", dead, err)
		}
		n, err := b.Len(ctx, q)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})
}

// Items that a dead worker had claimed are redelivered when the lease expires,
// even if the tenant was removed from the pending set.
func TestWorkAfterAWorkerDied(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "one", q, 1, 2)
		dead, err := b.Claim(ctx, q, 10, 500*time.Millisecond)
		require.NoError(t, err)
		require.Len(t, dead.Items, 2)
		removed, err := symphony.RemoveFromPending(ctx, p, service, "one")
		require.NoError(t, err)
		require.False(t, removed, "a tenant with claimed items was removed")
		pending, err := p.Layout().PendingSet.Key(service)
		require.NoError(t, err)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SREM", pending, "one").Error())
		var attempts []int
		var mu sync.Mutex
		startWorkers(t, p, service, func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
			mu.Lock()
			defer mu.Unlock()
			for i, item := range items {
				require.Equal(t, dead.Items[i].ID, item.ID)
				attempts = append(attempts, item.Attempt)
			}
			return nil
		}, symphony.WorkConfig{})
		requireEventually(t, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return slices.Equal(attempts, []int{2, 2})
		})
		require.ErrorIs(t, dead.Ack(ctx), symphony.ErrLeaseLost)
	})
}

// A tenant that is no longer in the pending set, because a removal was
// interrupted, is still pending.
func TestTenantIsPendingDuringRemoval(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		drained := keyspace.Beside("drained", p.Prefix(pool.Handlers)+pendingSetKey(t, p, service))
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", drained, "0", "p%3Ay").Error())
		require.Equal(t, []string{"p:y"}, pendingTenants(t, p, service))
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", queueKey(t, p, "p:y", service, "e", "a"), "1").Error())
		removed, err := symphony.RemoveFromPending(ctx, p, service, "p:y")
		require.NoError(t, err)
		require.False(t, removed)
		var h callRecorder
		startWorkers(t, p, service, func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
			h.add(tenant, q, items)
			return nil
		}, symphony.WorkConfig{})
		requireEventually(t, func() bool { return len(h.all()) == 1 && len(pendingTenants(t, p, service)) == 0 })
	})
}

// queueKey returns the key of a queue without the pool's prefix.
func queueKey(t *testing.T, p *pool.Pools, tenant, service, entity, action string) string {
	t.Helper()
	key, err := p.Layout().BatchList.Key(tenant, service, entity, action)
	require.NoError(t, err)
	return key
}

// pendingSetKey returns the key of a pending set without the pool's prefix.
func pendingSetKey(t *testing.T, p *pool.Pools, service string) string {
	t.Helper()
	key, err := p.Layout().PendingSet.Key(service)
	require.NoError(t, err)
	return key
}

// ForceRemoveFromPending removes a tenant and keeps its items.
func TestForceRemoveFromPending(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "one", q, 1)
		require.NoError(t, symphony.ForceRemoveFromPending(ctx, p, service, "one"))
		require.Empty(t, pendingTenants(t, p, service))
		n, err := b.Len(ctx, q)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.NoError(t, symphony.ForceRemoveFromPending(ctx, p, service, ""), "the empty name must be accepted, since other programs may have written it")
	})
}

// On a cluster no method fails with CROSSSLOT.
func TestBatchOnACluster(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()})
	for i := range 4 {
		service := fmt.Sprint("svc", i)
		q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
		b := enqueue(t, p, "one", q, 1, 2, 3)
		_, err := b.Enqueue(ctx, q, 4) // the tenant is already pending
		require.NoError(t, err)
		c, err := b.Claim(ctx, q, 2, time.Minute)
		require.NoError(t, err)
		require.NoError(t, c.Extend(ctx, time.Minute))
		require.NoError(t, c.Ack(ctx, c.Items[0]))
		require.NoError(t, c.Release(ctx))
		failing := b.With(symphony.MaxAttempts(2))
		broken := errors.New("broken")
		n, err := failing.Process(ctx, q, 10, func(context.Context, []listrepo.Item[int]) error { return broken })
		require.Equal(t, broken, err)
		require.Zero(t, n)
		for d, err := range b.Dead(ctx, q) {
			require.NoError(t, err)
			require.Equal(t, 2, d.Value)
			back, err := b.Retry(ctx, q, d.ID)
			require.NoError(t, err)
			require.EqualValues(t, 1, back)
		}
		backlog, err := b.Backlog(ctx, q)
		require.NoError(t, err)
		require.EqualValues(t, 3, backlog.Waiting)
		removed, err := symphony.RemoveFromPending(ctx, p, service, "one")
		require.NoError(t, err)
		require.False(t, removed)
		stop := startWorkers(t, p, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }, symphony.WorkConfig{})
		requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
		stop()
		backlog, err = b.Backlog(ctx, q)
		require.NoError(t, err)
		require.Zero(t, backlog)
	}
}

// WorkBatches refuses invalid arguments before anything is sent.
func TestWorkBatchesErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	none := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
	for name, c := range map[string]struct {
		want    error
		service string
		cfg     symphony.WorkConfig
		opts    []symphony.Option
	}{
		"no service":  {symphony.ErrInvalidKey, "", symphony.WorkConfig{}, nil},
		"Workers":     {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{Workers: -1}, nil},
		"many":        {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{Workers: 10_001}, nil},
		"ChunkSize":   {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{ChunkSize: listrepo.MaxCount + 1}, nil},
		"Lease":       {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{Lease: time.Millisecond}, nil},
		"StopTimeout": {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{StopTimeout: -1}, nil},
		"MaxAttempts": {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{MaxAttempts: -1}, nil},
		"Use":         {symphony.ErrInvalidArgument, "s", symphony.WorkConfig{Use: []middleware{nil}}, nil},
		"IfAbsent":    {symphony.ErrUnsupported, "s", symphony.WorkConfig{}, []symphony.Option{symphony.IfAbsent()}},
		"Cached":      {symphony.ErrUnsupported, "s", symphony.WorkConfig{}, []symphony.Option{symphony.Cached(time.Second)}},
		"Attempts":    {symphony.ErrUnsupported, "s", symphony.WorkConfig{}, []symphony.Option{symphony.MaxAttempts(3)}},
		"no pool":     {symphony.ErrUnknownPool, "s", symphony.WorkConfig{}, []symphony.Option{symphony.On("nowhere")}},
	} {
		t.Run(name, func(t *testing.T) {
			pooltest.RequireNothingSent(t, p, c.want, func() error { return symphony.WorkBatches(ctx, p, c.service, none, c.cfg, c.opts...) })
		})
	}
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error {
		return symphony.WorkBatches[int](ctx, p, "s", nil, symphony.WorkConfig{})
	})
	_, err := symphony.NewUser[struct{}](p, "one", symphony.MaxAttempts(2))
	require.ErrorIs(t, err, symphony.ErrUnsupported)
	require.ErrorIs(t, symphony.WorkBatches(ctx, nil, "s", none, symphony.WorkConfig{}), symphony.ErrUnknownPool)
	p.Close()
	require.ErrorIs(t, symphony.WorkBatches(ctx, p, "s", none, symphony.WorkConfig{}), symphony.ErrClosed)
}

// No two workers ever have the same item.
func TestWorkersNeverOverlap(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service := pooltest.UniqueTenant()
		const items = 2000
		for i := range items / 100 {
			values := make([]int, 100)
			for j := range values {
				values[j] = 100*i + j
			}
			enqueue(t, p, fmt.Sprint("tenant", i%3), symphony.Queue{Service: service, Entity: "e", Action: "a"}, values...)
		}
		var mu sync.Mutex
		seen := map[int]int{}
		for range 2 {
			startWorkers(t, p, service, func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
				mu.Lock()
				for _, item := range items {
					seen[item.Value]++
				}
				mu.Unlock()
				return nil
			}, symphony.WorkConfig{Workers: 4, ChunkSize: 7})
		}
		requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, seen, items)
		for value, times := range seen {
			require.Equal(t, 1, times, value)
		}
	})
}

// hookAfterSREM calls a function once, after the first SREM.
type hookAfterSREM struct {
	rueidis.Client
	once *sync.Once
	do   func()
}

func (m hookAfterSREM) DoMulti(ctx context.Context, cmds ...rueidis.Completed) []rueidis.RedisResult {
	removes := slices.ContainsFunc(cmds, func(c rueidis.Completed) bool { return c.Commands()[0] == "SREM" })
	results := m.Client.DoMulti(ctx, cmds...)
	if removes {
		m.once.Do(m.do)
	}
	return results
}

// An item that the Python package enqueues during a removal keeps the tenant
// pending, although Python had added the tenant before.
func TestPythonEnqueueDuringRemoval(t *testing.T) {
	for name, remove := range map[string]func(t *testing.T, p *pool.Pools, h *callRecorder){
		"RemoveFromPending": func(t *testing.T, p *pool.Pools, _ *callRecorder) {
			removed, err := symphony.RemoveFromPending(ctx, p, "svc", "py")
			require.NoError(t, err)
			require.False(t, removed)
			require.Equal(t, []string{"py"}, pendingTenants(t, p, "svc"))
		},
		"WorkBatches": func(t *testing.T, p *pool.Pools, h *callRecorder) {
			startWorkers(t, p, "svc", func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{})
			requireEventually(t, func() bool { return slices.Equal(h.all(), []string{"py ent act 1"}) })
			requireEventually(t, func() bool { return len(pendingTenants(t, p, "svc")) == 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Server(t)
			raw := server.Client(t, 10)
			do := func(args ...string) {
				require.NoError(t, raw.Do(ctx, raw.B().Arbitrary(args...).Build()).Error())
			}
			var once sync.Once
			p := pooltest.Redis(t, pool.Config{URL: server.URL(), NewClient: func(o rueidis.ClientOption) (rueidis.Client, error) {
				c, err := rueidis.NewClient(o)
				return hookAfterSREM{c, &once, func() { do("RPUSH", "py:batch:svc:ent:act", "1") }}, err
			}})
			do("SADD", "pending_batches:svc", "py")
			remove(t, p, &callRecorder{})
		})
	}
}

// Invalid entries in the keys beside a queue are reported, and delay neither
// the queue nor its items.
func TestWorkWithInvalidEntriesBesideAQueue(t *testing.T) {
	pooltest.Long(t)
	for _, kind := range []string{"due", "again", "age"} {
		t.Run(kind, func(t *testing.T) {
			p := pooltest.Embedded(t)
			service := pooltest.UniqueTenant()
			q := symphony.Queue{Service: service, Entity: "e", Action: "a"}
			const items = 60
			enqueue(t, p, "one", q, make([]int, items)...)
			key := keyspace.Beside(kind, p.Prefix(pool.Handlers)+"one:batch:"+service+":e:a")
			command := []string{"SET", key, "x"}
			if kind != "age" {
				command = []string{"ZADD", key}
				for i := range 2000 {
					command = append(command, "0", fmt.Sprint("garbage ", i))
				}
			} else {
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", key).Error())
			}
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, command...).Error())
			var h callRecorder
			reports := make(chan error, 1000)
			startWorkers(t, p, service, func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[int]) error {
				h.add(tenant, q, items)
				return nil
			}, symphony.WorkConfig{Workers: 1, ChunkSize: 1, OnError: func(err *symphony.WorkError) { reports <- err }})
			requireEventually(t, func() bool { return len(h.all()) == items })
			requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
			require.Len(t, reports, 1, "the invalid entries must be reported once a minute")
			var failed *symphony.WorkError
			require.ErrorAs(t, <-reports, &failed)
			require.Equal(t, "one", failed.Tenant)
		})
	}
}

package symphony_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// occupancy counts the handlers of each tenant that run, and the items that are
// done.
type occupancy struct {
	mu            sync.Mutex
	running, peak map[string]int
	done          map[string][]int
	release       chan struct{} // ends one handler of the tenant "big"
}

func newOccupancy() *occupancy {
	return &occupancy{running: map[string]int{}, peak: map[string]int{}, done: map[string][]int{}, release: make(chan struct{})}
}

func (o *occupancy) handle(ctx context.Context, tenant string, _ symphony.Queue, items []listrepo.Item[int]) error {
	o.mu.Lock()
	o.running[tenant]++
	o.peak[tenant] = max(o.peak[tenant], o.running[tenant])
	o.mu.Unlock()
	if tenant == "big" {
		select {
		case <-o.release:
		case <-ctx.Done():
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running[tenant]--
	if ctx.Err() == nil {
		for _, item := range items {
			o.done[tenant] = append(o.done[tenant], item.Value)
		}
	}
	return ctx.Err()
}

func (o *occupancy) count(tenant string) (running, peak, done int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.running[tenant], o.peak[tenant], len(o.done[tenant])
}

func (o *occupancy) hasDone(tenant string, n int) func() bool {
	return func() bool { _, _, done := o.count(tenant); return done == n }
}

func (o *occupancy) runs(tenant string, n int) func() bool {
	return func() bool { running, _, _ := o.count(tenant); return running == n }
}

// No more handlers of a tenant run at once than PerTenant, over all calls of
// WorkBatches, and other tenants go on meanwhile.
func TestPerTenant(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		service, o := pooltest.UniqueTenant(), newOccupancy()
		const queues, each = 6, 3
		for i := range queues {
			enqueue(t, p, "big", symphony.Queue{Service: service, Entity: strconv.Itoa(i), Action: "a"}, 1, 2, 3)
		}
		cfg := symphony.WorkConfig{Workers: 4, ChunkSize: 1, PerTenant: 2}
		startWorkers(t, p, service, o.handle, cfg)
		startWorkers(t, p, service, o.handle, cfg)
		requireEventually(t, o.runs("big", 2))
		for i := range 20 {
			enqueue(t, p, "small"+strconv.Itoa(i%3), symphony.Queue{Service: service, Entity: "e", Action: "a"}, i)
		}
		for tenant, n := range map[string]int{"small0": 7, "small1": 7, "small2": 6} {
			requireEventually(t, o.hasDone(tenant, n))
		}
		for i := range queues * each {
			requireEventually(t, o.runs("big", min(2, queues*each-i)))
			o.release <- struct{}{}
		}
		requireEventually(t, o.hasDone("big", queues*each))
		_, peak, _ := o.count("big")
		require.Equal(t, 2, peak)
		requireEventually(t, func() bool { return len(pendingTenants(t, p, service)) == 0 })
		for _, key := range pooltest.Keys(t, p, pool.Handlers) {
			require.False(t, strings.Contains(key, "%places") && strings.Contains(key, service), key)
		}
	})
}

// Serial queues keep their order.
func TestPerTenantOfSerialQueues(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		service, o := pooltest.UniqueTenant(), newOccupancy()
		close(o.release)
		b, err := symphony.NewBatch[int](p, "big", symphony.Serial())
		require.NoError(t, err)
		for i := range 5 {
			_, err := b.Enqueue(ctx, symphony.Queue{Service: service, Entity: strconv.Itoa(i), Action: "a"}, 10*i, 10*i+1, 10*i+2)
			require.NoError(t, err)
		}
		cfg := symphony.WorkConfig{Workers: 4, ChunkSize: 1, PerTenant: 2}
		startWorkers(t, p, service, o.handle, cfg)
		startWorkers(t, p, service, o.handle, cfg)
		requireEventually(t, o.hasDone("big", 15))
		_, peak, _ := o.count("big")
		require.LessOrEqual(t, peak, 2)
		last := map[int]int{}
		for _, item := range o.done["big"] {
			require.Equal(t, last[item/10], item%10)
			last[item/10]++
		}
	})
}

// The place of a dead worker is free when its lease has expired.
func TestPlaceOfADeadWorker(t *testing.T) {
	s := redistest.Server(t)
	service, o := pooltest.UniqueTenant(), newOccupancy()
	cfg := symphony.WorkConfig{Lease: 500 * time.Millisecond, PerTenant: 1, StopTimeout: time.Millisecond}

	dying, p := pooltest.Redis(t, pool.Config{URL: s.URL()}), pooltest.Redis(t, pool.Config{URL: s.URL()})
	enqueue(t, p, "big", symphony.Queue{Service: service, Entity: "1", Action: "a"}, 1)
	one := cfg
	one.Workers = 1
	died, stuck := make(chan error, 1), make(chan struct{})
	go func() {
		died <- symphony.WorkBatches(ctx, dying, service, func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error {
			close(stuck)
			select {}
		}, one)
	}()
	<-stuck
	enqueue(t, p, "big", symphony.Queue{Service: service, Entity: "2", Action: "a"}, 2)
	startWorkers(t, p, service, o.handle, cfg)
	enqueue(t, p, "small", symphony.Queue{Service: service, Entity: "e", Action: "a"}, 3)
	requireEventually(t, o.hasDone("small", 1))
	require.True(t, o.runs("big", 0)())
	dying.Close()
	require.ErrorIs(t, <-died, symphony.ErrClosed)
	close(o.release)
	requireEventually(t, o.hasDone("big", 2))
	_, peak, _ := o.count("big")
	require.Equal(t, 1, peak)
}

// If a key of places holds another type, the tenant waits, and others do not.
func TestPlacesOfAnotherType(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		service, o := pooltest.UniqueTenant(), newOccupancy()
		close(o.release)
		key := "%places:{" + pendingSetKey(t, p, service) + "}:big"
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key, "x").Error())
		enqueue(t, p, "big", symphony.Queue{Service: service, Entity: "1", Action: "a"}, 1)
		enqueue(t, p, "small", symphony.Queue{Service: service, Entity: "1", Action: "a"}, 1)
		reported := make(chan error, 100)
		startWorkers(t, p, service, o.handle, symphony.WorkConfig{PerTenant: 1, OnError: func(err *symphony.WorkError) {
			select {
			case reported <- err:
			default:
			}
		}})
		requireEventually(t, o.hasDone("small", 1))
		err := <-reported
		require.ErrorIs(t, err, symphony.ErrWrongType)
		require.ErrorContains(t, err, "%places")
		require.True(t, o.hasDone("big", 0)())
	})
}

func TestPerTenantIsChecked(t *testing.T) {
	p := pooltest.Embedded(t)
	err := symphony.WorkBatches(ctx, p, "s", newOccupancy().handle, symphony.WorkConfig{PerTenant: -1})
	var bad *symphony.ConfigError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "PerTenant", bad.Field)
	require.ErrorContains(t, err, "-1 is negative; use 0 for no bound")
}

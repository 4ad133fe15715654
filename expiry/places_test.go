package expiry

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// A claim takes no more firings of a tenant than there are free places, of all
// actions, and as many of others as it can.
func TestPlacesOfATenant(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // NewListener refuses a bound on a cluster
		b, other := newBacklog(t, p), newBacklog(t, p)
		b.queue.perTenant, other.queue.perTenant = 3, 3
		b.set("a", 20)
		b.set("b", 2)
		other.set("a", 5)
		tenants, _, running := b.claim(10)
		require.Equal(t, []int{3, 2}, []int{count(tenants, "a"), count(tenants, "b")}, tenants)
		tenants, _, _ = other.claim(10)
		require.Empty(t, tenants, "the places are those of all actions")
		tenants, _, _ = b.claim(10)
		require.Empty(t, tenants)

		first := running[firingsOf(running, "a")[0]]
		require.NoError(t, b.queue.freePlaces(t.Context(), []token{{first.member, 2}}))
		tenants, _, _ = other.claim(10)
		require.Empty(t, tenants, "a late attempt freed the place of the current one")
		require.NoError(t, b.queue.freePlaces(t.Context(), []token{{first.member, 1}, {first.member, 1}}))
		tenants, _, _ = other.claim(10)
		require.Equal(t, []string{"a"}, tenants)
		tenants, _, _ = b.claim(10)
		require.Empty(t, tenants)
	})
}

// firingsOf returns the indexes of the firings of a tenant.
func firingsOf(all []firing, tenant string) (found []int) {
	for i, f := range all {
		if strings.Contains(f.member, "|"+tenant+":") {
			found = append(found, i)
		}
	}
	return found
}

// A firing of a dead worker holds its place until its lease expires, and no
// longer. Renewed places stay taken.
func TestPlacesOfADeadWorker(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // NewListener refuses a bound on a cluster
		b := newBacklog(t, p)
		b.queue.perTenant = 2
		b.set("a", 6)
		got, err := b.queue.claim(t.Context(), 10, 50*time.Millisecond, 20)
		require.NoError(t, err)
		require.Len(t, got.firings, 2)
		kept := token{got.firings[1].member, 1}
		require.NoError(t, b.queue.renewPlaces(t.Context(), []token{kept}, time.Minute))
		lost, err := b.queue.renew(t.Context(), []token{kept}, time.Minute)
		require.NoError(t, err)
		require.Empty(t, lost)
		var again []firing
		require.Eventually(t, func() bool {
			_, _, again = b.claim(10)
			return len(again) > 0
		}, 30*time.Second, 5*time.Millisecond)
		require.Len(t, again, 1)
		require.Equal(t, got.firings[0].member, again[0].member, "the expired lease comes first")
		require.Equal(t, "2 0 1 0 ", again[0].status)
		none, _, _ := b.claim(10)
		require.Empty(t, none)
	})
}

// Two listeners keep the bound together, and neither delays another tenant.
func TestPlacesOfTwoListeners(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	b := newBacklog(t, p)
	var mu sync.Mutex
	running, most, handled := map[string]int{}, map[string]int{}, map[string]int{}
	release := make(chan struct{})
	r := NewRegistry()
	require.NoError(t, r.On(b.queue.action, func(ctx context.Context, e Event) error {
		mu.Lock()
		running[e.Tenant]++
		most[e.Tenant] = max(most[e.Tenant], running[e.Tenant])
		handled[e.Tenant]++
		mu.Unlock()
		defer func() {
			mu.Lock()
			running[e.Tenant]--
			mu.Unlock()
		}()
		if e.Tenant == "a" {
			select {
			case <-release:
			case <-ctx.Done():
			}
		}
		return nil
	}))
	b.set("a", 50)
	ctx, stop := context.WithCancel(t.Context())
	var listeners sync.WaitGroup
	for range 2 {
		l, err := NewListener(p, r, Config{Workers: 8, PerTenant: 3, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		listeners.Go(func() { _ = l.Run(ctx) })
	}
	number := func(of map[string]int, tenant string) int {
		mu.Lock()
		defer mu.Unlock()
		return of[tenant]
	}
	require.Eventually(t, func() bool { return number(running, "a") == 3 }, 30*time.Second, time.Millisecond)
	b.set("b", 20)
	require.Eventually(t, func() bool { return number(handled, "b") == 20 }, 30*time.Second, time.Millisecond)
	require.Equal(t, 3, number(handled, "a"), "only the firings that hold places ran meanwhile")
	close(release)
	require.Eventually(t, func() bool { return number(handled, "a") == 50 }, 30*time.Second, time.Millisecond)
	require.Equal(t, 3, number(most, "a"))
	stop()
	listeners.Wait()
	require.Eventually(t, func() bool {
		n, err := pooltest.Do(t, p, pool.Expiry, "EXISTS", b.queue.running+"a", b.queue.running+"b").AsInt64()
		return err == nil && n == 0
	}, 30*time.Second, time.Millisecond)
}

func TestPlacesAreRefused(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	r := NewRegistry()
	require.NoError(t, r.On("x", func(context.Context, Event) error { return nil }))
	_, err := NewListener(p, r, Config{PerTenant: -1})
	var mistake *ConfigError
	require.ErrorAs(t, err, &mistake)
	require.Equal(t, "PerTenant", mistake.Field)
	require.ErrorContains(t, err, "use 0 for no bound")
	_, err = NewListener(pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()}), r, Config{PerTenant: 1})
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "PerTenant")
}

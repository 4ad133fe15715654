package expiry

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// backlog is a queue with the triggers of several tenants.
type backlog struct {
	*testing.T
	pools   *pool.Pools
	queue   *queue
	tenants map[string]*Schedule
	claims  int
}

func newBacklog(t *testing.T, p *pool.Pools) *backlog {
	t.Helper()
	f := newTurnFixture(t, p)
	return &backlog{T: t, pools: p, queue: f.queue, tenants: map[string]*Schedule{}}
}

func (b *backlog) schedule(tenant string) *Schedule {
	b.Helper()
	if b.tenants[tenant] == nil {
		s, err := NewSchedule(b.pools, pool.Expiry, b.pools.Layout().Trigger, tenant)
		require.NoError(b, err)
		b.tenants[tenant] = s
	}
	return b.tenants[tenant]
}

// ids returns n ids of triggers of a tenant that are in the shard.
func (b *backlog) ids(tenant string, n int) (ids []string) {
	b.Helper()
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("%07d", i); b.schedule(tenant).names.shard(tenant, b.queue.action, id) == b.queue.shard {
			ids = append(ids, id)
		}
	}
	return ids
}

// set sets n triggers of a tenant that are due now, in the order of their ids
// if n is small.
func (b *backlog) set(tenant string, n int) {
	b.Helper()
	s, callers := b.schedule(tenant), 1
	if n > 100 {
		callers = 32
	}
	ids := b.ids(tenant, n)
	var wg sync.WaitGroup
	var failures atomic.Int64
	for c := range callers {
		wg.Go(func() {
			for i := c; i < n; i += callers {
				if s.Set(b.Context(), b.queue.action, ids[i], 0) != nil {
					failures.Add(1)
				}
			}
		})
	}
	wg.Wait()
	require.Zero(b, failures.Load())
	<-time.After(2 * time.Millisecond) // the last one is due
}

// claim claims up to n firings, with as many calls as that takes. It returns
// their tenants and ids.
func (b *backlog) claim(n int) (tenants, ids []string, firings []firing) {
	b.Helper()
	for {
		got, err := b.queue.claim(b.Context(), n, time.Minute, 20)
		require.NoError(b, err)
		require.Empty(b, got.wrongType)
		b.claims++
		if got.again && len(got.firings) == 0 {
			continue
		}
		for _, f := range got.firings {
			key, _ := splitEntry("active", f.member)
			l, ok := b.schedule("any").names.parse(key)
			require.True(b, ok)
			tenants, ids = append(tenants, l.tenant), append(ids, l.id)
		}
		return tenants, ids, got.firings
	}
}

func count(all []string, one string) (n int) {
	for _, x := range all {
		if x == one {
			n++
		}
	}
	return n
}

// A trigger is in the next claim after it was due, however many of another
// tenant are due before it.
func TestBacklogOfATenant(t *testing.T) {
	b := newBacklog(t, pooltest.Redis(t, pool.Config{}))
	b.set("a", 20_000)
	b.set("b", 1)
	tenants, _, _ := b.claim(4)
	require.Equal(t, 1, count(tenants, "b"), tenants)
	require.Equal(t, 3, count(tenants, "a"), tenants)
	require.Less(t, b.claims, 100, "the first claim reads the backlog")

	b.claims = 0
	b.set("c", 1)
	tenants, _, _ = b.claim(2)
	require.Equal(t, 1, count(tenants, "c"), tenants)
	require.Equal(t, 1, b.claims)
}

// Tenants take turns, and a tenant's triggers come in the order in which they
// are due.
func TestTenantsTakeTurns(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		b := newBacklog(t, p)
		b.set("a", 60)
		b.set("b", 20)
		b.set("c", 10)
		var tenants, ids []string
		for len(tenants) < 90 {
			found, foundIDs, _ := b.claim(1 + len(tenants)%7)
			require.NotEmpty(t, found)
			tenants, ids = append(tenants, found...), append(ids, foundIDs...)
		}
		for i, tenant := range tenants {
			if i < 27 { // until c has no more
				served := tenants[:i+1]
				require.LessOrEqual(t, count(served, "a"), count(served, "c")+7, served)
			}
			of := ids[:0:0]
			for j := range i {
				if tenants[j] == tenant {
					of = append(of, ids[j])
				}
			}
			require.True(t, slices.IsSorted(of), "the order of %s: %v", tenant, of)
		}
		require.Equal(t, []int{60, 20, 10}, []int{count(tenants, "a"), count(tenants, "b"), count(tenants, "c")})
		b.requireNoBacklog()
	})
}

// requireNoBacklog requires that the keys of the backlog are gone.
func (b *backlog) requireNoBacklog() {
	b.Helper()
	b.claim(10)
	for _, key := range []string{b.queue.backlog, b.queue.tenants, b.queue.earlier, b.queue.readyKey("a"), b.queue.readyKey("b"), b.queue.readyKey("c")} {
		n, err := b.queue.client.Do(b.Context(), b.queue.client.B().Exists().Key(key).Build()).AsInt64()
		require.NoError(b, err)
		require.Zero(b, n, key)
	}
}

// Attempts that are due again do not come before the triggers of other tenants.
func TestRetriesTakeTurns(t *testing.T) {
	b := newBacklog(t, pooltest.Redis(t, pool.Config{}))
	b.set("a", 400)
	for left := 400; left > 0; {
		_, _, firings := b.claim(250)
		require.NotEmpty(t, firings)
		left -= len(firings)
		for _, f := range firings {
			_, err := b.queue.fail(t.Context(), token{f.member, 1}, 0, 20, "later")
			require.NoError(t, err)
		}
	}
	<-time.After(2 * time.Millisecond)
	b.set("b", 1)
	tenants, _, _ := b.claim(4)
	require.Equal(t, 1, count(tenants, "b"), tenants)
}

// ack acknowledges firings in their first attempt.
func (b *backlog) ack(firings []firing) {
	b.Helper()
	for _, f := range firings {
		lost, err := b.queue.ack(b.Context(), []token{{f.member, 1}})
		require.NoError(b, err)
		require.Empty(b, lost)
	}
}

// A trigger that waited for another firing of the same id is found, although
// its due time was read before.
func TestBacklogHasWhatWaitedForItsTurn(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		b := newBacklog(t, p)
		b.set("b", 1)
		_, _, running := b.claim(1)
		b.set("a", 50)
		b.set("b", 1) // it waits for its turn
		for range 4 {
			tenants, _, _ := b.claim(2)
			require.Zero(t, count(tenants, "b"), "two firings of a trigger overlap")
		}
		b.ack(running)
		tenants, _, _ := b.claim(2)
		require.Equal(t, 1, count(tenants, "b"), tenants)
	})
}

// Triggers that were deleted or moved while they were in the backlog are
// skipped, and nothing of the backlog is left.
func TestBacklogOfDeletedTriggers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		b := newBacklog(t, p)
		b.set("a", 700)
		b.set("b", 3)
		_, _, first := b.claim(1)
		b.ack(first)
		for _, id := range b.ids("a", 700) {
			_, err := b.schedule("a").Delete(t.Context(), b.queue.action, id)
			require.NoError(t, err)
		}
		require.NoError(t, b.schedule("b").Set(t.Context(), b.queue.action, b.ids("b", 3)[2], time.Hour))
		left := 0
		for range 8 {
			tenants, _, _ := b.claim(4)
			left += len(tenants)
			require.Zero(t, count(tenants, "a"))
		}
		require.Equal(t, 2, left)
		b.requireNoBacklog()
	})
}

// A sweep finds what is due and, because keys of the backlog were removed, in
// no backlog.
func TestSweepRestoresTheBacklog(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		b := newBacklog(t, p)
		b.set("b", 1)
		_, _, failed := b.claim(1)
		b.set("a", 50)
		b.set("c", 3)
		b.claim(1)
		result, err := b.queue.fail(t.Context(), token{failed[0].member, 1}, 0, 20, "later")
		require.NoError(t, err)
		require.Equal(t, putBackWaiting, result)
		<-time.After(2 * time.Millisecond)
		b.claim(1)
		for _, key := range []string{b.queue.tenants, b.queue.readyKey("b"), b.queue.readyKey("c")} {
			require.NoError(t, b.queue.client.Do(t.Context(), b.queue.client.B().Del().Key(key).Build()).Error())
		}
		for _, pass := range repairPasses {
			_, err := b.queue.repair(t.Context(), pass.kind, 0, 1000, time.Minute, clockStep{})
			require.NoError(t, err)
		}
		tenants, _, _ := b.claim(6)
		require.Equal(t, 2, count(tenants, "c"), tenants)
		require.Equal(t, 1, count(tenants, "b"), tenants)
	})
}

// If a key of the backlog holds another type, everything is claimed
// nevertheless.
func TestBacklogOfAnotherType(t *testing.T) {
	for _, kind := range []string{"backlog", "tenants", "earlier", "ready"} {
		t.Run(kind, func(t *testing.T) {
			b := newBacklog(t, pooltest.Redis(t, pool.Config{}))
			key := map[string]string{"backlog": b.queue.backlog, "tenants": b.queue.tenants, "earlier": b.queue.earlier, "ready": b.queue.readyKey("a")}[kind]
			require.NoError(t, pooltest.Do(t, b.pools, pool.Expiry, "SET", key, "x").Error())
			b.set("a", 20)
			b.set("b", 20)
			seen := map[string]int{}
			var wrongType []string
			for range 20 {
				got, err := b.queue.claim(t.Context(), 4, time.Minute, 20)
				require.NoError(t, err)
				for _, f := range got.firings {
					l, _ := b.schedule("a").names.parse(keyOf(f.member))
					seen[l.tenant]++
				}
				wrongType = append(wrongType, got.wrongType...)
			}
			slices.Sort(wrongType)
			require.Equal(t, []string{key}, slices.Compact(wrongType))
			require.Equal(t, map[string]int{"a": 20, "b": 20}, seen)
			require.NoError(t, pooltest.Do(t, b.pools, pool.Expiry, "DEL", key).Error())
		})
	}
}

package hashrepo_test

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// The cache stays within its budget, even if ten times as much is read.
func TestCacheMemoryStaysWithinBudget(t *testing.T) {
	const budget = 2 << 20
	requireMemoryWithinBudget(t, budget, "flat", newFlatRecord)
	requireMemoryWithinBudget(t, budget, "deep", newNestedRecord)
}

// TestSoakHeap is the long form of the test above. `make soak` runs it.
func TestSoakHeap(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("SOAK=1 runs it")
	}
	const budget = 16 << 20
	requireMemoryWithinBudget(t, budget, "flat", newFlatRecord)
	requireMemoryWithinBudget(t, budget, "deep", newNestedRecord)
	requireMemoryWithinBudget(t, budget, "small", func(i int) FlatRecord { return FlatRecord{N: int64(i)} })
	requireMemoryWithinBudget(t, budget, "undecoded", func(i int) Ledger { return Ledger{*big.NewInt(int64(i + 1))} })
}

func newFlatRecord(i int) TwelveFields {
	v := twelveFields
	v.Name = fmt.Sprint("name", i)
	return v
}

func newNestedRecord(i int) Profile {
	return Profile{
		Name: fmt.Sprint("name", i), Tags: []string{"a", "bb", fmt.Sprint(i)}, Raw: make([]byte, 100),
		Labels: map[string]int{"x": i, "y": 2}, Any: map[string]any{"k": []any{"v", int64(1)}},
	}
}

func requireMemoryWithinBudget[T any](t *testing.T, budget int, name string, value func(i int) T) {
	t.Run(name, func(t *testing.T) {
		p := pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL(), Timeout: time.Minute, Cache: pool.Cache{MaxBytes: budget}})
		dialAllConnections(t, p)
		before := heapInUse()
		counted := readTenTimesTheBudget(t, p, budget, value)
		full := heapInUse()
		require.NoError(t, pooltest.Do(t, p, pool.User, "FLUSHALL").Error())
		waitUntil(t, func() bool { return userStats(p).CacheEntries == 0 })
		// Garbage of an earlier test may have been collected in between.
		held := full - min(before, heapInUse())
		t.Logf("%d bytes held, %d counted, of %d", held, counted, budget)
		require.LessOrEqual(t, held, int64(budget+budget/5))
		require.Greater(t, counted, int64(budget)*9/10)
		require.Greater(t, held, counted*6/10, "the cache counts far more than it holds")
	})
}

// dialAllConnections makes the pool dial all its connections, since their
// buffers are not part of the cache.
func dialAllConnections(t *testing.T, p *pool.Pools) {
	t.Helper()
	warm, plain, _ := cachedPair[FlatRecord](t, p)
	for i := range 200 {
		require.NoError(t, plain.Upsert(ctx, fmt.Sprint(i), FlatRecord{}))
		_, err := warm.Get(ctx, fmt.Sprint(i))
		require.NoError(t, err)
	}
	_, err := plain.DeleteAll(ctx)
	require.NoError(t, err)
}

// readTenTimesTheBudget reads ten times the budget, a part of it repeatedly,
// and returns the bytes that the cache counts.
func readTenTimesTheBudget[T any](t *testing.T, p *pool.Pools, budget int, value func(i int) T) int64 {
	t.Helper()
	cached, plain, _ := cachedPair[T](t, p)
	const batch = 500
	for i := 0; ; i += batch {
		records := make([]hashrepo.Record[T], batch)
		ids := make([]string, batch)
		for j := range records {
			ids[j] = fmt.Sprintf("record-%07d", i+j)
			records[j] = record(ids[j], value(i+j))
		}
		require.NoError(t, plain.UpsertMany(ctx, records...))
		_, err := cached.GetMany(ctx, ids...)
		require.NoError(t, err)
		_, err = cached.GetMany(ctx, ids[:batch/4]...)
		require.NoError(t, err)
		_, err = plain.Delete(context.Background(), ids[batch/2:batch/2+10]...)
		require.NoError(t, err)
		s := userStats(p)
		if s.CacheEvictions > 0 && s.CacheEntries > 0 {
			read := (s.CacheEvictions + s.CacheEntries) * (s.CacheBytes / s.CacheEntries)
			if read > 10*int64(budget) {
				return s.CacheBytes
			}
		}
	}
}

// heapInUse returns the bytes of the heap that are in use after all garbage is
// collected.
func heapInUse() int64 {
	var m runtime.MemStats
	for least, same := uint64(math.MaxUint64), 0; same < 5; same++ {
		runtime.GC()
		runtime.ReadMemStats(&m)
		if m.HeapAlloc+16<<10 < least {
			least, same = m.HeapAlloc, 0
		}
	}
	return int64(m.HeapAlloc)
}

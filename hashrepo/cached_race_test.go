package hashrepo_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

func TestOwnWritesAreNeverStale(t *testing.T) {
	t.Run("redis", func(t *testing.T) { readOwnWritesOnFourConnections(t, 20_000) })
	t.Run("without invalidations", func(t *testing.T) {
		p := pooltest.Redis(t, pool.Config{NewClient: pooltest.WithoutInvalidations})
		require.Zero(t, countStaleReads(t, p, 20_000))
		require.Positive(t, userStats(p).CacheHits)
	})
	t.Run("embedded", func(t *testing.T) { require.Zero(t, countStaleReads(t, pooltest.Embedded(t), 2_000)) })
}

// The writes of a caller that is alone go over another connection than its
// cached reads.
func TestOwnWritesOfOneCallerAreNeverStale(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		opt.PipelineMultiplex = -1 // one connection
		return rueidis.NewClient(opt)
	}})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	for n := range int64(5000) {
		require.NoError(t, plain.Upsert(ctx, "record", FlatRecord{N: n}))
		for range 2 { // the second is from memory
			v, err := cached.Get(ctx, "record")
			require.NoError(t, err)
			require.Equal(t, n, v.N)
		}
	}
	require.Positive(t, userStats(p).CacheHits)
	list, err := pooltest.Do(t, p, pool.User, "CLIENT", "LIST").ToString()
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(list, " db=11 "), "the pipelining and the direct connection")
}

// TestSoakOwnWrites is the long form of the test above. `make soak` runs it.
func TestSoakOwnWrites(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("SOAK=1 runs it")
	}
	readOwnWritesOnFourConnections(t, 1_000_000)
}

// readOwnWritesOnFourConnections requires that no read is stale on a pool with
// four connections.
func readOwnWritesOnFourConnections(t *testing.T, rounds int) {
	t.Helper()
	p := pooltest.Redis(t, pool.Config{NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
		opt.PipelineMultiplex = 2 // the binary logarithm of the number of connections
		return rueidis.NewClient(opt)
	}})
	require.Zero(t, countStaleReads(t, p, rounds))
	require.Positive(t, userStats(p).CacheHits)
	list, err := pooltest.Do(t, p, pool.User, "CLIENT", "LIST").ToString()
	require.NoError(t, err)
	require.GreaterOrEqual(t, strings.Count(list, " db=11 "), 4)
	t.Logf("%d rounds: %+v", rounds, userStats(p))
}

// countStaleReads returns the number of reads that did not return the last
// write of the same goroutine. Each of several goroutines writes one record,
// which is read over another connection than the others, and which a second
// goroutine reads all the time.
func countStaleReads(t *testing.T, p *pool.Pools, rounds int) (stale int64) {
	t.Helper()
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	const writers = 4
	var wg, readers sync.WaitGroup
	var wrong atomic.Int64
	quit := make(chan struct{})
	for w := range writers {
		id := idOnConnection(prefix, w)
		require.NoError(t, plain.Upsert(ctx, id, FlatRecord{}))
		readers.Go(func() {
			last := int64(0)
			for ; isRunning(quit); time.Sleep(20 * time.Microsecond) {
				v, err := cached.Get(ctx, id)
				if err != nil || v.N < last {
					wrong.Add(1)
				}
				last = v.N
			}
		})
		wg.Go(func() {
			for n := int64(1); n <= int64(rounds/writers); n++ {
				err := plain.Upsert(ctx, id, FlatRecord{N: n})
				v, err2 := cached.Get(ctx, id)
				if err != nil || err2 != nil || v.N != n {
					wrong.Add(1)
				}
			}
		})
	}
	wg.Wait()
	close(quit)
	readers.Wait()
	return wrong.Load()
}

// idOnConnection returns an id whose record is read over the nth of four
// connections. The last two bits of a key's slot choose the connection.
func idOnConnection(prefix string, n int) string {
	for i := 0; ; i++ {
		if id := fmt.Sprint("record", i); int(keyspace.Slot(prefix+id)%4) == n {
			return id
		}
	}
}

func isRunning(c chan struct{}) bool {
	select {
	case <-c:
		return false
	default:
		return true
	}
}

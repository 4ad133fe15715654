package hashrepo_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Broken connections lose invalidations. A cached read must still never return
// an older value than the read before it.
func TestCachedReadsNeverGoBackwards(t *testing.T) {
	server := redistest.Server(t)
	// MaxStale is long, so only the end of a connection drops its entries.
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Cache: pool.Cache{MaxStale: time.Hour}})
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	const keys, kills = 8, 84
	for k := range keys {
		require.NoError(t, plain.Upsert(ctx, fmt.Sprint("record", k), FlatRecord{}))
	}
	other, release := server.Client(t, 11).Dedicate() // one connection, which is not killed
	defer release()
	var issued [keys]atomic.Int64
	var backwards, reads, killed atomic.Int64
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var last [keys]int64
			for i := g; isRunning(quit); i++ {
				k := i % keys
				v, err := cached.Get(ctx, fmt.Sprint("record", k))
				if err != nil {
					continue
				}
				reads.Add(1)
				if v.N < last[k] {
					backwards.Add(1)
				}
				last[k] = v.N
				if i%64 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	for n := 0; killed.Load() < kills; n++ {
		k := n % keys
		set := other.B().Hset().Key(prefix+fmt.Sprint("record", k)).FieldValue().FieldValue("n", fmt.Sprint(issued[k].Add(1))).Build()
		require.NoError(t, other.Do(ctx, set).Error())
		if n%50 == 49 {
			ended, err := other.Do(ctx, other.B().Arbitrary("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Build()).AsInt64()
			require.NoError(t, err)
			killed.Add(ended)
		}
	}
	close(quit)
	wg.Wait()
	require.Zero(t, backwards.Load())
	require.Greater(t, reads.Load(), killed.Load())
	for k := range keys {
		waitUntil(t, func() bool {
			v, err := cached.Get(ctx, fmt.Sprint("record", k))
			return err == nil && v.N == issued[k].Load()
		})
	}
	t.Logf("%d connections killed, %d reads: %+v", killed.Load(), reads.Load(), userStats(p))
}

// If a connection is dead without an error, its entries are served for MaxStale
// and no longer.
func TestDeadConnectionServesUntilMaxStale(t *testing.T) {
	server := redistest.Server(t)
	link := redistest.NewProxy(t, server)
	const maxStale = 600 * time.Millisecond
	p := pooltest.Redis(t, pool.Config{URL: link.URL(), Timeout: 300 * time.Millisecond, Cache: pool.Cache{MaxStale: maxStale}})
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	other := server.Client(t, 11)

	// While the connection lives, entries are served for much longer than
	// MaxStale.
	_, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	misses := userStats(p).CacheMisses
	for end := time.Now().Add(5 * maxStale); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		_, err := cached.Get(ctx, "u")
		require.NoError(t, err)
	}
	require.LessOrEqual(t, userStats(p).CacheMisses-misses, int64(2), "entries of a live connection expired")

	link.SetDelay(time.Hour)
	defer link.SetFault(redistest.Healthy)
	limit := time.Now().Add(maxStale)
	require.NoError(t, other.Do(ctx, other.B().Hset().Key(prefix+"u").FieldValue().FieldValue("n", "2").Build()).Error())
	stale := 0
	waitUntil(t, func() bool {
		before := time.Now()
		v, err := cached.Get(ctx, "u")
		if err == nil && v.N == 1 {
			require.False(t, before.After(limit), "older than MaxStale")
			stale++
		}
		return err != nil
	})
	require.Positive(t, stale, "the connection was not dead")

	link.SetFault(redistest.Healthy)
	waitUntil(t, func() bool {
		v, err := cached.Get(ctx, "u")
		require.False(t, err == nil && v.N == 1, "the old value was returned after the connection recovered")
		return err == nil
	})
}

func TestCacheAfterServerRestart(t *testing.T) {
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL()})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	_, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	server.Restart(t)
	waitUntil(t, func() bool {
		_, err := cached.Get(ctx, "u")
		return errors.Is(err, symphony.ErrNotFound)
	})
	waitUntil(t, func() bool { return plain.Upsert(ctx, "u", FlatRecord{N: 2}) == nil })
	v, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	require.EqualValues(t, 2, v.N)
}

// On a cluster, a read returns the caller's own last write, also during
// failovers.
func TestCachedOnACluster(t *testing.T) {
	c := redistest.ReplicatedCluster(t)
	p := pooltest.Redis(t, pool.Config{URL: c.URL()})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	ids := make([]string, 64)
	write := func(n int64) {
		for i := range ids {
			ids[i] = fmt.Sprint("record", i)
			waitUntil(t, func() bool {
				if plain.Upsert(ctx, ids[i], FlatRecord{N: n}) != nil {
					return false
				}
				v, err := cached.Get(ctx, ids[i])
				require.False(t, err == nil && v.N != n, "stale: %d", v.N)
				return err == nil
			})
		}
	}
	write(1)
	many, err := cached.GetMany(ctx, ids...)
	require.NoError(t, err)
	require.Len(t, many, len(ids))
	requireReadsFromMemory(t, p, func() { _, _ = cached.GetMany(ctx, ids...) })
	require.EqualValues(t, len(ids), userStats(p).CacheEntries)
	for _, replica := range c.Replicas {
		follower := replica.Client(t, 0)
		require.NoError(t, follower.Do(ctx, follower.B().Arbitrary("CLUSTER", "FAILOVER").Build()).Error())
		waitUntil(t, func() bool {
			role, err := follower.Do(ctx, follower.B().Role().Build()).ToArray()
			require.NoError(t, err)
			name, _ := role[0].ToString()
			return name == "master"
		})
	}
	write(2)
	many, err = cached.GetMany(ctx, ids...)
	require.NoError(t, err)
	for _, r := range many {
		require.EqualValues(t, 2, r.Value.N)
	}
}

func TestCachedDuringSentinelFailover(t *testing.T) {
	s := redistest.Sentinel(t)
	p := pooltest.Redis(t, pool.Config{URL: s.URL(), Timeout: time.Second})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	write := func(n int64) {
		waitUntil(t, func() bool {
			if plain.Upsert(ctx, "u", FlatRecord{N: n}) != nil {
				return false
			}
			v, err := cached.Get(ctx, "u")
			require.False(t, err == nil && v.N != n, "stale: %d", v.N)
			return err == nil
		})
	}
	write(1)
	requireReadsFromMemory(t, p, func() { _, _ = cached.Get(ctx, "u") })
	s.Primary.Kill()
	for n := int64(2); n < 50; n++ {
		write(n)
	}
}

// If the server does not support invalidations, every read goes to the server,
// and one log line says so.
func TestWithoutTracking(t *testing.T) {
	restricted := redistest.Server(t, "user default on nopass ~* &* +@all -client|tracking")
	for name, open := range map[string]func(t *testing.T, logger *slog.Logger) *pool.Pools{
		"embedded": func(t *testing.T, logger *slog.Logger) *pool.Pools {
			p, err := embedded.Open(ctx, pool.Config{Logger: logger})
			require.NoError(t, err)
			t.Cleanup(p.Close)
			return p
		},
		"refused": func(t *testing.T, logger *slog.Logger) *pool.Pools {
			return pooltest.Redis(t, pool.Config{URL: restricted.URL(), Logger: logger})
		},
		"refused for single keys": func(t *testing.T, logger *slog.Logger) *pool.Pools {
			s := redistest.Server(t, "user default on nopass ~* &* +@all -client|caching")
			return pooltest.Redis(t, pool.Config{URL: s.URL(), Logger: logger})
		},
		"RESP2": func(t *testing.T, logger *slog.Logger) *pool.Pools {
			return pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL() + "?protocol=2", Logger: logger})
		},
		"cluster": func(t *testing.T, logger *slog.Logger) *pool.Pools {
			c := redistest.Cluster(t, "user default on nopass ~* &* +@all -client|tracking")
			return pooltest.Redis(t, pool.Config{URL: c.URL(), Logger: logger})
		},
		"sentinel": func(t *testing.T, logger *slog.Logger) *pool.Pools {
			s := redistest.Sentinel(t, "user default on nopass ~* &* +@all -client|tracking")
			return pooltest.Redis(t, pool.Config{URL: s.URL(), Logger: logger})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			p := open(t, slog.New(slog.NewTextHandler(&log, nil)))
			plain, _ := newRepo[FlatRecord](t, p)
			require.NotContains(t, log.String(), "Cached", "logged before a view with Cached was made")
			cached := plain.With(hashrepo.Cached(time.Hour))
			_ = plain.With(hashrepo.Cached(time.Hour))
			logged := 1
			if name == "embedded" { // its documentation says so
				logged = 0
			}
			require.Equal(t, logged, strings.Count(log.String(), "Cached"), log.String())
			require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
			for range 2 {
				before := userStats(p).Commands
				v, err := cached.Get(ctx, "u")
				require.NoError(t, err)
				require.EqualValues(t, 1, v.N)
				require.Equal(t, before+1, userStats(p).Commands)
			}
			many, err := cached.GetMany(ctx, "u", "missing")
			require.NoError(t, err)
			require.Len(t, many, 1)
			_, err = cached.PeekShared(ctx, "u")
			require.NoError(t, err)
			require.Zero(t, userStats(p).CacheMisses)
		})
	}
	t.Run("disabled", func(t *testing.T) {
		var log bytes.Buffer
		p := pooltest.Redis(t, pool.Config{Cache: pool.Cache{Disabled: true}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		cached, plain, _ := cachedPair[FlatRecord](t, p)
		require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
		for range 2 {
			v, err := cached.Get(ctx, "u")
			require.NoError(t, err)
			require.EqualValues(t, 1, v.N)
		}
		require.Zero(t, userStats(p).CacheMisses+userStats(p).CacheHits)
		require.Empty(t, log.String())
		flags, err := pooltest.Do(t, p, pool.User, "CLIENT", "TRACKINGINFO").AsMap()
		require.NoError(t, err)
		on := flags["flags"]
		list, err := on.AsStrSlice()
		require.NoError(t, err)
		require.Equal(t, []string{"off"}, list)
	})
	t.Run("a NewClient that disables caching", func(t *testing.T) {
		p := pooltest.Redis(t, pool.Config{NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
			opt.DisableCache = true
			return rueidis.NewClient(opt)
		}})
		cached, plain, _ := cachedPair[FlatRecord](t, p)
		for n := range int64(3) {
			require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: n}))
			for range 2 {
				v, err := cached.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, n, v.N)
			}
		}
		require.Zero(t, userStats(p).CacheHits)
	})
}

package hashrepo_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// FlatRecord is a record type that an assignment copies.
type FlatRecord struct {
	Name string `redis:"name"`
	N    int64  `redis:"n"`
}

// cachedPair returns a view of a repository with a cache, and the repository
// itself without one.
func cachedPair[T any](t testing.TB, p *pool.Pools, opts ...hashrepo.Option) (cached, plain *hashrepo.HashRepo[T], prefix string) {
	t.Helper()
	plain, prefix = newRepo[T](t, p, opts...)
	cached = plain.With(hashrepo.Cached(time.Hour))
	return cached, plain, prefix
}

// expiryDelay is the time by which Redis may expire a key too late. Redis
// counts in milliseconds and reads the clock once in each turn of its event
// loop.
const expiryDelay = 5 * time.Millisecond

func userStats(p *pool.Pools) pool.Stats { return p.Stats()[pool.User] }

// requireReadsFromMemory waits until read sends no command. An invalidation by
// an earlier write may arrive late and cost one read.
func requireReadsFromMemory(t *testing.T, p *pool.Pools, read func()) {
	t.Helper()
	waitUntil(t, func() bool {
		before := userStats(p).Commands
		read()
		return userStats(p).Commands == before
	})
}

// waitUntil waits until done reports true.
func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the condition did not become true in 10 seconds")
	}
}

// Every write drops the cached record, without an invalidation by Redis.
func TestEveryWriteShowsInTheNextRead(t *testing.T) {
	type Versioned struct {
		FlatRecord
		Tags    []string `redis:"tags"`
		Version int64    `redis:"version,version"`
	}
	name := hashrepo.FieldOf(func(c *FlatRecord) *string { return &c.Name })
	number := hashrepo.NumberOf(func(c *FlatRecord) *int64 { return &c.N })
	p := pooltest.Redis(t, pool.Config{NewClient: pooltest.WithoutInvalidations})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	for what, write := range map[string]func(repo *hashrepo.HashRepo[FlatRecord]) error{
		"Upsert": func(r *hashrepo.HashRepo[FlatRecord]) error { return r.Upsert(ctx, "u", FlatRecord{"new", 5}) },
		"KeepTTL": func(r *hashrepo.HashRepo[FlatRecord]) error {
			return r.With(hashrepo.KeepTTL()).Upsert(ctx, "u", FlatRecord{"new", 5})
		},
		"UpsertMany": func(r *hashrepo.HashRepo[FlatRecord]) error {
			return r.UpsertMany(ctx, record("other", FlatRecord{}), record("u", FlatRecord{"new", 5}))
		},
		"Replace":    func(r *hashrepo.HashRepo[FlatRecord]) error { return r.Replace(ctx, "u", FlatRecord{"new", 5}) },
		"Update":     func(r *hashrepo.HashRepo[FlatRecord]) error { return r.Update(ctx, "u", name.Set("new")) },
		"Update Add": func(r *hashrepo.HashRepo[FlatRecord]) error { return r.Update(ctx, "u", number.Add(2)) },
		"Merge":      func(r *hashrepo.HashRepo[FlatRecord]) error { _, err := r.Merge(ctx, "u", number.Add(2)); return err },
		"Increment":  func(r *hashrepo.HashRepo[FlatRecord]) error { _, err := number.Increment(ctx, r, "u", 2); return err },
		"Mutate": func(r *hashrepo.HashRepo[FlatRecord]) error {
			_, err := r.Mutate(ctx, "u", func(c *FlatRecord) error { c.N++; return nil })
			return err
		},
		"UpdateField": func(r *hashrepo.HashRepo[FlatRecord]) error { return r.UpdateField(ctx, "u", "name", "new") },
		"DeleteField": func(r *hashrepo.HashRepo[FlatRecord]) error { _, err := r.DeleteField(ctx, "u", "name"); return err },
		"Delete":      func(r *hashrepo.HashRepo[FlatRecord]) error { _, err := r.Delete(ctx, "other", "u"); return err },
		"DeleteAll":   func(r *hashrepo.HashRepo[FlatRecord]) error { _, err := r.DeleteAll(ctx); return err },
	} {
		t.Run(what, func(t *testing.T) {
			require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{"old", 1}))
			before, err := cached.Get(ctx, "u")
			require.NoError(t, err)
			requireReadsFromMemory(t, p, func() { _, _ = cached.Get(ctx, "u") })
			require.NoError(t, write(plain))
			want, wantErr := plain.Get(ctx, "u")
			got, gotErr := cached.Get(ctx, "u")
			require.Equal(t, want, got)
			require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(gotErr))
			require.NotEqual(t, before, got)
		})
	}

	t.Run("Delete IfVersion", func(t *testing.T) {
		cached, plain, _ := cachedPair[Versioned](t, p)
		require.NoError(t, plain.Upsert(ctx, "u", Versioned{}))
		_, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		_, err = plain.With(hashrepo.IfVersion(1)).Delete(ctx, "u")
		require.NoError(t, err)
		_, err = cached.Get(ctx, "u")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	})
	t.Run("a missing record", func(t *testing.T) {
		_, err := cached.Get(ctx, "new")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		requireReadsFromMemory(t, p, func() { _, _ = cached.Get(ctx, "new") })
		require.NoError(t, plain.Upsert(ctx, "new", FlatRecord{"here", 1}))
		got, err := cached.GetMany(ctx, "new")
		require.NoError(t, err)
		require.Equal(t, []hashrepo.Record[FlatRecord]{record("new", FlatRecord{"here", 1})}, got)
	})
	t.Run("another type", func(t *testing.T) {
		other, err := hashrepo.New[map[string]string](p, pool.User, space(t, "shared"))
		require.NoError(t, err)
		repo, err := hashrepo.New[FlatRecord](p, pool.User, space(t, "shared"), hashrepo.Cached(time.Hour))
		require.NoError(t, err)
		require.NoError(t, other.Upsert(ctx, "u", map[string]string{"name": "a"}))
		_, err = repo.Get(ctx, "u")
		require.NoError(t, err)
		require.NoError(t, other.Upsert(ctx, "u", map[string]string{"name": "b"}))
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, "b", got.Name)
	})
	t.Run("Touch", func(t *testing.T) {
		require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{"old", 1}))
		_, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		_, err = plain.With(hashrepo.TTL(50*time.Millisecond)).Touch(ctx, "u")
		require.NoError(t, err)
		end := time.Now().Add(50 * time.Millisecond)
		waitUntil(t, func() bool {
			before := time.Now()
			_, err := cached.Get(ctx, "u")
			require.False(t, err == nil && before.After(end.Add(expiryDelay)), "returned after its lifetime")
			return err != nil
		})
	})
	t.Run("a write that may have been applied", func(t *testing.T) {
		require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{"old", 1}))
		_, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		require.NoError(t, pooltest.Do(t, p, pool.User, "CLIENT", "PAUSE", "60", "WRITE").Error())
		err = plain.Upsert(short, "u", FlatRecord{"new", 2})
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.True(t, op.MaybeApplied())
		before := userStats(p).Commands
		_, _ = cached.Get(ctx, "u")
		require.Greater(t, userStats(p).Commands, before, "returned from memory")
	})
}

// A read that began before a write returns the old value to its own callers. It
// does not put it into the cache.
func TestReadOvertakenByWriteIsNotCached(t *testing.T) {
	gate := pooltest.NewGate()
	p := pooltest.Redis(t, pool.Config{NewClient: gate.NewClient})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))

	gate.Close()
	old := make(chan FlatRecord)
	go func() {
		v, _ := cached.Get(ctx, "u")
		old <- v
	}()
	<-gate.Held
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 2}))
	fresh := make(chan FlatRecord)
	go func() {
		v, _ := cached.Get(ctx, "u")
		fresh <- v
	}()
	<-gate.Held
	gate.Open()
	require.EqualValues(t, 1, (<-old).N)
	require.EqualValues(t, 2, (<-fresh).N)
	v, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	require.EqualValues(t, 2, v.N)
	require.Positive(t, userStats(p).CacheBypasses)
}

func TestConcurrentGetsShareOneRead(t *testing.T) {
	gate := pooltest.NewGate()
	p := pooltest.Redis(t, pool.Config{NewClient: gate.NewClient})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	before := userStats(p)

	gate.Close()
	impatient, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var got atomic.Int64
	ask := func() {
		wg.Go(func() {
			if v, err := cached.Get(ctx, "u"); err == nil {
				got.Add(v.N)
			}
		})
	}
	ask()
	<-gate.Held
	for range 20 {
		ask()
	}
	wg.Go(func() {
		_, err := cached.Get(impatient, "u")
		assert.ErrorIs(t, err, context.Canceled)
	})
	waitUntil(t, func() bool { return userStats(p).CacheMisses == before.CacheMisses+22 })
	cancel()
	gate.Open()
	wg.Wait()
	require.EqualValues(t, 21, got.Load())
	require.Equal(t, before.Commands+1, userStats(p).Commands)
}

// If the caller that reads a record gives up, other callers read it again.
func TestCanceledReadDoesNotFailOthers(t *testing.T) {
	gate := pooltest.NewGate()
	p := pooltest.Redis(t, pool.Config{NewClient: gate.NewClient})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	require.NoError(t, pooltest.Do(t, p, pool.User, "CLIENT", "PAUSE", "300", "ALL").Error())

	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := cached.Get(short, "u")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
	waitUntil(t, func() bool { return userStats(p).CacheMisses == 1 })
	v, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	require.EqualValues(t, 1, v.N)
	wg.Wait()
}

func TestWritesOfOtherClientsInvalidate(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	do := func(args ...string) { require.NoError(t, pooltest.Do(t, p, pool.User, args...).Error()) }
	for what, change := range map[string]func(){
		"HSET":    func() { do("HSET", prefix+"u", "n", "2") },
		"DEL":     func() { do("DEL", prefix+"u") },
		"PEXPIRE": func() { do("PEXPIRE", prefix+"u", "30") },
		"RENAME":  func() { do("RENAME", prefix+"u", prefix+"gone") },
		"onto":    func() { do("HSET", prefix+"x", "n", "7"); do("RENAME", prefix+"x", prefix+"u") },
		"COPY":    func() { do("HSET", prefix+"x", "n", "7"); do("COPY", prefix+"x", prefix+"u", "REPLACE") },
		"RESTORE": func() {
			do("HSET", prefix+"x", "n", "7")
			do("EVAL", "return redis.call('RESTORE', KEYS[1], 0, redis.call('DUMP', KEYS[2]), 'REPLACE')", "2", prefix+"u", prefix+"x")
		},
		"FLUSHDB":  func() { do("FLUSHDB") },
		"FLUSHALL": func() { do("FLUSHALL") },
		"MOVE":     func() { do("MOVE", prefix+"u", "0") },
	} {
		t.Run(what, func(t *testing.T) {
			do("FLUSHALL")
			require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
			requireReadsFromMemory(t, p, func() {
				_, err := cached.Get(ctx, "u")
				require.NoError(t, err)
			})
			change()
			waitUntil(t, func() bool {
				v, err := cached.Get(ctx, "u")
				return err != nil || v.N != 1
			})
		})
	}
}

// A cached record expires with its lifetime, without an invalidation by Redis.
func TestCachedRecordExpires(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{NewClient: pooltest.WithoutInvalidations})
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	const lifetime = 300 * time.Millisecond
	require.NoError(t, plain.With(hashrepo.TTL(lifetime)).Upsert(ctx, "u", FlatRecord{N: 1}))
	end := time.Now().Add(lifetime)
	hits := userStats(p).CacheHits
	waitUntil(t, func() bool {
		before := time.Now()
		_, err := cached.Get(ctx, "u")
		require.False(t, err == nil && before.After(end.Add(expiryDelay)), "returned after its lifetime")
		return err != nil
	})
	require.Greater(t, userStats(p).CacheHits, hits)
	require.False(t, time.Now().Before(end.Add(-50*time.Millisecond)))

	t.Run("at the age of the view", func(t *testing.T) {
		require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
		brief := plain.With(hashrepo.Cached(100 * time.Millisecond))
		_, err := brief.Get(ctx, "u")
		require.NoError(t, err)
		_, err = cached.Get(ctx, "u")
		require.NoError(t, err)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"u", "n", "2").Error())
		limit := time.Now().Add(100 * time.Millisecond)
		waitUntil(t, func() bool {
			before := time.Now()
			v, err := brief.Get(ctx, "u")
			require.NoError(t, err)
			require.False(t, v.N == 1 && before.After(limit), "returned after the age of the view")
			return v.N == 2
		})
		requireReadsFromMemory(t, p, func() {
			v, err := cached.Get(ctx, "u")
			require.NoError(t, err)
			require.EqualValues(t, 1, v.N, "a view with another age lost its entry")
		})
	})
}

func TestCacheStats(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{Cache: pool.Cache{MaxBytes: 64 << 10}})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	_, _ = cached.Get(ctx, "u")
	_, _ = cached.Get(ctx, "u")
	_, _ = cached.Get(ctx, "missing")
	s := userStats(p)
	require.EqualValues(t, 1, s.CacheHits)
	require.EqualValues(t, 2, s.CacheMisses)
	require.EqualValues(t, 2, s.CacheEntries)
	require.Positive(t, s.CacheBytes)
	require.Zero(t, s.CacheInvalidations)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 2}))
	s = userStats(p)
	require.EqualValues(t, 1, s.CacheInvalidations)
	require.EqualValues(t, 1, s.CacheEntries)
	require.Zero(t, s.CacheEvictions)
	for i := range 1000 {
		_, _ = cached.Get(ctx, fmt.Sprint("missing", i))
	}
	s = userStats(p)
	require.Positive(t, s.CacheEvictions)
	require.LessOrEqual(t, s.CacheBytes, int64(64<<10))
	require.EqualValues(t, 1001, s.CacheEvictions+s.CacheEntries)
	require.Zero(t, p.Stats()[pool.Default].CacheMisses, "another alias counted the misses")
	p.Close()
	require.Zero(t, userStats(p).CacheEntries)
	_, err := cached.Get(ctx, "missing999")
	require.ErrorIs(t, err, pool.ErrClosed)
}

func TestLargeRecordIsNotCached(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{Cache: pool.Cache{MaxBytes: 64 << 10}})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{Name: string(make([]byte, 5<<10))}))
	for range 2 {
		v, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		require.Len(t, v.Name, 5<<10)
	}
	require.Zero(t, userStats(p).CacheEntries)
	require.EqualValues(t, 2, userStats(p).CacheMisses)
}

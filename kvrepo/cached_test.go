package kvrepo_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

// cachedPair returns a cached and an uncached view of one repository.
func cachedPair[T any](t testing.TB, p *pool.Pools, opts ...kvrepo.Option) (cached, plain *kvrepo.KVRepo[T], prefix string) {
	t.Helper()
	plain, prefix = newRepo[T](t, p, opts...)
	cached = plain.With(kvrepo.Cached(time.Hour))
	return cached, plain, prefix
}

func stats(p *pool.Pools) pool.Stats { return p.Stats()[pool.Default] }

// Every write removes the value from the cache, even if Redis reports no
// change.
func TestEveryWriteIsVisibleToTheNextRead(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{NewClient: pooltest.WithoutInvalidations})
	cached, plain, _ := cachedPair[string](t, p)
	shared, err := keys.Bind(pooltest.UniqueTenant())
	require.NoError(t, err)
	for name, write := range map[string]func() error{
		"Set":      func() error { return plain.Set(ctx, "k", "new") },
		"KeepTTL":  func() error { return plain.With(kvrepo.KeepTTL()).Set(ctx, "k", "new") },
		"IfExists": func() error { return plain.With(kvrepo.IfExists()).Set(ctx, "k", "new") },
		"SetMany": func() error {
			return plain.SetMany(ctx, kvrepo.Record[string]{ID: "other"}, kvrepo.Record[string]{ID: "k", Value: "new"})
		},
		"KeepMany": func() error {
			return plain.With(kvrepo.KeepTTL()).SetMany(ctx, kvrepo.Record[string]{ID: "k", Value: "new"})
		},
		"Swap": func() error { _, _, err := plain.Swap(ctx, "k", "new"); return err },
		"Mutate": func() error {
			_, err := plain.Mutate(ctx, "k", func(s *string) error { *s = "new"; return nil })
			return err
		},
		"Delete":    func() error { _, err := plain.Delete(ctx, "k"); return err },
		"DeleteAll": func() error { _, err := plain.DeleteAll(ctx); return err },
		"other type": func() error {
			numbers, err := kvrepo.New[int](p, pool.Default, shared)
			require.NoError(t, err)
			return numbers.Set(ctx, "k", 7)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cached, plain := cached, plain
			if name == "other type" {
				cached, plain = cached.In(shared), plain.In(shared)
			}
			require.NoError(t, plain.Set(ctx, "k", "old"))
			for range 2 {
				v, err := cached.Get(ctx, "k")
				require.NoError(t, err)
				require.Equal(t, "old", v)
			}
			require.NoError(t, write())
			want, wantErr := plain.Get(ctx, "k")
			got, gotErr := cached.Get(ctx, "k")
			require.Equal(t, want, got)
			require.Equal(t, fmt.Sprint(wantErr), fmt.Sprint(gotErr))
			require.NotEqual(t, "old", got)
		})
	}
}

// A cached absence does not hide a value that another process has stored since.
func TestGetOrLoadCached(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{NewClient: pooltest.WithoutInvalidations})
	cached, _, prefix := cachedPair[string](t, p)
	_, err := cached.Get(ctx, "k")
	require.ErrorIs(t, err, symphony.ErrNotFound)
	require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", prefix+"k", "theirs").Error())
	v, err := cached.GetOrLoad(ctx, "k", func(context.Context) (string, error) {
		t.Error("load was called although the value exists")
		return "", nil
	})
	require.NoError(t, err)
	require.Equal(t, "theirs", v)

	loaded, err := cached.GetOrLoad(ctx, "mine", func(context.Context) (string, error) { return "mine", nil })
	require.NoError(t, err)
	require.Equal(t, "mine", loaded)
	v, err = cached.Get(ctx, "mine")
	require.NoError(t, err)
	require.Equal(t, "mine", v)
	before := stats(p).Commands
	v, err = cached.GetOrLoad(ctx, "mine", func(context.Context) (string, error) {
		t.Error("load was called although the value is in memory")
		return "", nil
	})
	require.NoError(t, err)
	require.Equal(t, "mine", v)
	require.Equal(t, before, stats(p).Commands, "a value in memory needs no lock")
}

// A caller that waits for the load of another caller neither needs a report of
// Redis to see its value nor calls load itself.
func TestWaitingForAnotherLoadCached(t *testing.T) {
	server := redistest.Server(t)
	uninformed := pooltest.Redis(t, pool.Config{URL: server.URL(), NewClient: pooltest.WithoutInvalidations})
	cached, _, prefix := cachedPair[string](t, uninformed)
	space, err := keys.Bind(strings.TrimSuffix(prefix, ":"))
	require.NoError(t, err)
	theirs, err := kvrepo.New[string](pooltest.Redis(t, pool.Config{URL: server.URL()}), pool.Default, space)
	require.NoError(t, err)

	loading, loaded := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := theirs.GetOrLoad(ctx, "k", func(context.Context) (string, error) {
			close(loading)
			<-loaded
			return "theirs", nil
		})
		assert.NoError(t, err)
	})
	<-loading
	_, err = cached.Get(ctx, "k")
	require.ErrorIs(t, err, symphony.ErrNotFound)
	wg.Go(func() {
		v, err := cached.GetOrLoad(ctx, "k", func(context.Context) (string, error) {
			t.Error("load was called twice")
			return "", nil
		})
		assert.Equal(t, "theirs", v, err)
	})
	before := stats(uninformed).Commands
	for end := time.Now().Add(10 * time.Second); stats(uninformed).Commands < before+4; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the caller does not try again")
	}
	close(loaded)
	wg.Wait()
}

func TestOwnWritesAreNeverStale(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		cached, plain, _ := cachedPair[int](t, p)
		var stale atomic.Int64
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				id := fmt.Sprint("k", w)
				for n := range 2000 {
					err := plain.Set(ctx, id, n)
					v, err2 := cached.Get(ctx, id)
					if err != nil || err2 != nil || v != n {
						stale.Add(1)
					}
					_, _ = cached.GetMany(ctx, "k0", "k1", "k2", "k3")
				}
			})
		}
		wg.Wait()
		require.Zero(t, stale.Load())
	})
}

func TestCachedGetMany(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		cached, plain, prefix := cachedPair[[]string](t, p)
		require.NoError(t, plain.SetMany(ctx, kvrepo.Record[[]string]{ID: "a", Value: []string{"1"}}, kvrepo.Record[[]string]{ID: "nil"}))
		require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", prefix+"bad", "{").Error())
		for range 3 {
			got, err := cached.GetMany(ctx, "nil", "missing", "bad", "a")
			require.ErrorContains(t, err, prefix+"bad")
			require.NotErrorIs(t, err, symphony.ErrNotFound)
			require.Equal(t, []kvrepo.Record[[]string]{{ID: "nil"}, {ID: "a", Value: []string{"1"}}}, got)
			got[1].Value[0] = "changed"
			v, err := cached.Get(ctx, "nil")
			require.NoError(t, err, "a nil value exists")
			require.Nil(t, v)
			shared, err := cached.PeekShared(ctx, "a")
			require.NoError(t, err)
			require.Equal(t, []string{"1"}, *shared)
			_, err = cached.PeekShared(ctx, "missing")
			require.ErrorIs(t, err, symphony.ErrNotFound)
		}
	})
}

func TestChangesOfOthersBecomeVisible(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	cached, plain, prefix := cachedPair[string](t, p)
	require.NoError(t, plain.Set(ctx, "k", "old"))
	for range 2 {
		_, err := cached.Get(ctx, "k")
		require.NoError(t, err)
		_, err = cached.Get(ctx, "absent")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	}
	hits := stats(p).CacheHits
	require.EqualValues(t, 2, hits)
	require.NoError(t, pooltest.Do(t, p, pool.Default, "MSET", prefix+"k", "new", prefix+"absent", "here").Error())
	end := time.Now().Add(10 * time.Second)
	for done := false; !done; time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end))
		k, _ := cached.Get(ctx, "k")
		absent, _ := cached.Get(ctx, "absent")
		done = k == "new" && absent == "here"
	}
}

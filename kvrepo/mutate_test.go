package kvrepo_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

func TestConcurrentMutationsAllCount(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range []codec.Codec{codec.Compact, codec.MsgPack} {
			repo, _ := newRepo[map[string]int](t, p, kvrepo.Codec(c))
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 10 {
						_, err := repo.Mutate(ctx, "n", func(m *map[string]int) error {
							if *m == nil {
								*m = map[string]int{}
							}
							(*m)["n"]++
							return nil
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			got, err := repo.Get(ctx, "n")
			require.NoError(t, err)
			require.Equal(t, map[string]int{"n": 160}, got)
		}
	})
}

func TestMutate(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[string](t, p, kvrepo.TTL(time.Hour))
		add := func(s *string) error { *s += "x"; return nil }
		got, err := repo.Mutate(ctx, "k", add)
		require.NoError(t, err)
		require.Equal(t, "x", got)

		calls := 0
		got, err = repo.Mutate(ctx, "k", func(s *string) error {
			if calls++; calls == 1 {
				_, err := repo.Delete(ctx, "k")
				require.NoError(t, err)
			}
			return add(s)
		})
		require.NoError(t, err)
		require.Equal(t, 2, calls)
		require.Equal(t, "x", got, "a deleted value came back")

		_, err = repo.With(kvrepo.NoTTL(), kvrepo.KeepTTL()).Mutate(ctx, "k", add)
		require.NoError(t, err)
		left, err := repo.TTL(ctx, "k")
		require.NoError(t, err)
		require.Positive(t, left)
		_, err = repo.With(kvrepo.NoTTL()).Mutate(ctx, "k", add)
		require.NoError(t, err)
		left, err = repo.TTL(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, kvrepo.NoExpiry, left)

		refusal := errors.New("no")
		_, err = repo.Mutate(ctx, "k", func(s *string) error { *s = "lost"; return refusal })
		require.Equal(t, refusal, err)
		mustNotRun := func(*string) error { t.Error("called"); return nil }
		_, err = repo.With(kvrepo.IfAbsent()).Mutate(ctx, "k", mustNotRun)
		require.ErrorIs(t, err, symphony.ErrExists)
		_, err = repo.With(kvrepo.IfExists()).Mutate(ctx, "gone", mustNotRun)
		require.ErrorIs(t, err, symphony.ErrNotFound)
		got, err = repo.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "xxx", got)

		require.NoError(t, pooltest.Do(t, p, pool.Default, "RPUSH", key+"list", "x").Error())
		_, err = repo.Mutate(ctx, "list", mustNotRun)
		require.ErrorIs(t, err, symphony.ErrWrongType)
		numbers, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", key+"n", "s3cret").Error())
		_, err = numbers.Mutate(ctx, "n", func(*int) error { t.Error("called"); return nil })
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.False(t, op.MaybeApplied())

		partial, key := newRepo[struct{ A int }](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", key+"w", `{"A":1, "B":2}`).Error())
		_, err = partial.Mutate(ctx, "w", func(*struct{ A int }) error { return nil })
		require.NoError(t, err)
		text, err := pooltest.Do(t, p, pool.Default, "GET", key+"w").ToString()
		require.NoError(t, err)
		require.Equal(t, `{"A":1, "B":2}`, text, "the stored bytes changed although the value did not")

		ending, cancel := context.WithCancel(ctx)
		_, err = repo.Mutate(ending, "k", func(s *string) error {
			cancel()
			require.NoError(t, repo.Set(ctx, "k", *s+"y"))
			return add(s)
		})
		require.ErrorIs(t, err, context.Canceled)
	})
}

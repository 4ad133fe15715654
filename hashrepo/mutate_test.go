package hashrepo_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// If another writer changes the record between the read and the write, the
// function is called again with the new record.
func TestMutateSeesFreshData(t *testing.T) {
	for name, meanwhile := range map[string]struct {
		write func(repo *hashrepo.HashRepo[Profile]) error
		want  Profile
	}{
		"another value":    {func(r *hashrepo.HashRepo[Profile]) error { return r.UpdateField(ctx, "u", "score", 10) }, Profile{Name: "x", Score: 11}},
		"another field":    {func(r *hashrepo.HashRepo[Profile]) error { return r.UpdateField(ctx, "u", "owner", "o") }, Profile{Base: Base{"o"}, Name: "x", Score: 2}},
		"a deleted field":  {func(r *hashrepo.HashRepo[Profile]) error { _, err := r.DeleteField(ctx, "u", "score"); return err }, Profile{Name: "x", Score: 1}},
		"a deleted record": {func(r *hashrepo.HashRepo[Profile]) error { _, err := r.Delete(ctx, "u"); return err }, Profile{Score: 1}},
		"an emptied record": {func(r *hashrepo.HashRepo[Profile]) error {
			_, err := r.DeleteField(ctx, "u", "score", "name")
			return err
		}, Profile{Score: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
				repo, _ := newRepo[Profile](t, p)
				require.NoError(t, repo.Update(ctx, "u", nameOf.Set("x"), scoreOf.Set(1)))
				calls := 0
				got, err := repo.Mutate(ctx, "u", func(v *Profile) error {
					if calls++; calls == 1 {
						require.NoError(t, meanwhile.write(repo))
						v.Raw = []byte("stale")
					}
					v.Score++
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, 2, calls)
				require.Equal(t, meanwhile.want, got)
				stored, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, got, stored)
			})
		})
	}
}

func TestMutate(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, key := newRepo[Profile](t, p, hashrepo.Codec(c))
			got, err := repo.Mutate(ctx, "u", func(v *Profile) error {
				require.Equal(t, Profile{}, *v)
				v.Tags = []string{"a"}
				return nil
			})
			require.NoError(t, err)
			require.Equal(t, Profile{Tags: []string{"a"}}, got)
			require.Contains(t, pooltest.Hash(t, p, pool.User, key+"u"), "score", "a new record lacks its zero fields")

			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "unknown", "stays").Error())
			own := errors.New("no")
			_, err = repo.Mutate(ctx, "u", func(v *Profile) error { v.Name = "lost"; return own })
			require.Equal(t, own, err)
			got, err = repo.Mutate(ctx, "u", func(v *Profile) error { v.Tags = nil; return nil })
			require.NoError(t, err)
			require.Equal(t, Profile{}, got)
			hash := pooltest.Hash(t, p, pool.User, key+"u")
			require.Equal(t, "stays", hash["unknown"])
			require.NotContains(t, hash, "tags")

			called := func(*Profile) error { t.Error("called"); return nil }
			_, err = repo.With(hashrepo.IfAbsent()).Mutate(ctx, "u", called)
			require.ErrorIs(t, err, symphony.ErrExists)
			_, err = repo.With(hashrepo.IfExists()).Mutate(ctx, "gone", called)
			require.ErrorIs(t, err, symphony.ErrNotFound)
		}
	})
}

func TestMutateMapRecords(t *testing.T) {
	type Open struct {
		Name string            `redis:"name"`
		Rest map[string]string `redis:",extra"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[map[string]int](t, p)
		require.NoError(t, repo.Upsert(ctx, "m", map[string]int{"a": 1, "b": 2}))
		calls := 0
		got, err := repo.Mutate(ctx, "m", func(m *map[string]int) error {
			if calls++; calls == 1 {
				require.NoError(t, repo.UpdateField(ctx, "m", "c", 3)) // a field that was not read
			}
			delete(*m, "a")
			(*m)["b"]++
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, map[string]int{"b": 3, "c": 3}, got)
		require.Equal(t, map[string]string{"b": "3", "c": "3"}, pooltest.Hash(t, p, pool.User, key+"m"))
		_, err = repo.Mutate(ctx, "m", func(m *map[string]int) error { clear(*m); return nil })
		require.NoError(t, err)
		require.Equal(t, map[string]string{"_": ""}, pooltest.Hash(t, p, pool.User, key+"m"))
		_, err = repo.Mutate(ctx, "m", func(m *map[string]int) error { (*m)["d"] = 4; return nil })
		require.NoError(t, err)
		require.Equal(t, map[string]string{"d": "4"}, pooltest.Hash(t, p, pool.User, key+"m"))

		open, key := newRepo[Open](t, p)
		require.NoError(t, open.Upsert(ctx, "o", Open{"x", map[string]string{"a": "1", "b": "2"}}))
		_, err = open.Mutate(ctx, "o", func(o *Open) error { delete(o.Rest, "a"); o.Name = "y"; return nil })
		require.NoError(t, err)
		require.Equal(t, map[string]string{"name": "y", "b": "2"}, pooltest.Hash(t, p, pool.User, key+"o"))
	})
}

// If other writers do not stop, Mutate ends with its context and returns the
// error of the context.
func TestMutateEndsWithItsContext(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[Profile](t, p)
		ending, cancel := context.WithCancel(ctx)
		defer cancel()
		calls := 0
		_, err := repo.Mutate(ending, "u", func(v *Profile) error {
			_, err := scoreOf.Increment(ctx, repo, "u", 1)
			if calls++; calls == 3 {
				cancel()
			}
			return err
		})
		require.ErrorIs(t, err, context.Canceled)
		require.GreaterOrEqual(t, calls, 3)
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.EqualValues(t, calls, got.Score)
	})
}

// Without a deadline, Mutate ends after Config.Timeout.
func TestMutateEndsAfterTheTimeout(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{Timeout: 200 * time.Millisecond})
	repo, _ := newRepo[Profile](t, p)
	var n int64
	_, err := repo.Mutate(ctx, "u", func(v *Profile) error {
		n++
		return repo.Upsert(ctx, "u", Profile{Score: n})
	})
	require.ErrorIs(t, err, symphony.ErrConflict)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

package kvrepo_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

var keys = keyspace.MustCompile("{tenant}:{key}")

func newRepo[T any](t testing.TB, p *pool.Pools, opts ...kvrepo.Option) (*kvrepo.KVRepo[T], string) {
	t.Helper()
	tenant := pooltest.UniqueTenant()
	s, err := keys.Bind(tenant)
	require.NoError(t, err)
	repo, err := kvrepo.New[T](p, pool.Default, s, opts...)
	require.NoError(t, err)
	return repo, tenant + ":"
}

func record[T any](id string, v T) kvrepo.Record[T] { return kvrepo.Record[T]{ID: id, Value: v} }

type settings struct {
	Name  string
	Limit *int
	Tags  []string
}

func TestRoundTrip(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
			t.Run(c.Name(), func(t *testing.T) {
				checkRoundTrip(t, p, c, rapid.String())
				checkRoundTrip(t, p, c, rapid.Int64())
				checkRoundTrip(t, p, c, rapid.Bool())
				checkRoundTrip(t, p, c, rapid.Float64())
				checkRoundTrip(t, p, c, rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOf(rapid.Byte())))
				checkRoundTrip(t, p, c, rapid.OneOf(rapid.Just[[]string](nil), rapid.SliceOf(rapid.String())))
				checkRoundTrip(t, p, c, rapid.Ptr(rapid.SampledFrom([]string{"", "null", `"null"`, "x"}), true))
				checkRoundTrip(t, p, c, rapid.Custom(func(t *rapid.T) settings {
					return settings{rapid.String().Draw(t, "name"), rapid.Ptr(rapid.Int(), true).Draw(t, "limit"), []string{}}
				}))
			})
		}
	})
}

// checkRoundTrip writes drawn values with every method and reads them with
// every method.
func checkRoundTrip[T any](t *testing.T, p *pool.Pools, c codec.Codec, values *rapid.Generator[T]) {
	t.Helper()
	repo, _ := newRepo[T](t, p, kvrepo.Codec(c))
	keep := repo.With(kvrepo.KeepTTL())
	rapid.Check(t, func(rt *rapid.T) {
		last, many := values.Draw(rt, "last"), values.Draw(rt, "many")
		require.NoError(rt, repo.SetMany(ctx, record("k", many), record("l", last)))
		old, found, err := repo.Swap(ctx, "k", last)
		require.NoError(rt, err)
		require.True(rt, found)
		require.Equal(rt, many, old)
		old, found, err = keep.Swap(ctx, "k", many)
		require.NoError(rt, err)
		require.True(rt, found)
		require.Equal(rt, last, old)
		require.NoError(rt, keep.Set(ctx, "k", last))
		got, err := repo.Get(ctx, "k")
		require.NoError(rt, err)
		require.Equal(rt, last, got)
		all, err := repo.GetMany(ctx, "l", "gone", "k")
		require.NoError(rt, err)
		require.Equal(rt, []kvrepo.Record[T]{record("l", last), record("k", last)}, all)
	})
}

func TestMissing(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, opt := range [][]kvrepo.Option{nil, {kvrepo.KeepTTL()}} {
			repo, key := newRepo[*string](t, p, opt...)
			_, err := repo.Get(ctx, "k")
			require.ErrorIs(t, err, symphony.ErrNotFound)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, p.Prefix(pool.Default)+key+"k", op.Key)
			_, found, err := repo.Swap(ctx, "k", nil)
			require.NoError(t, err)
			require.False(t, found)
			got, err := repo.Get(ctx, "k")
			require.NoError(t, err, "nil is a value")
			require.Nil(t, got)
			n, err := repo.Delete(ctx, "k", "k", "gone")
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		}
	})
}

func TestLifetimes(t *testing.T) {
	const hour = time.Hour
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, c := range map[string]struct {
			opts         []kvrepo.Option
			before, want time.Duration // before 0: no key
		}{
			"default":               {nil, 0, kvrepo.NoExpiry},
			"default removes":       {nil, hour, kvrepo.NoExpiry},
			"TTL":                   {[]kvrepo.Option{kvrepo.TTL(hour)}, 0, hour},
			"TTL renews":            {[]kvrepo.Option{kvrepo.TTL(hour)}, 2 * hour, hour},
			"TTL adds":              {[]kvrepo.Option{kvrepo.TTL(hour)}, kvrepo.NoExpiry, hour},
			"KeepTTL":               {[]kvrepo.Option{kvrepo.KeepTTL()}, hour, hour},
			"KeepTTL and TTL":       {[]kvrepo.Option{kvrepo.KeepTTL(), kvrepo.TTL(2 * hour)}, hour, hour},
			"KeepTTL keeps none":    {[]kvrepo.Option{kvrepo.KeepTTL(), kvrepo.TTL(hour)}, kvrepo.NoExpiry, kvrepo.NoExpiry},
			"KeepTTL, TTL, no key":  {[]kvrepo.Option{kvrepo.KeepTTL(), kvrepo.TTL(hour)}, 0, hour},
			"KeepTTL without a key": {[]kvrepo.Option{kvrepo.KeepTTL()}, 0, kvrepo.NoExpiry},
		} {
			for write, call := range map[string]func(*kvrepo.KVRepo[int]) error{
				"Set":     func(r *kvrepo.KVRepo[int]) error { return r.Set(ctx, "k", 1) },
				"SetMany": func(r *kvrepo.KVRepo[int]) error { return r.SetMany(ctx, record("k", 1)) },
				"Swap":    func(r *kvrepo.KVRepo[int]) error { _, _, err := r.Swap(ctx, "k", 1); return err },
				"Touch": func(r *kvrepo.KVRepo[int]) error {
					if c.before == 0 {
						return r.Set(ctx, "k", 1)
					}
					found, err := r.Touch(ctx, "k")
					require.True(t, found)
					return err
				},
			} {
				t.Run(name+"/"+write, func(t *testing.T) {
					repo, key := newRepo[int](t, p, c.opts...)
					if c.before != 0 {
						require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", key+"k", "0").Error())
					}
					if c.before > 0 {
						require.NoError(t, pooltest.Do(t, p, pool.Default, "PEXPIRE", key+"k", strconv.FormatInt(c.before.Milliseconds(), 10)).Error())
					}
					require.NoError(t, call(repo))
					got, err := repo.TTL(ctx, "k")
					require.NoError(t, err)
					if c.want < 0 {
						require.Equal(t, c.want, got)
					} else {
						require.InDelta(t, c.want, got, float64(time.Minute))
					}
				})
			}
		}
	})
}

func TestConditions(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, opt := range [][]kvrepo.Option{nil, {kvrepo.TTL(time.Hour)}, {kvrepo.KeepTTL(), kvrepo.TTL(time.Hour)}} {
			repo, _ := newRepo[string](t, p, opt...)
			exists, absent := repo.With(kvrepo.IfExists()), repo.With(kvrepo.IfAbsent())
			require.ErrorIs(t, exists.Set(ctx, "k", "0"), symphony.ErrNotFound)
			require.ErrorIs(t, exists.SetMany(ctx, record("k", "0")), symphony.ErrNotFound)
			require.NoError(t, absent.Set(ctx, "k", "NOTFOUND"))
			require.ErrorIs(t, absent.Set(ctx, "k", "2"), symphony.ErrExists)
			require.ErrorIs(t, absent.SetMany(ctx, record("k", "2")), symphony.ErrExists)
			_, _, err := absent.Swap(ctx, "k", "2")
			require.ErrorIs(t, err, symphony.ErrExists)
			old, found, err := exists.Swap(ctx, "k", "EXISTS")
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, "NOTFOUND", old)
			got, err := repo.Get(ctx, "k")
			require.NoError(t, err)
			require.Equal(t, "EXISTS", got)
		}
	})
}

func TestKeyOfAnotherType(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[string](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Default, "HSET", key+"k", "f", "1").Error())
		for _, repo := range []*kvrepo.KVRepo[string]{
			repo, repo.With(kvrepo.TTL(time.Hour)), repo.With(kvrepo.KeepTTL()), repo.With(kvrepo.IfExists()), repo.With(kvrepo.IfAbsent()),
		} {
			_, get := repo.Get(ctx, "k")
			_, many := repo.GetMany(ctx, "k")
			_, _, swap := repo.Swap(ctx, "k", "x")
			for name, err := range map[string]error{
				"Get": get, "GetMany": many, "Swap": swap,
				"Set": repo.Set(ctx, "k", "x"), "SetMany": repo.SetMany(ctx, record("k", "x")),
			} {
				require.ErrorIs(t, err, symphony.ErrWrongType, name)
			}
		}
		_, err := repo.GetOrLoad(ctx, "k", func(context.Context) (string, error) { return "x", nil })
		require.ErrorIs(t, err, symphony.ErrWrongType)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, "GetOrLoad", op.Op)
		require.Equal(t, map[string]string{"f": "1"}, pooltest.Hash(t, p, pool.Default, key+"k"))
		ttl, err := repo.TTL(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, kvrepo.NoExpiry, ttl)
	})
}

func TestCorruptValue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, repo.Set(ctx, "good", 1))
		require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", key+"bad", "twelve").Error())
		got, err := repo.Get(ctx, "bad")
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		require.ErrorContains(t, err, `not an integer: "twelve"`)
		require.Zero(t, got)
		many, err := repo.GetMany(ctx, "bad", "good")
		require.ErrorAs(t, err, &bad)
		require.Equal(t, []kvrepo.Record[int]{record("good", 1)}, many)
		_, err = repo.GetOrLoad(ctx, "bad", func(context.Context) (int, error) { t.Fatal("load was called for a corrupt value"); return 0, nil })
		require.ErrorAs(t, err, &bad)
		_, found, err := repo.Swap(ctx, "bad", 2)
		require.ErrorAs(t, err, &bad)
		require.True(t, found)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.True(t, op.MaybeApplied(), "the new value was written")
		got, err = repo.Get(ctx, "bad")
		require.NoError(t, err)
		require.Equal(t, 2, got)
	})
}

func TestIDsAndDeleteAll(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		other, _ := newRepo[int](t, p)
		require.NoError(t, other.Set(ctx, "a", 1))
		require.NoError(t, pooltest.Do(t, p, pool.Default, "HSET", key+"hash", "f", "1").Error())
		var want []string
		var records []kvrepo.Record[int]
		for i := range 1500 {
			want = append(want, fmt.Sprint("k:", i))
			records = append(records, record(want[i], i))
		}
		require.NoError(t, repo.SetMany(ctx, records...))
		var got []string
		for id, err := range repo.IDs(ctx) {
			require.NoError(t, err)
			got = append(got, id)
		}
		require.ElementsMatch(t, want, got)
		n, err := repo.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, len(want), n)
		_, err = other.Get(ctx, "a")
		require.NoError(t, err)
	})
}

// However many callers there are, one load runs at a time, and all receive its
// value.
func TestGetOrLoadLoadsOnce(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, kvrepo.TTL(time.Hour))
		var loads atomic.Int32
		release := make(chan struct{})
		load := func(context.Context) (int, error) {
			loads.Add(1)
			<-release
			return 42, nil
		}
		const callers = 50
		results := make(chan int, callers)
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				v, err := repo.GetOrLoad(ctx, "k", load)
				if err != nil {
					t.Error(err)
				}
				results <- v
			})
		}
		require.Eventually(t, func() bool { return loads.Load() == 1 }, 30*time.Second, time.Millisecond)
		close(release)
		wg.Wait()
		close(results)
		for v := range results {
			require.Equal(t, 42, v)
		}
		require.EqualValues(t, 1, loads.Load())
		ttl, err := repo.TTL(ctx, "k")
		require.NoError(t, err)
		require.InDelta(t, time.Hour, ttl, float64(time.Minute))
		left, err := pooltest.Do(t, p, pool.Default, "EXISTS", keyspace.Beside("load", p.Prefix(pool.Default)+key+"k")).AsInt64()
		require.NoError(t, err)
		require.Zero(t, left, "the lock remains")
	})
}

func TestGetOrLoadFails(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		failure := errors.New("failure")
		_, err := repo.GetOrLoad(ctx, "k", func(context.Context) (int, error) { return 0, failure })
		require.ErrorIs(t, err, failure)
		v, err := repo.GetOrLoad(ctx, "k", func(context.Context) (int, error) { return 7, nil })
		require.NoError(t, err, "the lock of the failed load was removed")
		require.Equal(t, 7, v)

		require.Panics(t, func() {
			_, _ = repo.GetOrLoad(ctx, "p", func(context.Context) (int, error) { panic("in the load") })
		})
		v, err = repo.GetOrLoad(ctx, "p", func(context.Context) (int, error) { return 8, nil })
		require.NoError(t, err, "the lock of the load that panicked was removed")
		require.Equal(t, 8, v)
	})
}

func TestGetOrLoadWaitsNoLongerThanItsContext(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", keyspace.Beside("load", p.Prefix(pool.Default)+key+"k"), "another").Error())
		waiting, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		_, err := repo.GetOrLoad(waiting, "k", func(context.Context) (int, error) {
			t.Error("load was called while another caller held the lock")
			return 0, nil
		})
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

// A value that was stored during the load remains, and the caller receives it.
func TestGetOrLoadReturnsAValueStoredDuringTheLoad(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		v, err := repo.GetOrLoad(ctx, "k", func(context.Context) (int, error) { return 2, repo.Set(ctx, "k", 1) })
		require.NoError(t, err)
		require.Equal(t, 1, v)
		got, err := repo.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, 1, got)
		for _, opt := range []kvrepo.Option{kvrepo.IfExists(), kvrepo.IfAbsent()} {
			pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
				_, err := repo.With(opt).GetOrLoad(ctx, "k", nil)
				return err
			})
		}
	})
}

// If the lock was lost, the loaded value does not replace another value.
func TestGetOrLoadLosesItsLock(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		v, err := repo.GetOrLoad(ctx, "k", func(context.Context) (int, error) {
			require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", keyspace.Beside("load", p.Prefix(pool.Default)+key+"k"), "another").Error())
			require.NoError(t, repo.Set(ctx, "k", 1))
			return 2, nil
		})
		require.NoError(t, err)
		require.Equal(t, 2, v)
		got, err := repo.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, 1, got)
		token, err := pooltest.Do(t, p, pool.Default, "GET", keyspace.Beside("load", p.Prefix(pool.Default)+key+"k")).ToString()
		require.NoError(t, err)
		require.Equal(t, "another", token, "the lock of another caller was removed")
	})
}

func TestBadInput(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[string](t, p)
	long := make([]byte, p.MaxValueBytes()+1)
	for name, c := range map[string]struct {
		want error
		call func() error
	}{
		"empty id":     {symphony.ErrInvalidKey, func() error { return repo.Set(ctx, "", "x") }},
		"bad id later": {symphony.ErrInvalidKey, func() error { return repo.SetMany(ctx, record("a", "x"), record("", "x")) }},
		"too large":    {symphony.ErrTooLarge, func() error { return repo.Set(ctx, "k", string(long)) }},
		"too large later": {symphony.ErrTooLarge, func() error {
			return repo.SetMany(ctx, record("a", "x"), record("b", string(long)))
		}},
		"TTL":       {symphony.ErrInvalidTTL, func() error { return repo.With(kvrepo.TTL(0)).Set(ctx, "k", "x") }},
		"IfVersion": {symphony.ErrUnsupported, func() error { return repo.With(symphony.IfVersion(1)).Set(ctx, "k", "x") }},
		"replicas": {symphony.ErrUnsupported, func() error {
			return repo.With(kvrepo.Cached(time.Minute)).With(kvrepo.ReadReplicas()).Set(ctx, "k", "x")
		}},
		"MaxLen": {symphony.ErrUnsupported, func() error { return repo.With(symphony.MaxLen(1)).Set(ctx, "k", "x") }},
		"both": {symphony.ErrUnsupported, func() error {
			return repo.With(kvrepo.IfExists()).With(kvrepo.IfAbsent()).Set(ctx, "k", "x")
		}},
		"load": {symphony.ErrInvalidKey, func() error { _, err := repo.GetOrLoad(ctx, "", nil); return err }},
	} {
		t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, c.want, c.call) })
	}
	s, err := keys.Bind("a")
	require.NoError(t, err)
	_, err = kvrepo.New[chan int](p, pool.Default, s)
	require.ErrorIs(t, err, symphony.ErrInvalidSchema)
	_, err = kvrepo.New[int](p, pool.Default, keyspace.Space{})
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
}

// The hint of the error does not tell the user to add a version field.
func TestHintOfIfVersionCanBeFollowed(t *testing.T) {
	repo, _ := newRepo[int64](t, pooltest.Embedded(t))
	err := repo.With(symphony.IfVersion(1)).Set(ctx, "k", 1)
	require.ErrorIs(t, err, symphony.ErrUnsupported)
	require.ErrorContains(t, err, "leave the option out")
	require.NotContains(t, err.Error(), "tag")
}

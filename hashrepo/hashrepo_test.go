package hashrepo_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

type Level int

type Address struct {
	Street  string `json:"street"`
	Primary bool   `json:"primary"`
}

type Base struct {
	Owner string `redis:"owner"`
}

type Profile struct {
	Base
	Name    string            `redis:"name"`
	Score   int64             `redis:"score"`
	Ratio   float64           `redis:"ratio"`
	Active  bool              `redis:"active"`
	Level   Level             `json:"level"`
	Tags    []string          `redis:"tags"`
	Raw     []byte            `redis:"raw"`
	Nick    *string           `redis:"nick"`
	Address Address           `redis:"address"`
	Labels  map[string]int    `redis:"labels"`
	Seen    time.Time         `redis:"seen,omitzero"`
	Quiet   time.Duration     `redis:"quiet"`
	Any     any               `redis:"any"`
	Plan    map[string]string `redis:"-"`
	hidden  int
}

var userKeys = keyspace.MustCompile("{tenant}:user:{id}")

func space(t testing.TB, tenant string) keyspace.Space {
	t.Helper()
	s, err := userKeys.Bind(tenant)
	require.NoError(t, err)
	return s
}

func newRepo[T any](t testing.TB, p *pool.Pools, opts ...hashrepo.Option) (*hashrepo.HashRepo[T], string) {
	t.Helper()
	tenant := pooltest.UniqueTenant()
	repo, err := hashrepo.New[T](p, pool.User, space(t, tenant), opts...)
	require.NoError(t, err)
	return repo, tenant + ":user:"
}

// Get returns what a write stored.
func TestRoundTrip(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
			t.Run(c.Name(), func(t *testing.T) {
				repo, _ := newRepo[Profile](t, p, hashrepo.Codec(c))
				write := map[string]func(context.Context, string, Profile) error{
					"Upsert":     repo.Upsert,
					"Replace":    repo.Replace,
					"IfExists":   repo.With(hashrepo.IfExists()).Upsert,
					"KeepTTL":    repo.With(hashrepo.KeepTTL()).Upsert,
					"UpsertMany": func(ctx context.Context, id string, v Profile) error { return repo.UpsertMany(ctx, record(id, v)) },
				}
				require.NoError(t, repo.Upsert(ctx, "u", Profile{}))
				rapid.Check(t, func(rt *rapid.T) {
					want := drawProfile(rt)
					name := rapid.SampledFrom(slices.Sorted(maps.Keys(write))).Draw(rt, "method")
					require.NoError(rt, write[name](ctx, "u", want))
					got, err := repo.Get(ctx, "u")
					require.NoError(rt, err)
					require.True(rt, want.Seen.Equal(got.Seen))
					got.Seen = want.Seen
					require.Equal(rt, want, got, name)
				})
			})
		}
	})
}

func record[T any](id string, v T) hashrepo.Record[T] { return hashrepo.Record[T]{ID: id, Value: v} }

func drawProfile(t *rapid.T) Profile {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "1", "null", `"null"`, "true", "3.14", `{"a":1}`}))
	return Profile{
		Base:    Base{text.Draw(t, "owner")},
		Name:    text.Draw(t, "name"),
		Score:   rapid.Int64().Draw(t, "score"),
		Ratio:   rapid.Float64().Draw(t, "ratio"),
		Active:  rapid.Bool().Draw(t, "active"),
		Level:   Level(rapid.IntRange(-5, 5).Draw(t, "level")),
		Tags:    rapid.OneOf(rapid.Just[[]string](nil), rapid.SliceOf(text)).Draw(t, "tags"),
		Raw:     rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOf(rapid.Byte())).Draw(t, "raw"),
		Nick:    rapid.Ptr(text, true).Draw(t, "nick"),
		Address: Address{text.Draw(t, "street"), rapid.Bool().Draw(t, "primary")},
		Labels:  rapid.OneOf(rapid.Just[map[string]int](nil), rapid.MapOf(text, rapid.Int())).Draw(t, "labels"),
		Seen:    time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seen"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
		Quiet:   time.Duration(rapid.Int64().Draw(t, "quiet")),
	}
}

func TestMissingRecord(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		got, err := repo.Get(ctx, "nobody")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		require.Zero(t, got)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, "Get", op.Op)
		require.Equal(t, p.Prefix(pool.User)+key+"nobody", op.Key)
		require.Equal(t, pool.User, op.Pool)
		require.False(t, op.MaybeApplied())

		_, err = repo.TTL(ctx, "nobody")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		require.ErrorIs(t, repo.GetField(ctx, "nobody", "name", new(string)), symphony.ErrNotFound)
		found, err := repo.Exists(ctx, "nobody")
		require.NoError(t, err)
		require.False(t, found)
		touched, err := repo.Touch(ctx, "nobody")
		require.NoError(t, err)
		require.False(t, touched)
		n, err := repo.DeleteField(ctx, "nobody", "name")
		require.NoError(t, err)
		require.Zero(t, n)
		require.Empty(t, pooltest.Hash(t, p, pool.User, key+"nobody"))
	})
}

// Sparse is a type whose records may have no field.
type Sparse struct {
	A *string `redis:"a"`
	B []int   `redis:"b"`
}

func TestEmptyRecord(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Sparse](t, p, hashrepo.TTL(time.Hour))
		exists := func(fields map[string]string) {
			t.Helper()
			require.Equal(t, fields, pooltest.Hash(t, p, pool.User, key+"u"))
			ttl, err := repo.TTL(ctx, "u")
			require.NoError(t, err)
			require.InDelta(t, time.Hour, ttl, float64(time.Minute))
		}
		require.NoError(t, repo.Upsert(ctx, "u", Sparse{}))
		exists(map[string]string{"_": ""})
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, Sparse{}, got)

		require.NoError(t, repo.Upsert(ctx, "u", Sparse{B: []int{}}))
		exists(map[string]string{"b": "[]"})
		got, err = repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, Sparse{B: []int{}}, got)

		n, err := repo.DeleteField(ctx, "u", "a", "b")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		exists(map[string]string{"_": ""})

		require.NoError(t, repo.UpdateField(ctx, "u", "a", "x"))
		require.NoError(t, repo.UpdateField(ctx, "u", "a", nil))
		exists(map[string]string{"_": ""})
		require.NoError(t, repo.Replace(ctx, "u", Sparse{}))
		exists(map[string]string{"_": ""})
		require.NoError(t, repo.With(hashrepo.IfExists()).Upsert(ctx, "u", Sparse{B: []int{1}}))
		exists(map[string]string{"b": "[1]"})
		require.NoError(t, repo.With(hashrepo.IfExists()).Upsert(ctx, "u", Sparse{}))
		exists(map[string]string{"_": ""})

		maps, _ := hashrepo.New[map[string]string](p, pool.User, space(t, key[:len(key)-len(":user:")]))
		m, err := maps.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, map[string]string{}, m)
	})
}

// A record that has only fields that T does not declare is read as the zero
// record. It is not missing.
func TestRecordOfUnknownFields(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Sparse](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "else", "1").Error())
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, Sparse{}, got)
		many, err := repo.GetMany(ctx, "u", "gone")
		require.NoError(t, err)
		require.Equal(t, []hashrepo.Record[Sparse]{{ID: "u"}}, many)
		for r, err := range repo.All(ctx) {
			require.NoError(t, err)
			require.Equal(t, "u", r.ID)
		}
	})
}

func TestUnknownFieldsStay(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Base](t, p)
		require.NoError(t, repo.Upsert(ctx, "u", Base{"a"}))
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "else", "1").Error())
		require.NoError(t, repo.Upsert(ctx, "u", Base{"b"}))
		require.Equal(t, map[string]string{"owner": "b", "else": "1"}, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, repo.Replace(ctx, "u", Base{"c"}))
		require.Equal(t, map[string]string{"owner": "c"}, pooltest.Hash(t, p, pool.User, key+"u"))
	})
}

type WithExtra struct {
	Name string            `redis:"name"`
	Else map[string]string `redis:",extra"`
}

func TestExtra(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[WithExtra](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "name", "a", "x", "1", "y", "2").Error())
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, WithExtra{"a", map[string]string{"x": "1", "y": "2"}}, got)

		require.NoError(t, repo.Upsert(ctx, "u", WithExtra{"b", map[string]string{"x": "3"}}))
		require.Equal(t, map[string]string{"name": "b", "x": "3", "y": "2"}, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, repo.Replace(ctx, "u", WithExtra{"b", map[string]string{"x": "3"}}))
		require.Equal(t, map[string]string{"name": "b", "x": "3"}, pooltest.Hash(t, p, pool.User, key+"u"))

		for name, why := range map[string]string{"name": "the name of a field", "_": "reserved"} {
			pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, func() error {
				err := repo.Upsert(ctx, "u", WithExtra{"b", map[string]string{name: "3"}})
				require.ErrorContains(t, err, why)
				return err
			})
		}
		_, err = repo.Get(ctx, "nobody")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	})
}

func TestMapRecords(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[map[string]int](t, p)
		require.NoError(t, repo.Upsert(ctx, "u", map[string]int{"a": 1, "b": 2}))
		require.NoError(t, repo.Upsert(ctx, "u", map[string]int{"b": 3}))
		got, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, map[string]int{"a": 1, "b": 3}, got)
		require.NoError(t, repo.Replace(ctx, "u", map[string]int{"c": 4}))
		require.Equal(t, map[string]string{"c": "4"}, pooltest.Hash(t, p, pool.User, key+"u"))
		sum, err := repo.IncrementField(ctx, "u", "c", 2)
		require.NoError(t, err)
		require.EqualValues(t, 6, sum)
		found, err := repo.FindByField(ctx, "c", 6)
		require.NoError(t, err)
		require.Equal(t, record("u", map[string]int{"c": 6}), found)
		require.NoError(t, repo.Replace(ctx, "u", nil))
		got, err = repo.Get(ctx, "u")
		require.NoError(t, err)
		require.Empty(t, got)
		pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, func() error {
			return repo.Upsert(ctx, "u", map[string]int{"_": 1})
		})
	})
}

func TestLifetimes(t *testing.T) {
	const hour, day = time.Hour, 24 * time.Hour
	writes := map[string]func(*hashrepo.HashRepo[Profile]) error{
		"Upsert":      func(r *hashrepo.HashRepo[Profile]) error { return r.Upsert(ctx, "u", Profile{Name: "x"}) },
		"UpsertMany":  func(r *hashrepo.HashRepo[Profile]) error { return r.UpsertMany(ctx, record("u", Profile{})) },
		"Replace":     func(r *hashrepo.HashRepo[Profile]) error { return r.Replace(ctx, "u", Profile{Name: "x"}) },
		"UpdateField": func(r *hashrepo.HashRepo[Profile]) error { return r.UpdateField(ctx, "u", "name", "y") },
		"ClearField":  func(r *hashrepo.HashRepo[Profile]) error { return r.UpdateField(ctx, "u", "nick", nil) },
		"IncrementField": func(r *hashrepo.HashRepo[Profile]) error {
			_, err := r.IncrementField(ctx, "u", "score", 1)
			return err
		},
		"AppendToList": func(r *hashrepo.HashRepo[Profile]) error { return r.AppendToList(ctx, "u", "tags", "x") },
	}
	onExisting := map[string]func(*hashrepo.HashRepo[Profile]) error{
		"DeleteField": func(r *hashrepo.HashRepo[Profile]) error { _, err := r.DeleteField(ctx, "u", "name"); return err },
		"Touch":       func(r *hashrepo.HashRepo[Profile]) error { _, err := r.Touch(ctx, "u"); return err },
	}
	cases := []struct {
		name   string
		opts   []hashrepo.Option
		before time.Duration // 0: no key
		want   time.Duration
	}{
		{"default on a new key", nil, 0, day},
		{"default renews", nil, hour, day},
		{"TTL on a new key", []hashrepo.Option{hashrepo.TTL(2 * hour)}, 0, 2 * hour},
		{"TTL renews", []hashrepo.Option{hashrepo.TTL(2 * hour)}, hour, 2 * hour},
		{"TTL on a key without a lifetime", []hashrepo.Option{hashrepo.TTL(2 * hour)}, hashrepo.NoExpiry, 2 * hour},
		{"NoTTL on a new key", []hashrepo.Option{hashrepo.NoTTL()}, 0, hashrepo.NoExpiry},
		{"NoTTL removes a lifetime", []hashrepo.Option{hashrepo.NoTTL()}, hour, hashrepo.NoExpiry},
		{"KeepTTL keeps a lifetime", []hashrepo.Option{hashrepo.KeepTTL()}, hour, hour},
		{"KeepTTL keeps no lifetime", []hashrepo.Option{hashrepo.KeepTTL()}, hashrepo.NoExpiry, hashrepo.NoExpiry},
		{"KeepTTL on a new key", []hashrepo.Option{hashrepo.KeepTTL(), hashrepo.TTL(2 * hour)}, 0, 2 * hour},
		{"IfExists renews", []hashrepo.Option{hashrepo.IfExists()}, hour, day},
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range cases {
			all := maps.Clone(writes)
			if c.before != 0 {
				maps.Copy(all, onExisting)
			}
			for name, write := range all {
				t.Run(c.name+"/"+name, func(t *testing.T) {
					repo, key := newRepo[Profile](t, p, c.opts...)
					if c.before != 0 {
						require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "name", "a").Error())
					}
					if c.before > 0 {
						require.NoError(t, pooltest.Do(t, p, pool.User, "PEXPIRE", key+"u", strconv.FormatInt(c.before.Milliseconds(), 10)).Error())
					}
					require.NoError(t, write(repo))
					got, err := repo.TTL(ctx, "u")
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

func TestRecordExpires(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[Profile](t, p, hashrepo.TTL(1500*time.Microsecond))
		require.NoError(t, repo.Upsert(ctx, "u", Profile{Name: "x"}))
		require.Eventually(t, func() bool {
			_, err := repo.Get(ctx, "u")
			return errors.Is(err, symphony.ErrNotFound)
		}, 5*time.Second, time.Millisecond)
	})
}

func TestLongestLifetime(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[Profile](t, p, hashrepo.TTL(math.MaxInt64))
		require.NoError(t, repo.Upsert(ctx, "u", Profile{Name: "x"}))
		left, err := repo.TTL(ctx, "u")
		require.NoError(t, err)
		require.Greater(t, left, 292*365*24*time.Hour)
	})
}

func TestConditions(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		writes := func(r *hashrepo.HashRepo[Profile], id string) map[string]error {
			_, increment := r.IncrementField(ctx, id, "score", 1)
			return map[string]error{
				"Upsert":         r.Upsert(ctx, id, Profile{}),
				"Replace":        r.Replace(ctx, id, Profile{}),
				"UpsertMany":     r.UpsertMany(ctx, record(id, Profile{})),
				"UpdateField":    r.UpdateField(ctx, id, "name", "x"),
				"IncrementField": increment,
				"AppendToList":   r.AppendToList(ctx, id, "tags", "x"),
			}
		}
		for name, err := range writes(repo.With(hashrepo.IfExists()), "nobody") {
			require.ErrorIs(t, err, symphony.ErrNotFound, name)
		}
		_, err := repo.With(hashrepo.IfExists()).DeleteField(ctx, "nobody", "name")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		require.Empty(t, pooltest.Hash(t, p, pool.User, key+"nobody"))

		absent := repo.With(hashrepo.IfAbsent())
		require.NoError(t, absent.Upsert(ctx, "u", Profile{Name: "first"}))
		before := pooltest.Hash(t, p, pool.User, key+"u")
		for name, err := range writes(absent, "u") {
			require.ErrorIs(t, err, symphony.ErrExists, name)
		}
		require.Equal(t, before, pooltest.Hash(t, p, pool.User, key+"u"))
		for name, err := range writes(repo.With(hashrepo.IfExists()), "u") {
			require.NoError(t, err, name)
		}
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := absent.Delete(ctx, "u"); return err })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := absent.Touch(ctx, "u"); return err })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := absent.DeleteAll(ctx); return err })
	})
}

func TestWithKeepsTheOriginal(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[Base](t, p, hashrepo.TTL(time.Hour))
	view := repo.With(hashrepo.NoTTL(), hashrepo.IfAbsent())
	require.NoError(t, view.Upsert(ctx, "u", Base{}))
	ttl, err := repo.TTL(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, hashrepo.NoExpiry, ttl)
	require.NoError(t, repo.Upsert(ctx, "u", Base{}))
	ttl, err = repo.TTL(ctx, "u")
	require.NoError(t, err)
	require.InDelta(t, time.Hour, ttl, float64(time.Minute))

	packed := repo.With(hashrepo.Codec(codec.MsgPack), hashrepo.On(pool.Default))
	require.NoError(t, packed.Upsert(ctx, "m", Base{"x"}))
	got, err := packed.Get(ctx, "m")
	require.NoError(t, err)
	require.Equal(t, Base{"x"}, got)
	_, err = repo.Get(ctx, "m")
	require.ErrorIs(t, err, symphony.ErrNotFound)
}

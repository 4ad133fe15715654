package hashrepo_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

func TestKeyOfAnotherType(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "SET", key+"u", "text").Error())
		keep := repo.With(hashrepo.KeepTTL())
		_, get := repo.Get(ctx, "u")
		_, many := repo.GetMany(ctx, "u")
		_, increment := repo.IncrementField(ctx, "u", "score", 1)
		_, remove := repo.DeleteField(ctx, "u", "name")
		for name, err := range map[string]error{
			"Get":                 get,
			"GetMany":             many,
			"GetField":            repo.GetField(ctx, "u", "name", new(string)),
			"Upsert":              repo.Upsert(ctx, "u", Profile{}),
			"Upsert with KeepTTL": keep.Upsert(ctx, "u", Profile{}),
			"Replace":             repo.Replace(ctx, "u", Profile{}),
			"UpsertMany":          repo.UpsertMany(ctx, record("u", Profile{})),
			"UpdateField":         repo.UpdateField(ctx, "u", "name", "x"),
			"IncrementField":      increment,
			"AppendToList":        repo.AppendToList(ctx, "u", "tags", "x"),
			"DeleteField":         remove,
		} {
			require.ErrorIs(t, err, symphony.ErrWrongType, name)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op, name)
			require.Equal(t, p.Prefix(pool.User)+key+"u", op.Key, name)
			require.False(t, op.MaybeApplied(), name)
		}
		text, err := pooltest.Do(t, p, pool.User, "GET", key+"u").ToString()
		require.NoError(t, err)
		require.Equal(t, "text", text)
		for _, err := range repo.All(ctx) {
			t.Fatal("All yielded a key that is a string", err)
		}
	})
}

func TestCorruptField(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		require.NoError(t, repo.Upsert(ctx, "good", Profile{Name: "g"}))
		for field, text := range map[string]string{"score": "s3cret", "tags": "[s3cret", "address": `{"street":s3cret}`, "seen": "s3cret", "active": "s3cret"} {
			require.NoError(t, repo.Upsert(ctx, "bad", Profile{}))
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"bad", field, text).Error())
			got, err := repo.Get(ctx, "bad")
			require.Zero(t, got)
			var bad *codec.DecodeError
			require.ErrorAs(t, err, &bad)
			require.Contains(t, bad.Field, field)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, field, op.Field)
			secret := field == "tags" || field == "address"
			require.Equal(t, !secret, strings.Contains(err.Error(), "s3cret"), "%s: %v", field, err)

			many, err := repo.GetMany(ctx, "bad", "good")
			require.ErrorAs(t, err, &bad)
			require.Equal(t, "good", many[0].ID)
			require.Len(t, many, 1)

			seen := map[string]bool{}
			for r, err := range repo.All(ctx) {
				seen[r.ID] = err == nil
				if err != nil {
					require.Zero(t, r.Value)
				}
			}
			require.Equal(t, map[string]bool{"bad": false, "good": true}, seen)
		}
	})
}

func TestBadInput(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[Profile](t, p)
	upsert := func(opts ...hashrepo.Option) func() error {
		return func() error { return repo.With(opts...).Upsert(ctx, "u", Profile{}) }
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, c := range []struct {
		name string
		want error
		call func() error
	}{
		{"empty id", symphony.ErrInvalidKey, func() error { return repo.Upsert(ctx, "", Profile{}) }},
		{"NUL in the id", symphony.ErrInvalidKey, func() error { _, err := repo.Get(ctx, "a\x00"); return err }},
		{"invalid id among others", symphony.ErrInvalidKey, func() error { return repo.UpsertMany(ctx, record("a", Profile{}), record("", Profile{})) }},
		{"invalid id among ids to delete", symphony.ErrInvalidKey, func() error { _, err := repo.Delete(ctx, "a", ""); return err }},
		{"lifetime of zero", symphony.ErrInvalidTTL, upsert(hashrepo.TTL(0))},
		{"negative lifetime", symphony.ErrInvalidTTL, upsert(hashrepo.TTL(-time.Hour))},
		{"lifetime under a millisecond", symphony.ErrInvalidTTL, upsert(hashrepo.TTL(999 * time.Microsecond))},
		{"unknown alias", symphony.ErrUnknownPool, upsert(hashrepo.On("nowhere"))},
		{"IfExists with IfAbsent", symphony.ErrUnsupported, upsert(hashrepo.IfExists(), hashrepo.IfAbsent())},
		{"IfVersion", symphony.ErrUnsupported, upsert(hashrepo.IfVersion(1))},
		{"Cached for less than a millisecond", symphony.ErrInvalidTTL, upsert(hashrepo.Cached(0))},
		{"Cached with ReadReplicas", symphony.ErrUnsupported, upsert(hashrepo.Cached(time.Minute), hashrepo.ReadReplicas())},
		{"MaxLen", symphony.ErrUnsupported, upsert(symphony.MaxLen(1))},
		{"Layout", symphony.ErrUnsupported, upsert(symphony.Layout(keyspace.Default()))},
		{"no codec", symphony.ErrInvalidArgument, upsert(hashrepo.Codec(nil))},
		{"zero option", symphony.ErrInvalidArgument, upsert(hashrepo.Option{})},
		{"ended context", context.Canceled, func() error { return repo.Upsert(ended, "u", Profile{}) }},
		{"invalid UTF-8 in JSON", nil, func() error { return repo.Upsert(ctx, "u", Profile{Tags: []string{"\xff"}}) }},
		{"unknown field", symphony.ErrUnknownField, func() error { return repo.UpdateField(ctx, "u", "nome", "x") }},
		{"Go name", symphony.ErrUnknownField, func() error { return repo.GetField(ctx, "u", "Name", new(string)) }},
		{"field left out", symphony.ErrUnknownField, func() error { _, err := repo.DeleteField(ctx, "u", "Plan"); return err }},
		{"string for a number", symphony.ErrFieldType, func() error { return repo.UpdateField(ctx, "u", "score", "1") }},
		{"float for an integer", symphony.ErrFieldType, func() error { return repo.UpdateField(ctx, "u", "score", 1.5) }},
		{"nil for a number", symphony.ErrFieldType, func() error { return repo.UpdateField(ctx, "u", "score", nil) }},
		{"number too large", symphony.ErrOverflow, func() error { return repo.UpdateField(ctx, "u", "score", uint64(math.MaxUint64)) }},
		{"not a pointer", symphony.ErrFieldType, func() error { return repo.GetField(ctx, "u", "name", "x") }},
		{"pointer to another type", symphony.ErrFieldType, func() error { return repo.GetField(ctx, "u", "name", new(int)) }},
		{"increment of a string", symphony.ErrFieldType, func() error { _, err := repo.IncrementField(ctx, "u", "name", 1); return err }},
		{"increment of a float", symphony.ErrFieldType, func() error { _, err := repo.IncrementField(ctx, "u", "ratio", 1); return err }},
		{"append to a string", symphony.ErrFieldType, func() error { return repo.AppendToList(ctx, "u", "name", "x") }},
		{"append to bytes", symphony.ErrFieldType, func() error { return repo.AppendToList(ctx, "u", "raw", byte(1)) }},
		{"append of another type", symphony.ErrFieldType, func() error { return repo.AppendToList(ctx, "u", "tags", "x", 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.want == nil {
				var bad *codec.EncodeError
				require.ErrorAs(t, c.call(), &bad)
				return
			}
			pooltest.RequireNothingSent(t, p, c.want, c.call)
			var op *symphony.OpError
			require.ErrorAs(t, c.call(), &op)
			require.False(t, op.MaybeApplied())
		})
	}
	n, err := repo.Exists(ctx, "u")
	require.NoError(t, err)
	require.False(t, n)
}

func TestTooLarge(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{MaxValueBytes: 100})
	repo, _ := newRepo[Profile](t, p)
	long := string(make([]byte, 101))
	pooltest.RequireNothingSent(t, p, symphony.ErrTooLarge, func() error { return repo.Upsert(ctx, "u", Profile{Name: long}) })
	pooltest.RequireNothingSent(t, p, symphony.ErrTooLarge, func() error { return repo.UpdateField(ctx, "u", "name", long) })
	require.NoError(t, repo.UpdateField(ctx, "u", "name", long[:100]))
	require.NoError(t, repo.AppendToList(ctx, "u", "tags", "ninety-two bytes are not reached by this one"))
	require.NoError(t, repo.AppendToList(ctx, "u", "tags", "nor by the second, not quite"))
	before, err := repo.Get(ctx, "u")
	require.NoError(t, err)
	require.ErrorIs(t, repo.AppendToList(ctx, "u", "tags", "but the third is one too many"), symphony.ErrTooLarge)
	after, err := repo.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, before, after)
}

type Clash struct {
	A string `redis:"x"`
	B string `redis:"x"`
}

func TestSchemas(t *testing.T) {
	p := pooltest.Embedded(t)
	check := func(t *testing.T, err error, names ...string) {
		t.Helper()
		require.ErrorIs(t, err, symphony.ErrInvalidSchema)
		for _, name := range names {
			assert.Contains(t, err.Error(), name)
		}
	}
	try := func(t *testing.T, names []string, err error) { check(t, err, names...) }
	s := space(t, "t")
	newErr := func(_ any, err error) error { return err }
	try(t, []string{"A", "B", `"x"`}, newErr(hashrepo.New[Clash](p, pool.User, s)))
	try(t, []string{"C", "chan int"}, newErr(hashrepo.New[struct{ C chan int }](p, pool.User, s)))
	try(t, []string{"F"}, newErr(hashrepo.New[struct{ F func() }](p, pool.User, s)))
	try(t, []string{"_"}, newErr(hashrepo.New[struct {
		R int `redis:"_"`
	}](p, pool.User, s)))
	try(t, []string{"ttl"}, newErr(hashrepo.New[struct {
		R int `redis:"r,ttl"`
	}](p, pool.User, s)))
	try(t, []string{"E", "map[string]string"}, newErr(hashrepo.New[struct {
		E map[string]int `redis:",extra"`
	}](p, pool.User, s)))
	try(t, []string{"int"}, newErr(hashrepo.New[int](p, pool.User, s)))
	try(t, []string{"map[int]string"}, newErr(hashrepo.New[map[int]string](p, pool.User, s)))
	try(t, []string{"no field"}, newErr(hashrepo.New[struct{ a int }](p, pool.User, s)))
	try(t, []string{"V", "int64"}, newErr(hashrepo.New[struct {
		V int `redis:",version"`
	}](p, pool.User, s)))
	try(t, []string{"V", "always stored"}, newErr(hashrepo.New[struct {
		V int64 `redis:",version,omitzero"`
	}](p, pool.User, s)))
	try(t, []string{"V", "W"}, newErr(hashrepo.New[struct {
		V int64 `redis:",version"`
		W int64 `redis:",version"`
	}](p, pool.User, s)))
	try(t, []string{"A", "B", `"b"`}, newErr(hashrepo.New[struct {
		A int `redis:"a,was=b"`
		B int `redis:"b"`
	}](p, pool.User, s)))
	try(t, []string{"A", `"_"`, "was=_"}, newErr(hashrepo.New[struct {
		A int `redis:"a,was=_"`
	}](p, pool.User, s)))
	try(t, []string{"V", "version"}, newErr(hashrepo.New[struct {
		V int64 `redis:"v,version,was=w"`
	}](p, pool.User, s)))
	try(t, []string{"E", "extra"}, newErr(hashrepo.New[struct {
		A int               `redis:"a"`
		E map[string]string `redis:",extra,was=w"`
	}](p, pool.User, s)))

	_, err := hashrepo.New[Profile](nil, pool.User, s)
	require.ErrorIs(t, err, symphony.ErrUnknownPool)
	_, err = hashrepo.New[Profile](p, "nowhere", s)
	require.ErrorIs(t, err, symphony.ErrUnknownPool)
	_, err = hashrepo.New[Profile](p, pool.User, s, hashrepo.TTL(0))
	require.ErrorIs(t, err, symphony.ErrInvalidTTL)
	_, err = hashrepo.New[Profile](p, pool.User, s, hashrepo.Cached(-time.Second))
	require.ErrorIs(t, err, symphony.ErrInvalidTTL)
	_, err = hashrepo.New[Profile](p, pool.User, s, hashrepo.ReadReplicas(), hashrepo.Cached(time.Minute))
	require.ErrorIs(t, err, symphony.ErrUnsupported)
	require.ErrorContains(t, err, "Cached with ReadReplicas")
}

func TestClosedPools(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[Profile](t, p)
	p.Close()
	_, err := repo.Get(ctx, "u")
	require.ErrorIs(t, err, symphony.ErrClosed)
	err = repo.Upsert(ctx, "u", Profile{})
	require.ErrorIs(t, err, symphony.ErrClosed)
	var op *symphony.OpError
	require.ErrorAs(t, err, &op)
	require.False(t, op.MaybeApplied())
}

// A write without a reply may have been applied. A read is never reported so.
func TestMaybeApplied(t *testing.T) {
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL()})
	repo, _ := newRepo[Profile](t, p)
	admin := server.Client(t, 0)
	require.NoError(t, admin.Do(ctx, admin.B().Arbitrary("CLIENT", "PAUSE", "60000", "ALL").Build()).Error())
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	check := func(err error, maybe bool) {
		t.Helper()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, symphony.ErrNotFound)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, maybe, op.MaybeApplied())
	}
	check(repo.Upsert(short, "u", Profile{}), true)
	<-short.Done() // the connection's deadline may come a moment before the context's
	check(repo.Replace(short, "u", Profile{}), false)
	again, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err := repo.Get(again, "u")
	check(err, false)
}

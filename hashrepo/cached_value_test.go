package hashrepo_test

import (
	"context"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// A caller may change the record that it gets.
func TestCachedRecordsAreCopied(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
		cached, _, _ := cachedPair[Profile](t, p, hashrepo.Codec(c))
		nick := "nick"
		want := Profile{
			Tags: []string{"a", "b"}, Raw: []byte("raw"), Nick: &nick, Labels: map[string]int{"x": 1},
			Any: map[string]any{"k": []any{"v"}},
		}
		require.NoError(t, cached.Upsert(ctx, "u", want))
		modify := func(v Profile) {
			require.Equal(t, want, v, c.Name())
			v.Tags[0], v.Raw[0], *v.Nick, v.Labels["x"] = "modified", 'X', "modified", 9
			v.Any.(map[string]any)["k"].([]any)[0] = "modified"
		}
		for range 3 { // the first is read, the others are cached
			v, err := cached.Get(ctx, "u")
			require.NoError(t, err)
			modify(v)
			many, err := cached.GetMany(ctx, "u", "u")
			require.NoError(t, err)
			require.Len(t, many, 2)
			modify(many[0].Value)
			modify(many[1].Value)
		}
	}
}

// Ledger has a field that only the methods of its type can copy.
type Ledger struct {
	Balance big.Int `redis:"balance"`
}

// A cached record that cannot be copied is decoded for each caller.
func TestUncopyableRecordsAreDecodedAgain(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	cached, _, _ := cachedPair[Ledger](t, p)
	v, err := cached.Mutate(ctx, "u", func(a *Ledger) error {
		a.Balance.SetString("12345678901234567890123456789", 10)
		return nil
	})
	require.NoError(t, err)
	for range 3 {
		got, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		require.Zero(t, v.Balance.Cmp(&got.Balance))
		got.Balance.Bits()[0] = 7
		many, err := cached.GetMany(ctx, "u")
		require.NoError(t, err)
		require.Zero(t, v.Balance.Cmp(&many[0].Value.Balance))
	}
	require.Positive(t, userStats(p).CacheHits)
}

func TestPeekShared(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		cached, plain, _ := cachedPair[Profile](t, p)
		require.NoError(t, plain.Upsert(ctx, "u", Profile{Tags: []string{"a"}}))
		for _, repo := range []*hashrepo.HashRepo[Profile]{cached, plain} {
			v, err := repo.PeekShared(ctx, "u")
			require.NoError(t, err)
			require.Equal(t, []string{"a"}, v.Tags)
			_, err = repo.PeekShared(ctx, "nobody")
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.ErrorIs(t, err, symphony.ErrNotFound)
			require.Equal(t, "PeekShared", op.Op)
		}
	})
	p := pooltest.Redis(t, pool.Config{})
	cached, plain, _ := cachedPair[Profile](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", Profile{Tags: []string{"a"}}))
	first, err := cached.PeekShared(ctx, "u")
	require.NoError(t, err)
	second, err := cached.PeekShared(ctx, "u")
	require.NoError(t, err)
	require.Same(t, first, second)
	v, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	v.Tags[0] = "modified"
	require.Equal(t, []string{"a"}, first.Tags)
}

func TestCachedGetMany(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		cached, plain, prefix := cachedPair[FlatRecord](t, p)
		require.NoError(t, plain.UpsertMany(ctx, record("a", FlatRecord{N: 1}), record("b", FlatRecord{N: 2}), record("c", FlatRecord{N: 3})))
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"bad", "n", "many").Error())
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"bare", "unknown", "x").Error())
		require.NoError(t, pooltest.Do(t, p, pool.User, "SET", prefix+"text", "x").Error())
		_, err := cached.Get(ctx, "b")
		require.NoError(t, err)
		for range 2 {
			got, err := cached.GetMany(ctx, "c", "missing", "b", "bad", "a", "bare", "c", "text")
			require.Equal(t, []hashrepo.Record[FlatRecord]{
				record("c", FlatRecord{N: 3}), record("b", FlatRecord{N: 2}), record("a", FlatRecord{N: 1}),
				record("bare", FlatRecord{}), record("c", FlatRecord{N: 3}),
			}, got)
			var bad *codec.DecodeError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, "n", bad.Field)
			require.ErrorIs(t, err, symphony.ErrWrongType)
			require.NotErrorIs(t, err, symphony.ErrNotFound)
		}
		none, err := cached.GetMany(ctx)
		require.NoError(t, err)
		require.Empty(t, none)
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { _, err := cached.GetMany(ctx, "d", ""); return err })
		ended, cancel := context.WithCancel(ctx)
		cancel()
		pooltest.RequireNothingSent(t, p, context.Canceled, func() error { _, err := cached.GetMany(ended, "d"); return err })
	})
	p := pooltest.Redis(t, pool.Config{})
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.UpsertMany(ctx, record("a", FlatRecord{N: 1}), record("b", FlatRecord{N: 2})))
	require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"bare", "unknown", "x").Error())
	ids := []string{"a", "b", "bare", "missing", "a"}
	first, err := cached.GetMany(ctx, ids...)
	require.NoError(t, err)
	requireReadsFromMemory(t, p, func() {
		again, err := cached.GetMany(ctx, ids...)
		require.NoError(t, err)
		require.Equal(t, first, again)
		for _, id := range ids[:3] {
			_, err := cached.Get(ctx, id)
			require.NoError(t, err)
		}
	})
	require.EqualValues(t, 4, userStats(p).CacheEntries)
}

func TestMapRecordsAndExtraFieldsAreCached(t *testing.T) {
	type Open struct {
		Name string            `redis:"name"`
		More map[string]string `redis:",extra"`
	}
	p := pooltest.Redis(t, pool.Config{})
	maps, _, _ := cachedPair[map[string]codec.Value](t, p)
	extra, _, _ := cachedPair[Open](t, p)
	for range 2 {
		_, err := maps.Get(ctx, "u")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	}
	require.NoError(t, maps.Upsert(ctx, "u", map[string]codec.Value{"a": codec.NewValue(nil, []byte("1"))}))
	require.NoError(t, extra.Upsert(ctx, "u", Open{"n", map[string]string{"x": "y"}}))
	read := func() {
		m, err := maps.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, "1", m["a"].String())
		delete(m, "a")
		o, err := extra.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, Open{"n", map[string]string{"x": "y"}}, o)
		o.More["x"] = "modified"
	}
	read()
	requireReadsFromMemory(t, p, read)
}

func BenchmarkCachedGet(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	flat, _, _ := cachedPair[TwelveFields](b, p)
	deep, _, _ := cachedPair[Profile](b, p)
	require.NoError(b, flat.Upsert(ctx, "record1", twelveFields))
	require.NoError(b, deep.Upsert(ctx, "record1", Profile{Name: "x", Tags: []string{"a", "b", "c"}, Labels: map[string]int{"a": 1}}))
	b.Run("flat", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := flat.Get(ctx, "record1")
			require.NoError(b, err)
		}
	})
	b.Run("copied", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := deep.Get(ctx, "record1")
			require.NoError(b, err)
		}
	})
}

// A hit for a record that an assignment copies allocates nothing.
func TestCachedGetDoesNotAllocate(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	cached, _, _ := cachedPair[TwelveFields](t, p)
	require.NoError(t, cached.Upsert(ctx, "record1", twelveFields))
	_, err := cached.Get(ctx, "record1")
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if _, err := cached.Get(ctx, "record1"); err != nil {
			panic(err)
		}
	}))
}

// A record that is created between HMGET and EXISTS is read again, so that it
// is not returned as an empty record.
func TestRecordCreatedDuringCachedGet(t *testing.T) {
	gate := pooltest.NewGate()
	p := pooltest.Redis(t, pool.Config{NewClient: gate.NewClient})
	cached, _, prefix := cachedPair[FlatRecord](t, p)
	gate.Close()
	got := make(chan FlatRecord, 1)
	go func() {
		v, err := cached.Get(ctx, "u")
		assert.NoError(t, err)
		got <- v
	}()
	<-gate.Held
	require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"u", "n", "5").Error())
	gate.Open()
	require.Equal(t, FlatRecord{N: 5}, <-got)
}

// If Redis refuses the commands around a cached read, the record is read
// without the cache.
func TestRefusedCachedReadIsReadUncached(t *testing.T) {
	server := redistest.Server(t, "user default on nopass ~* &* +@all -pttl")
	p := pooltest.Redis(t, pool.Config{URL: server.URL()})
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	for n := range int64(3) {
		require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: n}))
		v, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		require.Equal(t, n, v.N)
		many, err := cached.GetMany(ctx, "missing", "u", "u")
		require.NoError(t, err)
		require.Len(t, many, 2)
		_, err = cached.Get(ctx, "missing")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	}
	require.Zero(t, userStats(p).CacheEntries)
}

// A read without the cache drops an entry that may be older.
func TestUncachedReadDropsOlderEntry(t *testing.T) {
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), NewClient: pooltest.WithoutInvalidations})
	cached, plain, prefix := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	_, err := cached.Get(ctx, "u")
	require.NoError(t, err)
	require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", prefix+"u", "n", "2").Error())
	requireReadsFromMemory(t, p, func() {
		v, err := cached.Get(ctx, "u")
		require.NoError(t, err)
		require.EqualValues(t, 1, v.N)
	})

	require.NoError(t, pooltest.Do(t, p, pool.User, "ACL", "SETUSER", "default", "-pttl").Error())
	for _, repo := range []*hashrepo.HashRepo[FlatRecord]{plain.With(hashrepo.Cached(time.Minute)), cached} {
		v, err := repo.Get(ctx, "u")
		require.NoError(t, err)
		require.EqualValues(t, 2, v.N)
	}
}

// A cached field with its own lifetime disappears when Redis removes it.
func TestCachedFieldExpires(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	if !p.SupportsFieldTTL(pool.User) {
		t.Skip("the server does not support lifetimes of fields")
	}
	name := hashrepo.FieldOf(func(c *FlatRecord) *string { return &c.Name })
	cached, plain, _ := cachedPair[FlatRecord](t, p)
	require.NoError(t, plain.Upsert(ctx, "u", FlatRecord{N: 1}))
	require.NoError(t, plain.Update(ctx, "u", name.SetFor("x", 100*time.Millisecond)))
	waitUntil(t, func() bool {
		v, err := cached.Get(ctx, "u")
		return err == nil && v == FlatRecord{N: 1}
	})
}

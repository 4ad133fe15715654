package symphony_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A write that fails with ErrWrongType changes neither the value nor the
// expire time of the key.
func TestRefusedWriteKeepsTTL(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		drift := 0.0
		if strings.HasSuffix(t.Name(), "/embedded") {
			drift = 1000 // the embedded server stores the remaining time, not the expire time
		}
		for name, opts := range map[string][]symphony.Option{
			"a day":      {symphony.TTL(24 * time.Hour)},
			"forever":    {symphony.NoTTL()},
			"very short": {symphony.TTL(time.Millisecond)},
			"kept":       {symphony.TTL(24 * time.Hour), symphony.KeepTTL()},
			"maximum":    {symphony.TTL(1<<63 - 1)},
		} {
			writes := refusedWrites(t, p, opts)
			for _, expireAt := range []string{"", "4102444800123"} {
				for op, w := range writes {
					require.NoError(t, pooltest.Do(t, p, w.pool, "DEL", w.key).Error())
					require.NoError(t, pooltest.Do(t, p, w.pool, w.otherType, w.key, "x", "y").Error())
					if expireAt != "" {
						require.NoError(t, pooltest.Do(t, p, w.pool, "PEXPIREAT", w.key, expireAt).Error())
					}
					want := expireTime(t, p, w)
					err := w.call(ctx)
					require.ErrorIs(t, err, symphony.ErrWrongType, "%s %s", op, name)
					var e *symphony.OpError
					require.ErrorAs(t, err, &e)
					require.False(t, e.MaybeApplied(), "%s %s: %v", op, name, err)
					require.InDelta(t, want, expireTime(t, p, w), drift, "%s %s", op, name)
				}
			}
		}
	})
}

// Concurrent writes that fail with ErrWrongType do not change the expire time
// of the key.
func TestConcurrentRefusedWritesKeepTTL(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	for _, w := range refusedWrites(t, p, []symphony.Option{symphony.TTL(time.Hour)}) {
		require.NoError(t, pooltest.Do(t, p, w.pool, "DEL", w.key).Error())
		require.NoError(t, pooltest.Do(t, p, w.pool, w.otherType, w.key, "x", "y").Error())
		require.NoError(t, pooltest.Do(t, p, w.pool, "PEXPIREAT", w.key, "4102444800123").Error())
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if err := w.call(ctx); err == nil {
					t.Error("a write to a key of another type succeeded")
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 4102444800123, expireTime(t, p, w))
	}
}

// The longest lifetime does not overflow, with any write and with the cache.
func TestMaxTTL(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		const maxTTL = time.Duration(1<<63 - 1)
		tenant := pooltest.UniqueTenant()
		type row struct {
			A string `redis:"a"`
			N int64  `redis:"n"`
		}
		n := hashrepo.NumberOf(func(r *row) *int64 { return &r.N })
		for name, more := range map[string][]symphony.Option{"plain": nil, "script": {symphony.KeepTTL()}} {
			users, err := symphony.NewUser[row](p, tenant+name, append(more, symphony.TTL(maxTTL), symphony.Cached(maxTTL))...)
			require.NoError(t, err)
			require.NoError(t, users.Upsert(ctx, "a", row{A: "x"}))
			require.NoError(t, users.Replace(ctx, "b", row{A: "x"}))
			require.NoError(t, users.Update(ctx, "c", n.Add(1)))
			require.NoError(t, users.UpsertMany(ctx, hashrepo.Record[row]{ID: "d"}))
			_, err = users.Mutate(ctx, "e", func(*row) error { return nil })
			require.NoError(t, err)
			found, err := users.Touch(ctx, "a")
			require.NoError(t, err)
			require.True(t, found)
			values, err := symphony.NewGeneric[string](p, tenant+name, append(more, symphony.TTL(maxTTL), symphony.Cached(maxTTL))...)
			require.NoError(t, err)
			require.NoError(t, values.Set(ctx, "a", "x"))
			require.NoError(t, values.SetMany(ctx, kvrepo.Record[string]{ID: "b", Value: "x"}))
			_, err = values.GetOrLoad(ctx, "c", func(context.Context) (string, error) { return "x", nil })
			require.NoError(t, err)
			for _, id := range []string{"a", "b", "c", "d", "e"} {
				left, err := users.TTL(ctx, id)
				require.NoError(t, err, id)
				require.Greater(t, left, maxTTL-time.Hour, id)
				for range 2 { // the second read is from the cache
					_, err = users.Get(ctx, id)
					require.NoError(t, err, id)
				}
			}
			for _, id := range []string{"a", "b", "c"} {
				left, err := values.TTL(ctx, id)
				require.NoError(t, err, id)
				require.Greater(t, left, maxTTL-time.Hour, id)
				for range 2 {
					_, err = values.Get(ctx, id)
					require.NoError(t, err, id)
				}
			}
			batch, err := symphony.NewBatch[string](p, tenant+name, append(more, symphony.TTL(maxTTL))...)
			require.NoError(t, err)
			_, err = batch.Enqueue(ctx, symphony.Queue{Service: "s", Entity: "e", Action: "a"}, "x")
			require.NoError(t, err)
			length, err := batch.Len(ctx, symphony.Queue{Service: "s", Entity: "e", Action: "a"})
			require.NoError(t, err)
			require.EqualValues(t, 1, length)
		}
	})
}

// Cached with the longest duration serves reads from the cache.
func TestMaxCacheTime(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	values, err := symphony.NewGeneric[string](p, pooltest.UniqueTenant(), symphony.Cached(1<<63-1))
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "k", "v"))
	servedFromCache := func() bool {
		before := p.Stats()[pool.Default].Commands
		v, err := values.Get(ctx, "k")
		require.NoError(t, err)
		require.Equal(t, "v", v)
		return p.Stats()[pool.Default].Commands == before
	}
	for n := 0; !servedFromCache(); time.Sleep(time.Millisecond) {
		n++
		require.Less(t, n, 1000, "no read was served from the cache")
	}
}

// refusedWrite is a write to a key that has another type.
type refusedWrite struct {
	pool           pool.Alias
	otherType, key string
	call           func(ctx context.Context) error
}

// expireTime returns the expire time of the key in Unix milliseconds.
func expireTime(t *testing.T, p *pool.Pools, w refusedWrite) int64 {
	t.Helper()
	ms, err := pooltest.Do(t, p, w.pool, "PEXPIRETIME", w.key).AsInt64()
	require.NoError(t, err)
	return ms
}

// refusedWrites returns the writes of hash, key-value and list repositories,
// each to a key of another type.
func refusedWrites(t *testing.T, p *pool.Pools, opts []symphony.Option) map[string]refusedWrite {
	t.Helper()
	tenant := pooltest.UniqueTenant()
	type row struct {
		A string   `redis:"a"`
		N int64    `redis:"n"`
		L []string `redis:"l"`
	}
	a := hashrepo.FieldOf(func(r *row) *string { return &r.A })
	n := hashrepo.NumberOf(func(r *row) *int64 { return &r.N })
	users, err := symphony.NewUser[row](p, tenant, opts...)
	require.NoError(t, err)
	values, err := symphony.NewGeneric[string](p, tenant, opts...)
	require.NoError(t, err)
	batch, err := symphony.NewBatch[string](p, tenant, opts...)
	require.NoError(t, err)

	all := map[string]refusedWrite{}
	hash := func(name string, call func(ctx context.Context) error) {
		all["hash "+name] = refusedWrite{pool.User, "SADD", tenant + ":user:u", call}
	}
	hash("Upsert", func(ctx context.Context) error { return users.Upsert(ctx, "u", row{}) })
	hash("UpsertMany", func(ctx context.Context) error {
		return users.UpsertMany(ctx, hashrepo.Record[row]{ID: "u"})
	})
	hash("Replace", func(ctx context.Context) error { return users.Replace(ctx, "u", row{}) })
	hash("Update", func(ctx context.Context) error { return users.Update(ctx, "u", a.Set("x"), n.Clear()) })
	hash("Add", func(ctx context.Context) error { return users.Update(ctx, "u", n.Add(1)) })
	hash("UpdateField", func(ctx context.Context) error { return users.UpdateField(ctx, "u", "a", "x") })
	hash("DeleteField", func(ctx context.Context) error { _, err := users.DeleteField(ctx, "u", "a"); return err })
	hash("Mutate", func(ctx context.Context) error {
		_, err := users.Mutate(ctx, "u", func(r *row) error { r.N++; return nil })
		return err
	})
	hash("Touch", func(ctx context.Context) error { _, err := users.Touch(ctx, "u"); return err })

	value := func(name string, call func(ctx context.Context) error) {
		all["value "+name] = refusedWrite{pool.Default, "HSET", tenant + ":k", call}
	}
	value("Set", func(ctx context.Context) error { return values.Set(ctx, "k", "v") })
	value("SetMany", func(ctx context.Context) error {
		return values.SetMany(ctx, kvrepo.Record[string]{ID: "k", Value: "v"})
	})
	value("Swap", func(ctx context.Context) error { _, _, err := values.Swap(ctx, "k", "v"); return err })
	value("Mutate", func(ctx context.Context) error {
		_, err := values.Mutate(ctx, "k", func(*string) error { return nil })
		return err
	})
	value("GetOrLoad", func(ctx context.Context) error {
		_, err := values.GetOrLoad(ctx, "k", func(context.Context) (string, error) { return "v", nil })
		return err
	})
	value("Touch", func(ctx context.Context) error { _, err := values.Touch(ctx, "k"); return err })

	list := func(name string, call func(ctx context.Context) error) {
		all["list "+name] = refusedWrite{pool.Handlers, "HSET", queueKey(t, p, tenant, "s", "e", "a"), call}
	}
	space, err := p.Layout().BatchList.Bind(tenant, "s", "e")
	require.NoError(t, err)
	queues, err := listrepo.New[string](p, pool.Handlers, space, opts...)
	require.NoError(t, err)
	list("Push", func(ctx context.Context) error { _, err := queues.Push(ctx, "a", "x"); return err })
	list("PushFront", func(ctx context.Context) error { _, err := queues.PushFront(ctx, "a", "x"); return err })
	list("Pop", func(ctx context.Context) error { _, err := queues.Pop(ctx, "a", 1); return err })
	list("Trim", func(ctx context.Context) error { return queues.Trim(ctx, "a", 0, 0) })
	list("Enqueue", func(ctx context.Context) error {
		_, err := batch.Enqueue(ctx, symphony.Queue{Service: "s", Entity: "e", Action: "a"}, "x")
		return err
	})
	return all
}

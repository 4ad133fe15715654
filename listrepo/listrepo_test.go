package listrepo_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

var keys = keyspace.MustCompile("{tenant}:queue:{id}")

func newRepo[T any](t testing.TB, p *pool.Pools, opts ...listrepo.Option) (*listrepo.ListRepo[T], string) {
	t.Helper()
	tenant := pooltest.UniqueTenant()
	s, err := keys.Bind(tenant)
	require.NoError(t, err)
	repo, err := listrepo.New[T](p, pool.Handlers, s, opts...)
	require.NoError(t, err)
	return repo, tenant + ":queue:"
}

// newMarkedRepo returns a repository with marks, the prefix of its queues'
// keys, and the keys of the marks' set and of the queues in the schedule. All
// keys share a hash tag.
func newMarkedRepo(t testing.TB, p *pool.Pools, opts ...listrepo.Option) (marked *listrepo.ListRepo[int], key, set, queues string) {
	t.Helper()
	tenant := pooltest.UniqueTenant()
	s, err := keyspace.MustCompile("{{tenant}}:queue:{id}").Bind(tenant)
	require.NoError(t, err)
	repo, err := listrepo.New[int](p, pool.Handlers, s, opts...)
	require.NoError(t, err)
	set = "{" + tenant + "}:marks"
	marked = repo.Marked(listrepo.Marks{Set: set, Member: "who", Queue: "which"})
	return marked, "{" + tenant + "}:queue:", set, pending.QueuesKey(p.Prefix(pool.Handlers)+set, "who")
}

// beside returns a key beside the queue "q".
func beside(p *pool.Pools, kind, key string) string {
	return keyspace.Beside(kind, p.Prefix(pool.Handlers)+key+"q")
}

// A queue behaves like a slice.
func TestAgainstASlice(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		plain, _ := newRepo[string](t, p)
		rapid.Check(t, func(rt *rapid.T) {
			_, err := plain.Delete(ctx, "q")
			require.NoError(rt, err)
			var model []string
			view := func() *listrepo.ListRepo[string] {
				return rapid.SampledFrom([]*listrepo.ListRepo[string]{
					plain, plain.With(listrepo.KeepTTL()), plain.With(listrepo.TTL(time.Hour)), plain.With(listrepo.MaxLen(1000)),
				}).Draw(rt, "view")
			}
			items := rapid.SliceOfN(rapid.String(), 0, 5)
			rt.Repeat(map[string]func(*rapid.T){
				"Push": func(rt *rapid.T) {
					v := items.Draw(rt, "items")
					model = append(model, v...)
					n, err := view().Push(ctx, "q", v...)
					require.NoError(rt, err)
					require.EqualValues(rt, len(model), n)
				},
				"PushFront": func(rt *rapid.T) {
					v := items.Draw(rt, "items")
					model = append(append([]string{}, v...), model...)
					n, err := view().PushFront(ctx, "q", v...)
					require.NoError(rt, err)
					require.EqualValues(rt, len(model), n)
				},
				"Pop": func(rt *rapid.T) {
					n := rapid.IntRange(0, 4).Draw(rt, "n")
					got, err := view().Pop(ctx, "q", n)
					require.NoError(rt, err)
					want := model[:min(n, len(model))]
					model = model[len(want):]
					require.Equal(rt, append([]string{}, want...), append([]string{}, got...))
				},
				"Trim": func(rt *rapid.T) {
					n := rapid.IntRange(1, 6).Draw(rt, "n")
					require.NoError(rt, view().Trim(ctx, "q", int64(n), -1))
					model = model[min(n, len(model)):]
				},
				"": func(rt *rapid.T) {
					got, err := plain.Range(ctx, "q", 0, -1)
					require.NoError(rt, err)
					require.Equal(rt, append([]string{}, model...), append([]string{}, got...))
					n, err := plain.Len(ctx, "q")
					require.NoError(rt, err)
					require.EqualValues(rt, len(model), n)
				},
			})
		})
	})
}

func TestLifetimes(t *testing.T) {
	const hour = time.Hour
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, c := range map[string]struct {
			opts         []listrepo.Option
			before, want time.Duration // before 0: no key
		}{
			"default":              {nil, 0, listrepo.NoExpiry},
			"default removes":      {nil, hour, listrepo.NoExpiry},
			"TTL":                  {[]listrepo.Option{listrepo.TTL(hour)}, 0, hour},
			"TTL renews":           {[]listrepo.Option{listrepo.TTL(hour)}, 2 * hour, hour},
			"KeepTTL":              {[]listrepo.Option{listrepo.KeepTTL()}, hour, hour},
			"KeepTTL keeps none":   {[]listrepo.Option{listrepo.KeepTTL(), listrepo.TTL(hour)}, listrepo.NoExpiry, listrepo.NoExpiry},
			"KeepTTL, TTL, no key": {[]listrepo.Option{listrepo.KeepTTL(), listrepo.TTL(hour)}, 0, hour},
			"MaxLen":               {[]listrepo.Option{listrepo.MaxLen(10), listrepo.TTL(hour)}, 2 * hour, hour},
		} {
			for write, call := range map[string]func(*listrepo.ListRepo[int]) error{
				"Push":      func(r *listrepo.ListRepo[int]) error { _, err := r.Push(ctx, "q", 1); return err },
				"PushFront": func(r *listrepo.ListRepo[int]) error { _, err := r.PushFront(ctx, "q", 1); return err },
				"Trim":      func(r *listrepo.ListRepo[int]) error { return r.Trim(ctx, "q", 0, 1) },
				"Pop":       func(r *listrepo.ListRepo[int]) error { _, err := r.Pop(ctx, "q", 1); return err },
			} {
				if c.before == 0 && (write == "Trim" || write == "Pop") {
					continue
				}
				t.Run(name+"/"+write, func(t *testing.T) {
					repo, key := newRepo[int](t, p, c.opts...)
					if c.before != 0 {
						require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "1", "2").Error())
					}
					if c.before > 0 {
						require.NoError(t, pooltest.Do(t, p, pool.Handlers, "PEXPIRE", key+"q", strconv.FormatInt(c.before.Milliseconds(), 10)).Error())
					}
					require.NoError(t, call(repo))
					got, err := repo.TTL(ctx, "q")
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

func TestMaxLen(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p, listrepo.MaxLen(3))
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		_, err = repo.Push(ctx, "q", 3, 4)
		require.ErrorIs(t, err, symphony.ErrFull)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.False(t, op.MaybeApplied())
		marked, _, set, queues := newMarkedRepo(t, p, listrepo.MaxLen(3))
		_, err = marked.Push(ctx, "q", 1, 2, 3, 4)
		require.ErrorIs(t, err, symphony.ErrFull)
		n, err := repo.PushFront(ctx, "q", 3)
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		got, err := repo.Range(ctx, "q", 0, -1)
		require.NoError(t, err)
		require.Equal(t, []int{3, 1, 2}, got)
		for _, key := range []string{set, queues} {
			n, err := pooltest.Do(t, p, pool.Handlers, "EXISTS", key).AsInt64()
			require.NoError(t, err)
			require.Zero(t, n, key)
		}
	})
}

func TestConditions(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.With(listrepo.IfExists()).Push(ctx, "q", 1)
		require.ErrorIs(t, err, symphony.ErrNotFound)
		_, err = repo.With(listrepo.IfAbsent()).Push(ctx, "q", 1)
		require.NoError(t, err)
		_, err = repo.With(listrepo.IfAbsent()).Push(ctx, "q", 1)
		require.ErrorIs(t, err, symphony.ErrExists)
		n, err := repo.With(listrepo.IfExists()).Push(ctx, "q", 2)
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
			_, err := repo.With(listrepo.IfAbsent()).Pop(ctx, "q", 1)
			return err
		})
	})
}

// Every push adds the marks, and a push to an empty queue schedules it.
func TestMarked(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, opts := range [][]listrepo.Option{nil, {listrepo.KeepTTL()}} {
			marked, _, set, queues := newMarkedRepo(t, p, opts...)
			for i := range 3 {
				n, err := marked.Push(ctx, "q", 1, 2)
				require.NoError(t, err)
				require.EqualValues(t, 2*i+2, n)
				members, err := pooltest.Do(t, p, pool.Handlers, "SMEMBERS", set).AsStrSlice()
				require.NoError(t, err)
				require.Equal(t, []string{"who"}, members)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", set).Error())
			}
			scheduled, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", queues, "0", "-1").AsStrSlice()
			require.NoError(t, err)
			require.Equal(t, []string{"which"}, scheduled)
			n, err := marked.Push(ctx, "other")
			require.NoError(t, err)
			require.Zero(t, n)
			left, err := pooltest.Do(t, p, pool.Handlers, "EXISTS", set).AsInt64()
			require.NoError(t, err)
			require.Zero(t, left, "a push without items adds no marks")
		}
	})
}

// The bytes of an item that does not decode are in the error.
func TestCorruptItem(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		fill := func() {
			_, err := repo.Delete(ctx, "q")
			require.NoError(t, err)
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "1", "twelve", "3").Error())
		}
		check := func(got []int, err error) {
			t.Helper()
			require.Equal(t, []int{1, 3}, got)
			var bad *listrepo.ItemError
			require.ErrorAs(t, err, &bad)
			require.Equal(t, 1, bad.Index)
			require.Equal(t, "twelve", string(bad.Raw))
			var reason *codec.DecodeError
			require.ErrorAs(t, err, &reason)
			require.ErrorContains(t, err, `not an integer: "twelve"`)
		}
		fill()
		check(repo.Range(ctx, "q", 0, -1))
		var got []int
		var last error
		for v, err := range repo.All(ctx, "q") {
			if err != nil {
				last = err
				continue
			}
			got = append(got, v)
		}
		check(got, last)
		check(repo.Pop(ctx, "q", 3))
	})
}

func TestAllPages(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		items := make([]int, 2000)
		for i := range items {
			items[i] = i
		}
		_, err := repo.Push(ctx, "q", items...)
		require.NoError(t, err)
		_, err = repo.With(listrepo.KeepTTL()).Push(ctx, "r", items...)
		require.NoError(t, err)
		for _, id := range []string{"q", "r"} {
			var got []int
			for v, err := range repo.All(ctx, id) {
				require.NoError(t, err)
				got = append(got, v)
			}
			require.Equal(t, items, got)
		}
	})
}

// No two callers pop the same item.
func TestPopIsAtomic(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		const n = 1000
		for i := range n {
			_, err := repo.Push(ctx, "q", i)
			require.NoError(t, err)
		}
		var mu sync.Mutex
		seen := map[int]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for {
					items, err := repo.Pop(ctx, "q", 7)
					if err != nil || len(items) == 0 {
						if err != nil {
							t.Error(err)
						}
						return
					}
					mu.Lock()
					for _, v := range items {
						seen[v]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Len(t, seen, n)
		for v, times := range seen {
			require.Equal(t, 1, times, v)
		}
	})
}

func TestKeyOfAnotherType(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key+"q", "text").Error())
		_, push := repo.Push(ctx, "q", 1)
		_, kept := repo.With(listrepo.KeepTTL()).Push(ctx, "q", 1)
		_, pop := repo.Pop(ctx, "q", 1)
		_, ranged := repo.Range(ctx, "q", 0, -1)
		_, length := repo.Len(ctx, "q")
		for name, err := range map[string]error{
			"Push": push, "Push keeping": kept, "Pop": pop, "Range": ranged, "Len": length, "Trim": repo.Trim(ctx, "q", 0, 1),
		} {
			require.ErrorIs(t, err, symphony.ErrWrongType, name)
		}
		text, err := pooltest.Do(t, p, pool.Handlers, "GET", key+"q").ToString()
		require.NoError(t, err)
		require.Equal(t, "text", text)
	})
}

func TestBadInput(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[any](t, p)
	push := func(r *listrepo.ListRepo[any], id string, v any) func() error {
		return func() error { _, err := r.Push(ctx, id, 1, v); return err }
	}
	for name, c := range map[string]struct {
		want error
		call func() error
	}{
		"empty id":       {symphony.ErrInvalidKey, push(repo, "", 1)},
		"too large":      {symphony.ErrTooLarge, push(repo, "q", make([]byte, p.MaxValueBytes()+1))},
		"negative count": {symphony.ErrInvalidArgument, func() error { _, err := repo.Pop(ctx, "q", -1); return err }},
		"Cached":         {symphony.ErrUnsupported, push(repo.With(symphony.Cached(time.Second)), "q", 1)},
		"IfVersion":      {symphony.ErrUnsupported, push(repo.With(symphony.IfVersion(1)), "q", 1)},
		"MaxLen":         {symphony.ErrInvalidArgument, push(repo.With(listrepo.MaxLen(0)), "q", 1)},
		"TTL":            {symphony.ErrInvalidTTL, push(repo.With(listrepo.TTL(-1)), "q", 1)},
	} {
		t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, c.want, c.call) })
	}
	var bad *codec.EncodeError
	require.ErrorAs(t, push(repo, "q", []string{"\xff"})(), &bad)
	n, err := repo.Push(ctx, "q")
	require.NoError(t, err)
	require.Zero(t, n, "no item was pushed before the error")
	ended, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("over"))
	_, err = repo.Push(ended, "q", 1)
	require.ErrorIs(t, err, context.Canceled)
}

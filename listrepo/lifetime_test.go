package listrepo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A queue that pushes keep alive loses nothing that stands beside it, however long
// nobody claims; and nothing stays once it has died.
func TestPushesKeepAQueueWhole(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		const lifetime = 700 * time.Millisecond
		repo, key := newRepo[int](t, p, listrepo.TTL(lifetime))
		_, err := repo.Push(ctx, "q", 1, 2, 3, 4, 5)
		require.NoError(t, err)
		released, expired, partly := claim(t, repo, 1, time.Minute), claim(t, repo, 1, time.Minute), claim(t, repo, 2, time.Minute)
		require.NoError(t, partly.Ack(ctx, partly.Items[0]))
		require.NoError(t, partly.Extend(ctx, time.Millisecond))
		require.NoError(t, expired.Extend(ctx, time.Millisecond))
		require.NoError(t, released.Release(ctx))
		lapsed(t, repo, 4)
		pushes := 0
		for until := time.Now().Add(5 * lifetime); time.Now().Before(until); time.Sleep(lifetime / 7) {
			_, err := repo.Push(ctx, "q", 100)
			require.NoError(t, err)
			pushes++
		}
		got := claim(t, repo, 100, 10*time.Millisecond)
		require.Len(t, got.Items, 4+pushes)
		require.Equal(t, []string{expired.Items[0].ID, partly.Items[1].ID, released.Items[0].ID},
			[]string{got.Items[0].ID, got.Items[1].ID, got.Items[2].ID})
		for i, want := range []int{2, 2, 2, 1} {
			require.Equal(t, want, got.Items[i].Attempt)
		}
		require.Eventually(t, func() bool { return len(own(t, p, key)) == 0 }, 30*time.Second, 10*time.Millisecond)
	})
}

// Every write that renews a queue renews what stands beside it.
func TestWritesRenewWhatStandsBeside(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		type repo = listrepo.ListRepo[int]
		push := func(r *repo) error { _, err := r.Push(ctx, "q", 9); return err }
		for name, write := range map[string]func(r *repo, c *listrepo.Claim[int]) error{
			"Push":        func(r *repo, _ *listrepo.Claim[int]) error { return push(r) },
			"PushFront":   func(r *repo, _ *listrepo.Claim[int]) error { _, err := r.PushFront(ctx, "q", 9); return err },
			"MaxLen":      func(r *repo, _ *listrepo.Claim[int]) error { return push(r.With(listrepo.MaxLen(100))) },
			"IfExists":    func(r *repo, _ *listrepo.Claim[int]) error { return push(r.With(listrepo.IfExists())) },
			"NoTTL":       func(r *repo, _ *listrepo.Claim[int]) error { return push(r.With(listrepo.NoTTL())) },
			"no lifetime": func(r *repo, _ *listrepo.Claim[int]) error { return push(endless(t, p, r)) },
			"Pop":         func(r *repo, _ *listrepo.Claim[int]) error { _, err := r.Pop(ctx, "q", 1); return err },
			"Pop, NoTTL": func(r *repo, _ *listrepo.Claim[int]) error {
				_, err := r.With(listrepo.NoTTL()).Pop(ctx, "q", 1)
				return err
			},
			"Pop, endless": func(r *repo, _ *listrepo.Claim[int]) error { _, err := endless(t, p, r).Pop(ctx, "q", 1); return err },
			"Trim":         func(r *repo, _ *listrepo.Claim[int]) error { return r.Trim(ctx, "q", 0, 5) },
			"Release":      func(_ *repo, c *listrepo.Claim[int]) error { return c.Release(ctx, c.Items[0]) },
			"Return":       func(_ *repo, c *listrepo.Claim[int]) error { return c.Return(ctx, c.Items[0]) },
			"Retry": func(r *repo, _ *listrepo.Claim[int]) error {
				n, err := r.Retry(ctx, "q", "1-a-1")
				require.EqualValues(t, 1, n)
				return err
			},
			"KeepTTL": func(r *repo, _ *listrepo.Claim[int]) error {
				_, err := r.Pop(ctx, "q", 100) // so that the push makes a new list
				require.NoError(t, err)
				shorten(t, p, r)
				return push(r.With(listrepo.KeepTTL()))
			},
		} {
			t.Run(name, func(t *testing.T) {
				r, key := newRepo[int](t, p, listrepo.TTL(time.Hour))
				keyOf[r] = key
				c := standBeside(t, p, r)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "1-a-1", "5 1 0 7").Error())
				shorten(t, p, r)
				require.NoError(t, write(r, c))
				names := own(t, p, key)
				require.GreaterOrEqual(t, len(names), 6, names)
				for _, name := range names {
					switch {
					case strings.HasPrefix(name, "%dead"):
						require.EqualValues(t, -1, pttl(t, p, name), name)
					case strings.Contains(strings.ToLower(t.Name()), "nottl"), strings.Contains(t.Name(), "no_lifetime"), strings.Contains(t.Name(), "endless"):
						require.EqualValues(t, -1, pttl(t, p, name), name)
					default:
						require.Greater(t, pttl(t, p, name), 59*time.Minute.Milliseconds(), name)
					}
				}
			})
		}
	})
}

var keyOf = map[*listrepo.ListRepo[int]]string{}

// endless is a repository of the same queues that knows of no lifetime.
func endless(t *testing.T, p *pool.Pools, r *listrepo.ListRepo[int]) *listrepo.ListRepo[int] {
	t.Helper()
	s, err := keys.Bind(strings.TrimSuffix(keyOf[r], ":queue:"))
	require.NoError(t, err)
	plain, err := listrepo.New[int](p, pool.Handlers, s)
	require.NoError(t, err)
	return plain
}

// standBeside brings every kind of key beside a queue about, and returns a claim
// whose lease is far from its end.
func standBeside(t *testing.T, p *pool.Pools, r *listrepo.ListRepo[int]) *listrepo.Claim[int] {
	t.Helper()
	_, err := r.Push(ctx, "q", 1, 2, 3, 4, 5, 6, 7, 8)
	require.NoError(t, err)
	c, expired, released := claim(t, r, 2, time.Hour), claim(t, r, 2, time.Minute), claim(t, r, 1, time.Minute)
	require.NoError(t, c.Ack(ctx, c.Items[1]))
	require.NoError(t, expired.Ack(ctx, expired.Items[1]))
	require.NoError(t, released.Release(ctx))
	require.NoError(t, expired.Extend(ctx, time.Millisecond))
	lapsed(t, r, 5)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "again", keyOf[r]), "5", "0000000001 5-a-1 1 77").Error())
	return c
}

// shorten gives a queue and what stands beside it a minute to live.
func shorten(t *testing.T, p *pool.Pools, r *listrepo.ListRepo[int]) {
	t.Helper()
	for _, name := range append(own(t, p, keyOf[r]), keyOf[r]+"q") {
		lives := pttl(t, p, name)
		far := lives > 61*time.Minute.Milliseconds() && !strings.HasPrefix(name, "%due") // it lives for longer than its lease
		if lives > 0 && !far {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "PEXPIRE", name, "60000").Error())
		}
	}
}

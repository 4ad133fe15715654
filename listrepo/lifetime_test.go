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

// Pushes renew the keys beside a queue, however long nobody claims. When the
// queue ends, these keys end too.
func TestPushesRenewKeysBeside(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		const lifetime = 2 * time.Second // a busy machine pauses for a part of it
		repo, key := newRepo[int](t, p, listrepo.TTL(lifetime))
		_, err := repo.Push(ctx, "q", 1, 2, 3, 4, 5)
		require.NoError(t, err)
		released, expired, partly := mustClaim(t, repo, 1, time.Minute), mustClaim(t, repo, 1, time.Minute), mustClaim(t, repo, 2, time.Minute)
		require.NoError(t, partly.Ack(ctx, partly.Items[0]))
		require.NoError(t, partly.Extend(ctx, time.Millisecond))
		require.NoError(t, expired.Extend(ctx, time.Millisecond))
		require.NoError(t, released.Release(ctx))
		awaitWaiting(t, repo, 4)
		pushes := 0
		for until := time.Now().Add(3 * lifetime); time.Now().Before(until); time.Sleep(lifetime / 20) {
			_, err := repo.Push(ctx, "q", 100)
			require.NoError(t, err)
			pushes++
		}
		got := mustClaim(t, repo, 100, 10*time.Millisecond)
		require.Len(t, got.Items, 4+pushes)
		require.Equal(t, []string{expired.Items[0].ID, partly.Items[1].ID, released.Items[0].ID},
			[]string{got.Items[0].ID, got.Items[1].ID, got.Items[2].ID})
		for i, want := range []int{2, 2, 2, 1} {
			require.Equal(t, want, got.Items[i].Attempt)
		}
		require.Eventually(t, func() bool { return len(keysBeside(t, p, key)) == 0 }, 30*time.Second, 10*time.Millisecond)
	})
}

// Every write that renews a queue renews the keys beside it.
func TestWritesRenewKeysBeside(t *testing.T) {
	type writeFunc = func(q *queueWithKeys) error
	push := func(r *listrepo.ListRepo[int]) error { _, err := r.Push(ctx, "q", 9); return err }
	pop := func(r *listrepo.ListRepo[int]) error { _, err := r.Pop(ctx, "q", 1); return err }
	renewing := map[string]writeFunc{
		"Push":      func(q *queueWithKeys) error { return push(q.repo) },
		"PushFront": func(q *queueWithKeys) error { _, err := q.repo.PushFront(ctx, "q", 9); return err },
		"MaxLen":    func(q *queueWithKeys) error { return push(q.repo.With(listrepo.MaxLen(100))) },
		"IfExists":  func(q *queueWithKeys) error { return push(q.repo.With(listrepo.IfExists())) },
		"Pop":       func(q *queueWithKeys) error { return pop(q.repo) },
		"Trim":      func(q *queueWithKeys) error { return q.repo.Trim(ctx, "q", 0, 5) },
		"Release":   func(q *queueWithKeys) error { return q.claim.Release(ctx, q.claim.Items[0]) },
		"Return":    func(q *queueWithKeys) error { return q.claim.Return(ctx, q.claim.Items[0]) },
		"Retry": func(q *queueWithKeys) error {
			n, err := q.repo.Retry(ctx, "q", "1-a-1")
			require.EqualValues(q.t, 1, n)
			return err
		},
		"KeepTTL": func(q *queueWithKeys) error {
			_, err := q.repo.Pop(ctx, "q", 100) // so that the push makes a new list
			require.NoError(q.t, err)
			q.shortenLifetimes()
			return push(q.repo.With(listrepo.KeepTTL()))
		},
	}
	endless := map[string]writeFunc{
		"Push with NoTTL":        func(q *queueWithKeys) error { return push(q.repo.With(listrepo.NoTTL())) },
		"Push without lifetimes": func(q *queueWithKeys) error { return push(q.withoutLifetime()) },
		"Pop with NoTTL":         func(q *queueWithKeys) error { return pop(q.repo.With(listrepo.NoTTL())) },
		"Pop without lifetimes":  func(q *queueWithKeys) error { return pop(q.withoutLifetime()) },
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, write := range renewing {
			t.Run(name, func(t *testing.T) {
				q := newQueueWithKeys(t, p)
				require.NoError(t, write(q))
				q.requireLifetimes(func(name string, ms int64) { require.Greater(t, ms, 59*time.Minute.Milliseconds(), name) })
			})
		}
		for name, write := range endless {
			t.Run(name, func(t *testing.T) {
				q := newQueueWithKeys(t, p)
				require.NoError(t, write(q))
				q.requireLifetimes(func(name string, ms int64) { require.EqualValues(t, -1, ms, name) })
			})
		}
	})
}

// queueWithKeys is a queue with every kind of key beside it. The repository's
// lifetime is an hour.
type queueWithKeys struct {
	t     *testing.T
	pools *pool.Pools
	repo  *listrepo.ListRepo[int]
	key   string               // of the queue, without its id
	claim *listrepo.Claim[int] // its lease has an hour left
}

// newQueueWithKeys makes a queue whose lifetimes have a minute left.
func newQueueWithKeys(t *testing.T, p *pool.Pools) *queueWithKeys {
	t.Helper()
	repo, key := newRepo[int](t, p, listrepo.TTL(time.Hour))
	_, err := repo.Push(ctx, "q", 1, 2, 3, 4, 5, 6, 7, 8)
	require.NoError(t, err)
	held, expired, released := mustClaim(t, repo, 2, time.Hour), mustClaim(t, repo, 2, time.Minute), mustClaim(t, repo, 1, time.Minute)
	require.NoError(t, held.Ack(ctx, held.Items[1]))
	require.NoError(t, expired.Ack(ctx, expired.Items[1]))
	require.NoError(t, released.Release(ctx))
	require.NoError(t, expired.Extend(ctx, time.Millisecond))
	awaitWaiting(t, repo, 5)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "again", key), "5", "0000000001 5-a-1 1 77").Error())
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "1-a-1", "5 1 0 7").Error())
	q := &queueWithKeys{t, p, repo, key, held}
	q.shortenLifetimes()
	return q
}

// withoutLifetime returns a repository of the same queue without options.
func (q *queueWithKeys) withoutLifetime() *listrepo.ListRepo[int] {
	s, err := keys.Bind(strings.TrimSuffix(q.key, ":queue:"))
	require.NoError(q.t, err)
	repo, err := listrepo.New[int](q.pools, pool.Handlers, s)
	require.NoError(q.t, err)
	return repo
}

// shortenLifetimes leaves a minute to the queue and the keys beside it, except
// to a claim whose lease has not expired.
func (q *queueWithKeys) shortenLifetimes() {
	for _, name := range append(keysBeside(q.t, q.pools, q.key), q.key+"q") {
		left := pttl(q.t, q.pools, name)
		leased := left > 61*time.Minute.Milliseconds() && !strings.HasPrefix(name, "%due")
		if left > 0 && !leased {
			require.NoError(q.t, pooltest.Do(q.t, q.pools, pool.Handlers, "PEXPIRE", name, "60000").Error())
		}
	}
}

// requireLifetimes calls check for each key beside the queue. Dead letters must
// have no lifetime.
func (q *queueWithKeys) requireLifetimes(check func(name string, ms int64)) {
	names := keysBeside(q.t, q.pools, q.key)
	require.GreaterOrEqual(q.t, len(names), 6, names)
	for _, name := range names {
		ms := pttl(q.t, q.pools, name)
		if strings.HasPrefix(name, "%dead") || strings.HasPrefix(name, "%died") {
			require.EqualValues(q.t, -1, ms, name)
		} else {
			check(name, ms)
		}
	}
}

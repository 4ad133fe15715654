package listrepo_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A queue that was emptied by claims leaves no keys, except the set of the
// marks, which belongs to others.
func TestNothingIsLeftOfAnEmptyQueue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key, set, index := newMarkedRepo(t, p)
		age := beside(p, "age", key)
		process := func() {
			_, err := repo.Process(ctx, "q", 10, func(context.Context, []listrepo.Item[int]) error { return nil })
			require.NoError(t, err)
		}
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		require.EqualValues(t, -1, pttl(t, p, age))
		process()
		require.InDelta(t, (time.Hour + listrepo.DefaultLease).Milliseconds(), pttl(t, p, age), 60e3, "without another call the key stays for an hour")
		process()
		require.Contains(t, pooltest.Keys(t, p, pool.Handlers), index, "pushes rely on the last registration")

		// Change the registration to more than ten seconds ago.
		registered, err := pooltest.Do(t, p, pool.Handlers, "ZINCRBY", index, "-10001", "which").AsFloat64()
		require.NoError(t, err)
		require.Positive(t, registered)
		process()
		require.Equal(t, []string{p.Prefix(pool.Handlers) + set}, pooltest.Keys(t, p, pool.Handlers))
	})
}

// A queue whose items are all claimed stays in the index, so that workers find
// them if their lease expires.
func TestClaimedQueueStaysInTheIndex(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _, _, index := newMarkedRepo(t, p)
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		mustClaim(t, repo, 1, time.Minute)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZINCRBY", index, "-10001", "which").Error())
		require.Empty(t, mustClaim(t, repo, 1, time.Minute).Items)
		require.Contains(t, pooltest.Keys(t, p, pool.Handlers), index)
	})
}

// The id of an item that another program took is removed when a claim takes the
// last item.
func TestIDsGoWithTheLastItem(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		require.NoError(t, mustClaim(t, repo, 1, time.Minute).Release(ctx))
		require.Contains(t, pooltest.Keys(t, p, pool.Handlers), beside(p, "back", key))
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LPOP", key+"q").Error())
		require.NoError(t, mustClaim(t, repo, 1, time.Minute).Ack(ctx))
		requireNoKeys(t, p)
	})
}

// The times of pushes live as long as the queue, also when its items come back.
func TestLifetimeOfPushTimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key, _, index := newMarkedRepo(t, p, listrepo.MaxLen(100)) // every push registers the queue
		age := beside(p, "age", key)
		_, err := repo.With(listrepo.TTL(time.Hour)).Push(ctx, "q", 1)
		require.NoError(t, err)
		require.InDelta(t, time.Hour.Milliseconds(), pttl(t, p, age), 60e3)
		_, err = repo.Push(ctx, "q", 2)
		require.NoError(t, err)
		require.EqualValues(t, -1, pttl(t, p, age))
		c := mustClaim(t, repo, 2, time.Minute)
		require.Positive(t, pttl(t, p, age))
		require.NoError(t, c.Release(ctx))
		require.EqualValues(t, -1, pttl(t, p, age))

		// Without the times, the registration bounds the age of an item.
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", age).Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZINCRBY", index, "-7200000", "which").Error())
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.InDelta(t, 2*time.Hour, b.Oldest, float64(time.Minute))
	})
}

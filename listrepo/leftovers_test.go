package listrepo_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// A queue that was emptied by claims leaves no keys, except the set of the
// marks, which belongs to others, and the note that its tenant has no queue.
func TestNothingIsLeftOfAnEmptyQueue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key, set, _ := newMarkedRepo(t, p)
		age := beside(p, "age", key)
		left := []string{p.Prefix(pool.Handlers) + set, keyspace.Beside("drained", p.Prefix(pool.Handlers)+set)}
		for range 2 { // the second push is right after the first
			_, err := repo.Push(ctx, "q", 1, 2)
			require.NoError(t, err)
			require.EqualValues(t, -1, pttl(t, p, age))
			_, err = repo.Process(ctx, "q", 10, func(context.Context, []listrepo.Item[int]) error {
				require.InDelta(t, (time.Hour + listrepo.DefaultLease).Milliseconds(), pttl(t, p, age), 60e3, "without another call the key stays for an hour")
				return nil
			})
			require.NoError(t, err)
			require.ElementsMatch(t, left, pooltest.Keys(t, p, pool.Handlers))
		}

		// The first claim after another program took all items finds none.
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LPOP", key+"q").Error())
		require.Empty(t, mustClaim(t, repo, 1, time.Minute).Items)
		require.ElementsMatch(t, left, pooltest.Keys(t, p, pool.Handlers))

		_, err = repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		_, err = repo.Delete(ctx, "q")
		require.NoError(t, err)
		require.ElementsMatch(t, left, pooltest.Keys(t, p, pool.Handlers))
	})
}

// A queue whose items are all claimed stays in the schedule, at the end of the
// first lease, so that workers find them if it expires.
func TestClaimedQueueIsScheduled(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _, _, queues := newMarkedRepo(t, p)
		scheduledIn := func() time.Duration {
			at, err := pooltest.Do(t, p, pool.Handlers, "ZSCORE", queues, "which").AsFloat64()
			require.NoError(t, err)
			return time.Until(time.UnixMilli(int64(at)))
		}
		_, err := repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)
		require.InDelta(t, 0, scheduledIn(), float64(time.Minute))
		first := mustClaim(t, repo, 1, 3*time.Hour)
		require.InDelta(t, 0, scheduledIn(), float64(time.Minute), "two items wait")
		second := mustClaim(t, repo, 2, 2*time.Hour)
		require.InDelta(t, 2*time.Hour, scheduledIn(), float64(time.Minute))
		require.Empty(t, mustClaim(t, repo, 1, time.Minute).Items)
		require.InDelta(t, 2*time.Hour, scheduledIn(), float64(time.Minute))
		require.NoError(t, second.Ack(ctx, second.Items[0]))
		require.InDelta(t, 2*time.Hour, scheduledIn(), float64(time.Minute))
		require.NoError(t, second.Ack(ctx, second.Items[1]))
		require.InDelta(t, 3*time.Hour, scheduledIn(), float64(time.Minute))
		require.NoError(t, first.Release(ctx))
		require.InDelta(t, 0, scheduledIn(), float64(time.Minute))
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
		repo, key, _, _ := newMarkedRepo(t, p, listrepo.MaxLen(100)) // every push stores its time
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
	})
}

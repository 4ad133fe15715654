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

// Nothing stays of a queue that was emptied by claims alone, but for the mark,
// which is not the queue's own.
func TestNothingIsLeftOfAnEmptyQueue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key, set, index := newMarked(t, p)
		age := beside(p, "age", key)
		process := func() {
			_, err := repo.Process(ctx, "q", 10, func(context.Context, []listrepo.Item[int]) error { return nil })
			require.NoError(t, err)
		}
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		require.EqualValues(t, -1, pttl(t, p, age))
		process()
		require.InDelta(t, (time.Hour + listrepo.DefaultLease).Milliseconds(), pttl(t, p, age), 60e3, "who never looks again leaves it for an hour")
		process()
		require.Contains(t, stored(t, p), index, "pushes rely on the last note")

		// What was noted just now is made to have been noted before.
		noted, err := pooltest.Do(t, p, pool.Handlers, "ZINCRBY", index, "-10001", "which").AsFloat64()
		require.NoError(t, err)
		require.Positive(t, noted)
		process()
		require.Equal(t, []string{set}, stored(t, p))
	})
}

// A queue that has claimed items alone keeps its place in the index: when their
// lease lapses they are found there.
func TestClaimedItemsKeepTheirPlace(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _, _, index := newMarked(t, p)
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		claim(t, repo, 1, time.Minute)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZINCRBY", index, "-10001", "which").Error())
		require.Empty(t, claim(t, repo, 1, time.Minute).Items)
		require.Contains(t, stored(t, p), index)
	})
}

// The number of an item that others took goes when a claim takes the last one.
func TestNumbersGoWithTheLastItem(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		require.NoError(t, claim(t, repo, 1, time.Minute).Release(ctx))
		require.Contains(t, stored(t, p), "%back:{"+key+"q}")
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LPOP", key+"q").Error())
		require.NoError(t, claim(t, repo, 1, time.Minute).Ack(ctx))
		requireGone(t, p)
	})
}

// The times live as long as the queue, also when its items come back.
func TestLifetimeOfTheTimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key, _, index := newMarked(t, p, listrepo.MaxLen(100)) // every push is noted
		age := beside(p, "age", key)
		_, err := repo.With(listrepo.TTL(time.Hour)).Push(ctx, "q", 1)
		require.NoError(t, err)
		require.InDelta(t, time.Hour.Milliseconds(), pttl(t, p, age), 60e3)
		_, err = repo.Push(ctx, "q", 2)
		require.NoError(t, err)
		require.EqualValues(t, -1, pttl(t, p, age))
		c := claim(t, repo, 2, time.Minute)
		require.Positive(t, pttl(t, p, age))
		require.NoError(t, c.Release(ctx))
		require.EqualValues(t, -1, pttl(t, p, age))

		// Where they are gone, the note tells how old an item may be.
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", age).Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZINCRBY", index, "-7200000", "which").Error())
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.InDelta(t, 2*time.Hour, b.Oldest, float64(time.Minute))
	})
}

func stored(t *testing.T, p *pool.Pools) []string {
	t.Helper()
	names, err := pooltest.Do(t, p, pool.Handlers, "KEYS", "*").AsStrSlice()
	require.NoError(t, err)
	return names
}

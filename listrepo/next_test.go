package listrepo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

func TestNext(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2, 3, 4, 5)
		require.NoError(t, err)
		c := mustClaim(t, repo, 2, time.Minute)
		require.NoError(t, c.Ack(ctx, c.Items[0]))
		next, err := c.Next(ctx, 2, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []int{3, 4}, valuesOf(next.Items))
		require.NoError(t, c.Ack(ctx), "nothing is left")
		require.ErrorIs(t, c.Ack(ctx, c.Items[1]), symphony.ErrNotFound)
		require.ErrorIs(t, c.Extend(ctx, time.Minute), symphony.ErrLeaseLost)

		last, err := c.Next(ctx, 10, time.Minute)
		require.NoError(t, err, "there was nothing to ack")
		require.Equal(t, []int{5}, valuesOf(last.Items))
		none, err := next.Next(ctx, 0, time.Minute)
		require.NoError(t, err)
		require.Empty(t, none.Items)
		none, err = last.Next(ctx, 10, time.Minute)
		require.NoError(t, err)
		require.Empty(t, none.Items)
		requireNoKeys(t, p)

		_, err = repo.Push(ctx, "q", 6)
		require.NoError(t, err)
		c, err = none.Next(ctx, 1, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []int{6}, valuesOf(c.Items))
	})
}

// Next of a lost claim acks nothing and returns a valid claim.
func TestNextOfALostClaim(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)
		lost := mustClaim(t, repo, 1, time.Millisecond)
		awaitWaiting(t, repo, 3)
		other := mustClaim(t, repo, 1, time.Minute)
		require.Equal(t, lost.Items[0].ID, other.Items[0].ID)
		for _, want := range [][]int{{2}, {3}, {}} {
			next, err := lost.Next(ctx, 1, time.Minute)
			require.ErrorIs(t, err, symphony.ErrLeaseLost)
			require.Equal(t, want, valuesOf(next.Items))
		}
		require.NoError(t, other.Ack(ctx))
	})
}

// If the lease expired but no other claim took the items, Next acks them.
func TestNextOfAnExpiredClaim(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		c := mustClaim(t, repo, 1, time.Millisecond)
		awaitWaiting(t, repo, 2)
		next, err := c.Next(ctx, 10, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []int{2}, valuesOf(next.Items))
	})
}

func TestNextMakesUndecodableItemsDeadLetters(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "1", "bad", "3").Error())
		c := mustClaim(t, repo, 1, time.Minute)
		next, err := c.Next(ctx, 10, time.Minute)
		var bad *listrepo.ItemError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, []int{3}, valuesOf(next.Items))
		require.NoError(t, c.Ack(ctx), "nothing is left")
	})
}

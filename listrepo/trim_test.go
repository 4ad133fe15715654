package listrepo_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// kill makes dead letters of values, one after the other.
func kill(t *testing.T, repo *listrepo.ListRepo[int], values ...int) {
	t.Helper()
	broken := errors.New("broken")
	for _, value := range values {
		_, err := repo.Push(ctx, "q", value)
		require.NoError(t, err)
		_, err = repo.Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error { return broken })
		require.Equal(t, broken, err)
	}
}

// deadValues returns the values of the dead letters, sorted, and their ids.
func deadValues(t *testing.T, repo *listrepo.ListRepo[int]) (values []int, ids map[int]string) {
	t.Helper()
	ids = map[int]string{}
	for d, err := range repo.Dead(ctx, "q") {
		require.NoError(t, err)
		values, ids[d.Value] = append(values, d.Value), d.ID
	}
	slices.Sort(values)
	return values, ids
}

// Without DeadLimit, all dead letters stay. With it, the oldest ones go, also
// those of before, and nothing else.
func TestDeadLimit(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		all, key := newRepo[int](t, p, listrepo.MaxAttempts(1))
		kill(t, all, 1, 2, 3, 4, 5)
		values, _ := deadValues(t, all)
		require.Equal(t, []int{1, 2, 3, 4, 5}, values)

		limited := all.With(listrepo.DeadLimit(3))
		kill(t, limited, 6)
		values, ids := deadValues(t, limited)
		require.Equal(t, []int{4, 5, 6}, values)

		// An item that is delivered is not a dead letter.
		n, err := limited.Retry(ctx, "q", ids[4])
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		n, err = limited.Discard(ctx, "q", ids[5])
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		c := mustClaim(t, limited, 1, time.Minute)
		require.Equal(t, ids[4], c.Items[0].ID)
		kill(t, limited, 7, 8)
		values, _ = deadValues(t, limited)
		require.Equal(t, []int{6, 7, 8}, values)
		require.NoError(t, c.Fail(ctx, errors.New("broken again")))
		values, _ = deadValues(t, limited)
		require.Equal(t, []int{4, 7, 8}, values)

		// One whose lease expired counts, too.
		_, err = limited.Push(ctx, "q", 9)
		require.NoError(t, err)
		mustClaim(t, limited, 1, time.Millisecond)
		awaitWaiting(t, limited, 1)
		require.Empty(t, mustClaim(t, limited, 1, time.Minute).Items)
		values, ids = deadValues(t, limited)
		require.Equal(t, []int{4, 8, 9}, values)
		known, err := pooltest.Do(t, p, pool.Handlers, "ZCARD", beside(p, "died", key)).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 3, known)
		n, err = limited.Discard(ctx, "q", ids[4], ids[8], ids[9])
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		requireNoKeys(t, p)
	})
}

// Dead letters of which %died does not know, since another program or Import
// wrote them, count by their times.
func TestDeadLimitOfUnknownDeadLetters(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(1), listrepo.DeadLimit(200))
		const n = 700
		for i := range n {
			at := strconv.Itoa(1000 + (i*37)%n) // in no particular order
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "id"+strconv.Itoa(i), at+" 1 3 bad"+at).Error())
		}
		kill(t, repo, 9999)
		values, _ := deadValues(t, repo)
		require.Len(t, values, 200)
		require.Equal(t, 1000+n-199, values[0])
		require.Equal(t, 9999, values[199])
		known, err := pooltest.Do(t, p, pool.Handlers, "ZCARD", beside(p, "died", key)).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 200, known)
		_, err = repo.Delete(ctx, "q")
		require.NoError(t, err)
		requireNoKeys(t, p)
	})
}

func TestDeadLimitIsChecked(t *testing.T) {
	repo, _ := newRepo[int](t, pooltest.Embedded(t))
	_, err := repo.With(listrepo.DeadLimit(0)).Retry(ctx, "q", "x")
	require.ErrorIs(t, err, listrepo.ErrInvalidArgument)
	require.ErrorContains(t, err, "DeadLimit(0); a queue keeps at least one dead letter")
}

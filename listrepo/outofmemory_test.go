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

// A server whose memory is full refuses pushes. Its items can still be claimed
// and acked, which frees memory.
func TestOutOfMemory(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[int](t, p)
	_, err := repo.Push(ctx, "q", make([]int, 100)...)
	require.NoError(t, err)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "CONFIG", "SET", "maxmemory", "1").Error())
	_, err = repo.Push(ctx, "q", 1)
	require.ErrorContains(t, err, "OOM")

	c := mustClaim(t, repo, 10, time.Minute)
	require.NoError(t, c.Extend(ctx, time.Hour))
	require.NoError(t, c.Ack(ctx, c.Items[:3]...))
	require.NoError(t, c.Release(ctx))
	c = mustClaim(t, repo, 10, time.Minute)
	require.Equal(t, 2, c.Items[0].Attempt)
	c, err = c.Next(ctx, 10, time.Millisecond)
	require.NoError(t, err)
	require.Len(t, c.Items, 10)
	done := 3 + 10
	require.Eventually(t, func() bool { // until the lease of ten items expires
		n, err := repo.Process(ctx, "q", 30, func(context.Context, []listrepo.Item[int]) error { return nil })
		require.NoError(t, err)
		done += n
		return done == 100
	}, 20*time.Second, time.Millisecond)
}

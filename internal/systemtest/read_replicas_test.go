package systemtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// With ReadReplicas, replicas serve the reads and primaries the writes. If the
// replicas are down, primaries serve the reads.
func TestReadReplicas(t *testing.T) {
	t.Parallel()
	t.Run("cluster", func(t *testing.T) {
		c := redistest.ReplicatedCluster(t)
		testReadReplicas(t, c.URL(), c.Primaries, c.Replicas)
	})
	t.Run("sentinel", func(t *testing.T) {
		s := redistest.Sentinel(t)
		testReadReplicas(t, s.URL(), []*redistest.Instance{s.Primary}, []*redistest.Instance{s.Replica})
	})
	t.Run("single", func(t *testing.T) {
		p := pooltest.Redis(t, pool.Config{})
		users, err := symphony.NewUser[counter](p, "r", symphony.ReadReplicas())
		require.NoError(t, err)
		require.NoError(t, users.Upsert(ctx, "u", counter{Count: 1}))
		got, err := users.Get(ctx, "u")
		require.NoError(t, err)
		require.EqualValues(t, 1, got.Count)
	})
}

func testReadReplicas(t *testing.T, url string, primaries, replicas []*redistest.Instance) {
	p := pooltest.Redis(t, pool.Config{URL: url})
	users, err := symphony.NewUser[counter](p, "r")
	require.NoError(t, err)
	replicated := users.With(symphony.ReadReplicas())
	var ids []string
	for i := range 60 {
		ids = append(ids, fmt.Sprint("u", i))
		require.NoError(t, replicated.Upsert(ctx, ids[i], counter{Count: 1}))
	}
	for i := range primaries {
		redistest.WaitForReplica(t, primaries[i], replicas[i])
	}
	requireEventually(t, func() bool {
		before := replicas[0].CommandCalls(t, "hmget")
		_, err := replicated.GetMany(ctx, ids...)
		require.NoError(t, err)
		return replicas[0].CommandCalls(t, "hmget") > before
	}, "no replica received an HMGET")
	before := primaries[0].CommandCalls(t, "hmget")
	got, err := replicated.GetMany(ctx, ids...)
	require.NoError(t, err)
	require.Len(t, got, len(ids))
	for _, id := range ids {
		_, err := replicated.Get(ctx, id)
		require.NoError(t, err)
		_, err = replicated.Get(ctx, id+"x")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	}
	require.Equal(t, before, primaries[0].CommandCalls(t, "hmget"), "a primary received an HMGET")
	_, err = replicated.Mutate(ctx, ids[0], func(t *counter) error { t.Count++; return nil })
	require.NoError(t, err)
	require.NoError(t, replicated.Update(ctx, ids[0], countField.Add(1)))
	requireOnce(t, ids, replicated.IDs(ctx))

	for _, r := range replicas {
		r.Kill()
	}
	for _, id := range ids {
		_, err := replicated.Get(ctx, id)
		require.NoError(t, err, "the primary does not serve the read")
	}
	require.NoError(t, replicated.Upsert(ctx, "late", counter{Count: 1}))
	var found []hashrepo.Record[counter]
	begun := time.Now()
	found, err = replicated.GetMany(ctx, "late")
	require.NoError(t, err)
	require.Len(t, found, 1)
	t.Log("GetMany with all replicas down took", time.Since(begun))
}

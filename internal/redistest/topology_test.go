package redistest

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"
)

func TestCluster(t *testing.T) {
	t.Parallel()
	c := Cluster(t)
	require.Len(t, c.Nodes(), 3)
	client := newClient(t, c.URL())
	require.Equal(t, rueidis.ClientModeCluster, client.Mode())
	writeEverywhere(t, client)
	for _, node := range c.Primaries {
		client := node.Client(t, 0)
		n, err := client.Do(t.Context(), client.B().Dbsize().Build()).ToInt64()
		require.NoError(t, err)
		require.Positive(t, n, "each primary has a share of the keys")
	}
}

func TestReplicaTakesOverInCluster(t *testing.T) {
	t.Parallel()
	c := ReplicatedCluster(t)
	require.Len(t, c.Nodes(), 6)
	client := newClient(t, c.URL())
	writeEverywhere(t, client)
	c.Primaries[1].Kill()
	require.True(t, waitFor(func() bool { return c.Replicas[1].IsPrimary() }))
}

func TestReplicaTakesOverUnderSentinel(t *testing.T) {
	t.Parallel()
	s := Sentinel(t)
	client := newClient(t, s.URL())
	require.Equal(t, rueidis.ClientModeSentinel, client.Mode())
	writeEverywhere(t, client)
	require.True(t, s.Primary.IsPrimary())
	require.False(t, s.Replica.IsPrimary())
	s.Primary.Kill()
	require.True(t, waitFor(func() bool { return s.Replica.IsPrimary() }))
	require.True(t, waitFor(func() bool { return set(t.Context(), client, "afterwards") == nil }))
}

func newClient(t *testing.T, url string) rueidis.Client {
	t.Helper()
	options, err := rueidis.ParseURL(url)
	require.NoError(t, err)
	client, err := rueidis.NewClient(options)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// writeEverywhere writes 100 keys, which reach every primary of a cluster.
func writeEverywhere(t *testing.T, client rueidis.Client) {
	t.Helper()
	for i := range 100 {
		require.NoError(t, set(t.Context(), client, fmt.Sprint("key", i)))
	}
}

func set(ctx context.Context, client rueidis.Client, key string) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout/3)
	defer cancel()
	return client.Do(ctx, client.B().Set().Key(key).Value("value").Build()).Error()
}

package pool_test

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// openRetrying opens pools whose calls would be retried for an hour, and
// returns how many retries there were.
func openRetrying(t *testing.T, url string, retryFor time.Duration) (*pool.Pools, *atomic.Int64) {
	t.Helper()
	retries := new(atomic.Int64)
	pools, err := pool.Open(withTimeout(t), pool.Config{
		URLs: map[pool.Alias]string{pool.User: url}, Timeout: time.Hour, RetryFor: retryFor,
		NewClient: func(opt rueidis.ClientOption) (rueidis.Client, error) {
			delay := opt.RetryDelay
			opt.RetryDelay = func(attempts int, cmd rueidis.Completed, err error) time.Duration {
				d := delay(attempts, cmd, err)
				if d >= 0 {
					retries.Add(1)
				}
				return d
			}
			return rueidis.NewClient(opt)
		},
	})
	require.NoError(t, err)
	t.Cleanup(pools.Close)
	return pools, retries
}

// read reads without a deadline of its own. The test ends if it does not
// return.
func read(t *testing.T, pools *pool.Pools) error {
	t.Helper()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() { result <- c.Do(context.Background(), c.B().Exists().Key("x").Build()).Error() }()
	select {
	case err := <-result:
		return err
	case <-time.After(30 * time.Second):
		require.FailNow(t, "the read waits for a server that is down")
		return nil
	}
}

// If a server is down for longer than RetryFor, a read is not retried. When the
// server replies again, the next call succeeds.
func TestReadsOfADeadServerFailAtOnce(t *testing.T) {
	s := redistest.Server(t)
	pools, retries := openRetrying(t, s.URL(), 200*time.Millisecond)
	opened := pools.Stats()[pool.User]
	require.False(t, opened.Down)
	require.False(t, opened.Since.IsZero())
	require.Empty(t, opened.LastError)

	s.Kill()
	require.ErrorIs(t, read(t, pools), syscall.ECONNREFUSED)
	require.Positive(t, retries.Load(), "the read is retried for RetryFor")
	down := pools.Stats()[pool.User]
	require.True(t, down.Down)
	require.True(t, down.Since.After(opened.Since))
	require.Contains(t, down.LastError, "connection refused")
	before := retries.Load()
	for range 10 {
		require.ErrorIs(t, read(t, pools), syscall.ECONNREFUSED)
	}
	require.Equal(t, before, retries.Load())
	require.Equal(t, down.Since, pools.Stats()[pool.User].Since)

	s.Restart(t)
	require.NoError(t, read(t, pools))
	up := pools.Stats()[pool.User]
	require.False(t, up.Down)
	require.True(t, up.Since.After(down.Since))
	require.Contains(t, up.LastError, "connection refused", "it stays")
}

func TestReadsSurviveARestartWithinRetryFor(t *testing.T) {
	s := redistest.Server(t)
	pools, retries := openRetrying(t, s.URL(), time.Hour)
	s.Kill()
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	result := make(chan error, 1)
	go func() { result <- c.Do(context.Background(), c.B().Exists().Key("x").Build()).Error() }()
	require.Eventually(t, func() bool { return retries.Load() > 3 }, 30*time.Second, time.Millisecond)
	s.Restart(t)
	require.NoError(t, <-result)
}

// A host that accepts no connection, or accepts it and never replies, costs a
// call no more than one that refuses it.
func TestCallsDoNotWaitForASilentServer(t *testing.T) {
	s := redistest.Server(t)
	pools, _ := openRetrying(t, s.URL()+"?dial_timeout=1h", time.Millisecond)
	s.Kill()
	require.ErrorIs(t, read(t, pools), syscall.ECONNREFUSED)

	silent, err := net.Listen("tcp", s.Addr())
	require.NoError(t, err)
	require.ErrorIs(t, read(t, pools), syscall.ECONNREFUSED, "the last error")
	require.ErrorIs(t, read(t, pools), syscall.ECONNREFUSED)
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	require.ErrorIs(t, c.Do(context.Background(), c.B().Set().Key("x").Value("1").Build()).Error(), syscall.ECONNREFUSED, "so do writes")
	require.NoError(t, silent.Close())
	s.Restart(t)
	require.Eventually(t, func() bool { return read(t, pools) == nil }, 30*time.Second, time.Millisecond)
	require.False(t, pools.Stats()[pool.User].Down)
}

// Each node of a cluster has a state of its own.
func TestADeadNodeOfAClusterDelaysOnlyItsReads(t *testing.T) {
	cluster := redistest.Cluster(t, "cluster-require-full-coverage no")
	pools, retries := openRetrying(t, cluster.URL(), 200*time.Millisecond)
	c, err := pools.Client(pool.User)
	require.NoError(t, err)
	exists := func(key string) error { return c.Do(context.Background(), c.B().Exists().Key(key).Build()).Error() }
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	for _, k := range keys {
		require.NoError(t, exists(k))
	}
	cluster.Primaries[0].Kill()
	failed := make(map[string]bool)
	require.Eventually(t, func() bool {
		for _, k := range keys {
			if exists(k) != nil {
				failed[k] = true
			}
		}
		return len(failed) > 0
	}, 30*time.Second, time.Millisecond)
	require.Less(t, len(failed), len(keys))
	stats := pools.Stats()[pool.User]
	require.True(t, stats.Down)
	require.Contains(t, stats.LastError, cluster.Primaries[0].Addr())

	for _, live := range cluster.Primaries[1:] {
		mustDo(t, live.Client(t, 0), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	}
	for _, k := range keys {
		if !failed[k] {
			require.NoError(t, exists(k))
		}
	}
	before := retries.Load()
	for k := range failed {
		require.Error(t, exists(k))
	}
	require.Equal(t, before, retries.Load(), "a new connection to another node says nothing about the dead one")
}

func TestNegativeRetryFor(t *testing.T) {
	_, err := pool.Open(t.Context(), pool.Config{RetryFor: -time.Second})
	mistakes := split[*pool.ConfigError](t, err)
	require.Equal(t, "RetryFor", mistakes[0].Field)
	require.Contains(t, mistakes[0].Reason, "max_retries=0")
}

// Package pooltest opens pools for tests on a real server, on the embedded
// server and on a cluster. Only tests may import this package.
package pooltest

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Each runs a test on a real server, on the embedded server and on a cluster,
// because the repositories must behave alike on all of them. The test must not
// be parallel itself.
//
// The tests of a process share a cluster, which the first of them starts. Each
// deletes all keys of the cluster before a test, and runs one test at a time on
// it. [Main] stops it.
func Each(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	each(t, keyspace.Layout{}, run)
}

// EachByTenant is [Each] with the layout keyspace.ClusterByTenant on all of
// them. It is for what works on a cluster only if the keys of a repository
// share a slot.
func EachByTenant(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	each(t, keyspace.ClusterByTenant(), run)
}

func each(t *testing.T, l keyspace.Layout, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	if !shared.managed {
		t.Fatal("pooltest: a package that uses Each needs a TestMain; add `func TestMain(m *testing.M) { pooltest.Main(m) }`")
	}
	eachSingle(t, l, run)
	t.Run("cluster", func(t *testing.T) { run(t, shared.open(t, l)) })
}

// EachSingle is [Each] without the cluster. A comment at the call says why the
// test does not hold on a cluster.
func EachSingle(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	eachSingle(t, keyspace.Layout{}, run)
}

func eachSingle(t *testing.T, l keyspace.Layout, run func(t *testing.T, p *pool.Pools)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) { run(t, Redis(t, pool.Config{Layout: l})) })
	t.Run("embedded", func(t *testing.T) { run(t, openEmbedded(t, l)) })
}

// Long skips a test that takes seconds of processor time, or waits for them, if
// the flag -short is set. Others with servers are skipped as they start them.
func Long(tb testing.TB) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("this test takes long, and -short is set")
	}
}

// longTimeout is the timeout of pools on servers without faults. It is only
// reached if the machine is too busy.
const longTimeout = time.Minute

// Redis opens pools on the real server in cfg, or on a new one if cfg has no
// URL. The pools are closed when the test ends.
func Redis(tb testing.TB, cfg pool.Config) *pool.Pools {
	tb.Helper()
	if cfg.URL == "" {
		cfg.URL = redistest.Server(tb).URL()
		cfg.Timeout = cmp.Or(cfg.Timeout, longTimeout)
	}
	p, err := pool.Open(context.Background(), cfg)
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

// Embedded opens pools on a new embedded server. They are closed when the test
// ends.
func Embedded(tb testing.TB) *pool.Pools {
	tb.Helper()
	return openEmbedded(tb, keyspace.Layout{})
}

func openEmbedded(tb testing.TB, l keyspace.Layout) *pool.Pools {
	tb.Helper()
	p, err := embedded.Open(context.Background(), pool.Config{Timeout: longTimeout, Layout: l})
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

// UniqueTenant returns a tenant that no other test uses.
func UniqueTenant() string { return "t" + rand.Text() }

// Do sends a command directly to Redis. If the pool has a prefix, args[1] must
// be a key, and Do adds the prefix to it, unless it is a key of
// keyspace.Beside.
func Do(tb testing.TB, p *pool.Pools, a pool.Alias, args ...string) rueidis.RedisResult {
	tb.Helper()
	c, err := p.Client(a)
	require.NoError(tb, err)
	if prefix := p.Prefix(a); prefix != "" && len(args) > 1 {
		key := args[1]
		if !strings.HasPrefix(key, "%") {
			key = prefix + key
		}
		return c.Do(context.Background(), c.B().Arbitrary(args[0]).Keys(key).Args(args[2:]...).Build())
	}
	return c.Do(context.Background(), c.B().Arbitrary(args...).Build())
}

// CommandCalls returns how many times the server ran each command, also in
// scripts. It leaves out those of redistest.CommandCalls.
func CommandCalls(tb testing.TB, p *pool.Pools, a pool.Alias) map[string]int64 {
	tb.Helper()
	stats, err := Do(tb, p, a, "INFO", "commandstats").ToString()
	require.NoError(tb, err)
	return redistest.CommandCalls(stats)
}

// Keys returns the keys of a pool's database, with their prefixes. On a cluster
// it returns the keys of all primaries.
func Keys(tb testing.TB, p *pool.Pools, a pool.Alias) (keys []string) {
	tb.Helper()
	c, err := p.Client(a)
	require.NoError(tb, err)
	nodes := c.Nodes()
	for _, node := range nodes {
		if len(nodes) > 1 {
			role, err := node.Do(context.Background(), node.B().Role().Build()).ToArray()
			require.NoError(tb, err)
			if name, err := role[0].ToString(); err != nil || name != "master" {
				continue
			}
		}
		onNode, err := node.Do(context.Background(), node.B().Keys().Pattern("*").Build()).AsStrSlice()
		require.NoError(tb, err)
		keys = append(keys, onNode...)
	}
	return keys
}

// Hash returns all fields of a hash. It reads them directly from Redis.
func Hash(tb testing.TB, p *pool.Pools, a pool.Alias, key string) map[string]string {
	tb.Helper()
	m, err := Do(tb, p, a, "HGETALL", key).AsStrMap()
	require.NoError(tb, err)
	return m
}

// RequireNothingSent requires that call returns the error want and sends no
// command.
func RequireNothingSent(t *testing.T, p *pool.Pools, want error, call func() error) {
	t.Helper()
	before := commands(p)
	require.ErrorIs(t, call(), want)
	require.Equal(t, before, commands(p), "commands were sent")
}

func commands(p *pool.Pools) (n int64) {
	for _, s := range p.Stats() {
		n += s.Commands
	}
	return n
}

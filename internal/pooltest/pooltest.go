// Package pooltest opens pools for tests: on a real server, and on the
// embedded one.
package pooltest

import (
	"cmp"
	"context"
	"crypto/rand"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Each runs a test on a real server and on the embedded one: the repositories
// must behave alike on both. Within [OnCluster] it runs it on the cluster.
func Each(t *testing.T, run func(t *testing.T, p *pool.Pools)) {
	if cluster != nil {
		for _, node := range cluster.Primaries {
			node.Flush(t)
		}
		run(t, Redis(t, pool.Config{URL: cluster.URL(), Timeout: patience}))
		return
	}
	t.Run("redis", func(t *testing.T) { run(t, Redis(t, pool.Config{})) })
	t.Run("embedded", func(t *testing.T) { run(t, Embedded(t)) })
}

// cluster is that of the OnCluster under way.
var cluster *redistest.ClusterInstance

// OnCluster runs tests that call [Each] once more, on a cluster of three
// primaries and three replicas: what the repositories promise, they promise
// there too. The tests must not be parallel.
func OnCluster(t *testing.T, tests ...func(t *testing.T)) {
	t.Helper()
	cluster = redistest.ReplicatedCluster(t)
	defer func() { cluster = nil }()
	for _, test := range tests {
		name := runtime.FuncForPC(reflect.ValueOf(test).Pointer()).Name()
		t.Run(name[strings.LastIndexByte(name, '.')+1:], test)
	}
}

// patience is the timeout of pools on servers that nothing befalls: there a call
// is late only where the machine is too busy.
const patience = time.Minute

// Redis opens cfg on the real server that it names, or on one of the test's
// own.
func Redis(tb testing.TB, cfg pool.Config) *pool.Pools {
	tb.Helper()
	if cfg.URL == "" {
		cfg.URL = redistest.Server(tb).URL()
		cfg.Timeout = cmp.Or(cfg.Timeout, patience)
	}
	p, err := pool.Open(context.Background(), cfg)
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

// Embedded opens pools on an embedded server of the test's own.
func Embedded(tb testing.TB) *pool.Pools {
	tb.Helper()
	p, err := embedded.Open(context.Background(), pool.Config{Timeout: patience})
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

// UniqueTenant is a name that no other test has.
func UniqueTenant() string { return "t" + rand.Text() }

// Do sends a command past the repositories. Where the pool has a prefix, the
// second word is a key, and gets it unless it is one of keyspace.Beside.
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

// Hash reads a whole hash past the repositories.
func Hash(tb testing.TB, p *pool.Pools, a pool.Alias, key string) map[string]string {
	tb.Helper()
	m, err := Do(tb, p, a, "HGETALL", key).AsStrMap()
	require.NoError(tb, err)
	return m
}

// RequireNothingSent runs call and requires that it fails without a command being sent.
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

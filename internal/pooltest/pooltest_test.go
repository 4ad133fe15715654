package pooltest_test

import (
	"os"
	"os/exec"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// withoutMain is the environment variable of a process that runs the tests
// without Main.
const withoutMain = "POOLTEST_WITHOUT_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(withoutMain) != "" {
		os.Exit(m.Run())
	}
	pooltest.Main(m)
}

// Tests that run at the same time use the cluster in turn, and find it empty.
func TestTestsShareACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("-short starts no servers")
	}
	var running, runs atomic.Int32
	t.Run("tests", func(t *testing.T) {
		for range 4 {
			t.Run("test", func(t *testing.T) {
				t.Parallel()
				pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
					if !strings.HasSuffix(t.Name(), "/cluster") {
						return
					}
					runs.Add(1)
					require.EqualValues(t, 1, running.Add(1))
					defer running.Add(-1)
					require.Equal(t, keyspace.Cluster(), p.Layout())
					require.Empty(t, pooltest.Keys(t, p, pool.User))
					for _, key := range []string{"a", "b", "c", "d"} { // on different primaries
						require.NoError(t, pooltest.Do(t, p, pool.User, "SET", key, "x").Error())
					}
					require.ElementsMatch(t, []string{"user:a", "user:b", "user:c", "user:d"}, pooltest.Keys(t, p, pool.User))
				})
			})
		}
	})
	require.EqualValues(t, 4, runs.Load())
}

// EachByTenant runs a test wherever Each does, with another layout.
func TestEachByTenant(t *testing.T) {
	if testing.Short() {
		t.Skip("-short starts no servers")
	}
	var names []string
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		names = append(names, path.Base(t.Name()))
		require.Equal(t, keyspace.ClusterByTenant(), p.Layout())
	})
	require.Equal(t, []string{"redis", "embedded", "cluster"}, names)
}

// The message of a test that uses Each without Main contains what to add.
func TestEachNeedsMain(t *testing.T) {
	if os.Getenv(withoutMain) != "" {
		pooltest.Each(t, func(*testing.T, *pool.Pools) {})
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEachNeedsMain$")
	child.Env = append(os.Environ(), withoutMain+"=1")
	output, err := child.CombinedOutput()
	require.ErrorAs(t, err, new(*exec.ExitError))
	require.Contains(t, string(output), "func TestMain(m *testing.M) { pooltest.Main(m) }")
}

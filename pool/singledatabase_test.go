package pool_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// All aliases use the database of the URL, and prefixes keep their keys apart.
func TestSingleDatabase(t *testing.T) {
	one := redistest.Server(t, "databases 1")
	four := redistest.Server(t, "databases 4")
	for name, c := range map[string]struct {
		cfg      pool.Config
		database string
	}{
		"no number":      {pool.Config{URL: one.URL()}, "db=0 "},
		"a number":       {pool.Config{URL: four.URL() + "/3"}, "db=3 "},
		"a number of 0":  {pool.Config{URL: one.URL(), Databases: map[pool.Alias]int{pool.User: 0}}, "db=0 "},
		"URLs":           {pool.Config{URLs: map[pool.Alias]string{pool.User: one.URL(), "jobs": one.URL()}}, "db=0 "},
		"URLs, a number": {pool.Config{URL: one.URL(), URLs: map[pool.Alias]string{pool.User: four.URL() + "/2"}}, "db=2 "},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			c.cfg.SingleDatabase, c.cfg.Logger = true, slog.New(slog.NewTextHandler(&log, nil))
			pools, err := pool.Open(withTimeout(t), c.cfg)
			require.NoError(t, err)
			defer pools.Close()
			require.Empty(t, log.String())
			for _, a := range pools.Aliases() {
				require.Equal(t, string(a)+":", pools.Prefix(a))
			}
			client, err := pools.Client(pool.User)
			require.NoError(t, err)
			reply := mustDo(t, client, "CLIENT", "INFO")
			info, err := reply.ToString()
			require.NoError(t, err)
			require.Contains(t, info, c.database)
		})
	}
	t.Run("a cluster", func(t *testing.T) {
		pools, err := pool.Open(withTimeout(t), pool.Config{URL: redistest.Cluster(t).URL(), SingleDatabase: true})
		require.NoError(t, err)
		defer pools.Close()
		require.Equal(t, "user:", pools.Prefix(pool.User))
	})
	t.Run("another number", func(t *testing.T) {
		_, err := pool.Open(t.Context(), pool.Config{URL: one.URL(), SingleDatabase: true, Databases: map[pool.Alias]int{"jobs": 3}})
		mistakes := split[*pool.ConfigError](t, err)
		require.Equal(t, "Databases[jobs]", mistakes[0].Field)
		require.Contains(t, mistakes[0].Reason, "remove SingleDatabase")
	})
}

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Every command works on a cluster with replicas, in a database that all pools
// share, and with the layout of the Python package. It finds each thing once.
func TestTopologies(t *testing.T) {
	pooltest.Long(t)
	t.Run("cluster", func(t *testing.T) {
		testCommands(t, serverAt(t, nil, redistest.ReplicatedCluster(t).URL()), 6)
	})
	t.Run("one database", func(t *testing.T) {
		s := redistest.Server(t)
		pools := pooltest.Redis(t, pool.Config{URL: s.URL(), SingleDatabase: true})
		testCommands(t, server{s, pools, []string{"-single", "-url", s.URL()}}, 1)
	})
	t.Run("python", func(t *testing.T) {
		s := redistest.Server(t)
		pools := pooltest.Redis(t, pool.Config{URL: s.URL(), Layout: keyspace.Python()})
		testCommands(t, server{s, pools, []string{"-layout", "python", "-url", s.URL()}}, 1)
	})
}

func testCommands(t *testing.T, s server, servers int) {
	t.Helper()
	ids := []string{"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"}
	s.users(t, "acme", ids...)
	for _, id := range ids {
		s.enqueue(t, "acme", id, "a")
	}
	s.deadLetters(t, "acme", "dead", "x")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"}, [2]string{"acme", "t2"}, [2]string{"acme", "t3"})
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(ctx, "remind", "later", time.Hour))

	rows := s.rows(t, "tenants")
	require.Len(t, rows, 1)
	require.InDelta(t, 9.0, rows[0]["kinds"].(map[string]any)["user"], 0)
	require.Len(t, s.rows(t, "show", "acme/user/u1"), 1)
	require.Len(t, s.rows(t, "show", "acme:user:u1"), 1)
	require.Len(t, s.rows(t, "show", s.pools.Prefix(pool.User)+"acme:user:u1"), 1)
	require.Len(t, s.rows(t, "show", "acme/trigger/remind/later"), 1)
	require.Len(t, s.rows(t, "queues"), 10)
	require.Len(t, s.rows(t, "queues", "-service", "mail"), 9)
	require.Len(t, s.rows(t, "triggers", "-tenant", "acme"), 4)
	require.Len(t, s.rows(t, "dead"), 4)
	require.Equal(t, "1 removed\n", s.call("discard", "t1").out)
	require.Equal(t, "3 redelivered\n", s.call("retry", "-all", "-yes").out)
	require.Eventually(t, func() bool { return len(s.rows(t, "top")) == servers }, time.Minute, 10*time.Millisecond,
		"the servers of a new cluster announce a replica once it has the data of its primary")
	client, err := s.pools.Client(pool.User)
	require.NoError(t, err)
	key := s.pools.Prefix(pool.User) + "acme:user:u9"
	require.NoError(t, client.Do(ctx, client.B().Persist().Key(key).Build()).Error())
	require.Contains(t, s.call("check").out, `of 9 records acme/user/*, 1 have no lifetime`)
	require.Equal(t, exitOK, s.call("erase", "acme", "-yes").code)
	require.Empty(t, s.rows(t, "tenants"))
}

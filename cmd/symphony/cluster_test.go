package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Every command works on a cluster with replicas, finds each thing once, and
// finds those of every node.
func TestCluster(t *testing.T) {
	pooltest.Long(t)
	c := redistest.ReplicatedCluster(t)
	s := serverAt(t, nil, c.URL())
	ids := []string{"u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9"}
	s.users(t, "acme", ids...)
	for _, id := range ids {
		s.enqueue(t, "acme", id, "a")
	}
	s.deadLetters(t, "acme", "dead", "x")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"}, [2]string{"acme", "t2"}, [2]string{"acme", "t3"})
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(ctx, "later", "t1", time.Hour))

	rows := s.rows(t, "tenants")
	require.Len(t, rows, 1)
	require.InDelta(t, 9.0, rows[0]["kinds"].(map[string]any)["user"], 0)
	require.Len(t, s.rows(t, "show", "acme/user/u1"), 1)
	require.Len(t, s.rows(t, "show", "acme:user:u1"), 1)
	require.Len(t, s.rows(t, "show", "user:acme:user:u1"), 1)
	require.Len(t, s.rows(t, "show", "acme/trigger/later/t1"), 1)
	require.Len(t, s.rows(t, "queues"), 10)
	require.Len(t, s.rows(t, "queues", "-service", "mail"), 9)
	require.Len(t, s.rows(t, "triggers", "-tenant", "acme"), 4)
	require.Len(t, s.rows(t, "dead"), 4)
	require.Equal(t, "1 removed\n", s.call("discard", "t1").out)
	require.Equal(t, "3 redelivered\n", s.call("retry", "-all", "-yes").out)
	require.Eventually(t, func() bool { return len(s.rows(t, "top")) == 6 }, time.Minute, 10*time.Millisecond,
		"the servers of a new cluster announce a replica once it has the data of its primary")
	client, err := s.pools.Client(pool.User)
	require.NoError(t, err)
	key := s.pools.Prefix(pool.User) + "acme:user:u9"
	require.NoError(t, client.Do(ctx, client.B().Persist().Key(key).Build()).Error())
	require.Contains(t, s.call("check").out, `of 9 records acme/user/*, 1 have no lifetime`)
	require.Equal(t, exitOK, s.call("erase", "acme", "-yes").code)
	require.Empty(t, s.rows(t, "tenants"))
}

package systemtest

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// An iteration over a cluster returns each record exactly once, also while
// slots migrate between primaries and after a replica fails.
func TestIterationOverACluster(t *testing.T) {
	t.Parallel()
	c := redistest.ReplicatedCluster(t, "cluster-require-full-coverage no")
	p := pooltest.Redis(t, pool.Config{URL: c.URL()})
	t.Run("refused calls", func(t *testing.T) { requireRefused(t, p) })
	users, err := symphony.NewUser[profile](p, "acme")
	require.NoError(t, err)
	other, err := symphony.NewUser[profile](p, "acme2")
	require.NoError(t, err)
	require.NoError(t, other.Upsert(ctx, "u1", profile{}))
	var records []hashrepo.Record[profile]
	var ids []string
	for i := range 3000 {
		ids = append(ids, fmt.Sprint("u", i))
		records = append(records, hashrepo.Record[profile]{ID: ids[i], Value: profile{Name: "n", Score: int64(i)}})
	}
	require.NoError(t, users.UpsertMany(ctx, records...))
	got, err := users.GetMany(ctx, ids...)
	require.NoError(t, err)
	require.Equal(t, records, got)
	for _, primary := range c.Primaries {
		node := primary.Client(t, 0)
		n, err := node.Do(ctx, node.B().Dbsize().Build()).ToInt64()
		require.NoError(t, err)
		require.Greater(t, n, int64(500), "the keys of one tenant are not spread over the primaries")
	}
	requireAllRecords := func(t *testing.T) {
		t.Helper()
		requireOnce(t, ids, users.IDs(ctx))
		requireOnce(t, ids, idsOf(users.All(ctx)))
		requireOnce(t, ids[:10], idsOf(users.Find(ctx, hashrepo.FieldOf(func(p *profile) *string { return &p.Name }).Eq("n"))), true)
	}

	requireAllRecords(t)
	slot := keyspace.Slot("user:acme:user:u7")
	t.Run("a slot in migration", func(t *testing.T) {
		to := 0
		if slot < keyspace.Slots/3 {
			to = 1
		}
		m := c.MigrateSlot(t, slot, to)
		requireAllRecords(t)
		m.MoveKeys(1)
		requireAllRecords(t)
		m.Finish()
		requireAllRecords(t)
	})
	t.Run("slots that move during iterations", func(t *testing.T) { iterateWhileSlotsMove(t, c, users, ids) })
	t.Run("a dead replica", func(t *testing.T) {
		c.Replicas[0].Kill()
		requireAllRecords(t)
		require.NoError(t, users.UpsertMany(ctx, records[:100]...))
	})
	t.Run("DeleteAll", func(t *testing.T) {
		n, err := users.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, len(ids), n)
		requireOnce(t, nil, users.IDs(ctx))
		requireOnce(t, []string{"u1"}, other.IDs(ctx))
	})
	t.Run("a shard is down", func(t *testing.T) { iterateWithoutAShard(t, c) })
}

// iterateWhileSlotsMove iterates while the slots of some records migrate to
// the next primary.
func iterateWhileSlotsMove(t *testing.T, c *redistest.ClusterInstance, users *symphony.User[profile], ids []string) {
	iterating, cancel := context.WithCancel(ctx)
	defer cancel()
	iterations := make(chan []string)
	go func() {
		defer close(iterations)
		for iterating.Err() == nil {
			var seen []string
			for id, err := range users.IDs(context.WithoutCancel(iterating)) {
				if err != nil {
					t.Error(err)
					return
				}
				seen = append(seen, id)
			}
			iterations <- seen
		}
	}()
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		for _, id := range ids[100:140] {
			slot := keyspace.Slot("user:acme:user:" + id)
			c.MigrateSlot(t, slot, (int(slot)*3/keyspace.Slots+1)%3).Finish()
		}
	}()
	n := 0
	for seen := range iterations {
		requireOnce(t, ids, func(yield func(string, error) bool) {
			for _, id := range seen {
				if !yield(id, nil) {
					return
				}
			}
		})
		n++
		select {
		case <-moved:
			cancel()
		default:
		}
	}
	t.Log(n, "iterations")
}

// idsOf returns the ids of the records.
func idsOf(records iter.Seq2[hashrepo.Record[profile], error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for r, err := range records {
			if !yield(r.ID, err) {
				return
			}
		}
	}
}

// requireOnce requires that got has each id of want exactly once. It also
// requires that got has no other id, unless atLeast is passed.
func requireOnce(t *testing.T, want []string, got iter.Seq2[string, error], atLeast ...bool) {
	t.Helper()
	seen := map[string]int{}
	for id, err := range got {
		require.NoError(t, err)
		seen[id]++
		require.Equal(t, 1, seen[id], "%s was returned twice", id)
	}
	for _, id := range want {
		require.Equal(t, 1, seen[id], "%s was not returned", id)
	}
	if len(atLeast) == 0 {
		require.Len(t, seen, len(want))
	}
}

// requireRefused checks that calls that a cluster cannot run atomically, and
// names that would choose a slot, are refused before anything is sent.
func requireRefused(t *testing.T, p *pool.Pools) {
	for _, tenant := range []string{"{a", "a}", "{a}"} {
		_, err := symphony.NewUser[profile](p, tenant)
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
		_, err = symphony.NewBatch[int](p, tenant)
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	}
	users, err := symphony.NewUser[profile](p, "acme")
	require.NoError(t, err)
	generic, err := symphony.NewGeneric[int](p, "acme")
	require.NoError(t, err)
	shared, err := symphony.NewSharedState(p, "acme", "u1")
	require.NoError(t, err)
	batch, err := symphony.NewBatch[int](p, "acme")
	require.NoError(t, err)
	untagged, err := symphony.NewBatch[int](p, "acme", symphony.Layout(keyspace.Default()))
	require.NoError(t, err)
	for name, call := range map[string]func() error{
		"Get":        func() error { _, err := users.Get(ctx, "{u}"); return err },
		"GetMany":    func() error { _, err := users.GetMany(ctx, "u", "u}"); return err },
		"UpsertMany": func() error { return users.UpsertMany(ctx, hashrepo.Record[profile]{ID: "u{"}) },
		"Set":        func() error { return generic.Set(ctx, "{u}", 1) },
		"Upsert":     func() error { return shared.Upsert(ctx, "{s}", symphony.Fields{"a": 1}) },
		"Enqueue": func() error {
			_, err := batch.Enqueue(ctx, symphony.Queue{Service: "{s}", Entity: "e", Action: "a"}, 1)
			return err
		},
		"two slots": func() error { _, err := untagged.Enqueue(ctx, queue, 1); return err },
		"two slots in a script": func() error {
			_, err := untagged.With(symphony.MaxLen(5)).Enqueue(ctx, queue, 1)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, call) })
	}
	_, err = untagged.Enqueue(ctx, queue, 1)
	require.ErrorContains(t, err, "hash tag")
}

// iterateWithoutAShard checks that an iteration returns an error if a primary
// and its replica are down.
func iterateWithoutAShard(t *testing.T, c *redistest.ClusterInstance) {
	p := pooltest.Redis(t, pool.Config{URL: c.URL(), Timeout: 200 * time.Millisecond})
	generic, err := symphony.NewGeneric[int](p, "acme")
	require.NoError(t, err)
	for i := range 30 {
		requireEventually(t, func() bool { return generic.Set(ctx, fmt.Sprint("k", i), i) == nil }, "no write succeeds")
	}
	c.Replicas[1].Kill()
	c.Primaries[1].Kill()
	for _, err = range generic.IDs(ctx) {
		if err != nil {
			break
		}
	}
	var op *symphony.OpError
	require.ErrorAs(t, err, &op)
	_, err = generic.DeleteAll(ctx)
	require.ErrorAs(t, err, &op)
}

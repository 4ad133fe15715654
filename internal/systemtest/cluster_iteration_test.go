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

// A walk gives each record of a cluster once, while slots are on their way from
// one primary to another, and with replicas dead.
func TestWalksOverACluster(t *testing.T) {
	t.Parallel()
	c := redistest.ReplicatedCluster(t, "cluster-require-full-coverage no")
	p := pooltest.Redis(t, pool.Config{URL: c.URL()})
	t.Run("what is refused", func(t *testing.T) { refusals(t, p) })
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
		require.Greater(t, n, int64(500), "the keys of one tenant spread")
	}
	look := func(t *testing.T) {
		t.Helper()
		requireOnce(t, ids, users.IDs(ctx))
		requireOnce(t, ids, idsOf(users.All(ctx)))
		requireOnce(t, ids[:10], idsOf(users.Find(ctx, hashrepo.FieldOf(func(p *profile) *string { return &p.Name }).Eq("n"))), "of many")
	}

	look(t)
	slot := keyspace.Slot("user:acme:user:u7")
	t.Run("an open slot", func(t *testing.T) {
		to := 0
		if slot < keyspace.Slots/3 {
			to = 1
		}
		m := c.MigrateSlot(t, slot, to)
		look(t)
		m.MoveKeys(1)
		look(t)
		m.Finish()
		look(t)
	})
	t.Run("slots that move meanwhile", func(t *testing.T) { moveAndWalk(t, c, users, ids) })
	t.Run("a dead replica", func(t *testing.T) {
		c.Replicas[0].Kill()
		look(t)
		require.NoError(t, users.UpsertMany(ctx, records[:100]...))
	})
	t.Run("DeleteAll", func(t *testing.T) {
		n, err := users.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, len(ids), n)
		requireOnce(t, nil, users.IDs(ctx))
		requireOnce(t, []string{"u1"}, other.IDs(ctx))
	})
	t.Run("a part is gone", func(t *testing.T) { walkOverPart(t, c) })
}

// moveAndWalk walks while slots with records move to the next primary.
func moveAndWalk(t *testing.T, c *redistest.ClusterInstance, users *symphony.User[profile], ids []string) {
	walking, cancel := context.WithCancel(ctx)
	defer cancel()
	walks := make(chan []string)
	go func() {
		defer close(walks)
		for walking.Err() == nil {
			var seen []string
			for id, err := range users.IDs(context.WithoutCancel(walking)) {
				if err != nil {
					t.Error(err)
					return
				}
				seen = append(seen, id)
			}
			walks <- seen
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
	for seen := range walks {
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
	t.Log(n, "walks")
}

func idsOf(records iter.Seq2[hashrepo.Record[profile], error]) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for r, err := range records {
			if !yield(r.ID, err) {
				return
			}
		}
	}
}

// requireOnce wants each id once, and no other; with a note, at least these.
func requireOnce(t *testing.T, want []string, got iter.Seq2[string, error], atLeast ...string) {
	t.Helper()
	seen := map[string]int{}
	for id, err := range got {
		require.NoError(t, err)
		seen[id]++
		require.Equal(t, 1, seen[id], "%s came twice", id)
	}
	for _, id := range want {
		require.Equal(t, 1, seen[id], "%s did not come", id)
	}
	if len(atLeast) == 0 {
		require.Len(t, seen, len(want))
	}
}

// What a cluster cannot do in one step is refused before anything is sent, and
// so is a name that would choose a slot.
func refusals(t *testing.T, p *pool.Pools) {
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
	flat, err := symphony.NewBatch[int](p, "acme", symphony.Layout(keyspace.Default()))
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
		"two slots": func() error { _, err := flat.Enqueue(ctx, queue, 1); return err },
		"two slots in a script": func() error {
			_, err := flat.With(symphony.MaxLen(5)).Enqueue(ctx, queue, 1)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, call) })
	}
	_, err = flat.Enqueue(ctx, queue, 1)
	require.ErrorContains(t, err, "hash tag")
}

// Where nobody has a part of the cluster any more, a walk says so within its
// deadline, and does not leave out what was there.
func walkOverPart(t *testing.T, c *redistest.ClusterInstance) {
	p := pooltest.Redis(t, pool.Config{URL: c.URL(), Timeout: 200 * time.Millisecond})
	generic, err := symphony.NewGeneric[int](p, "acme")
	require.NoError(t, err)
	for i := range 30 {
		requireEventually(t, func() bool { return generic.Set(ctx, fmt.Sprint("k", i), i) == nil }, "nothing can be written")
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

package symphony_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// makeDead makes a dead letter with a payload of each action, id and tenant.
func makeDead(t *testing.T, p *pool.Pools, actions, ids []string, tenants ...string) {
	t.Helper()
	registry := expiry.NewRegistry()
	for _, action := range actions {
		require.NoError(t, registry.On(action, func(context.Context, expiry.Event) error { return expiry.GiveUp(errors.New("broken")) }))
	}
	listener, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for _, tenant := range tenants {
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		for _, action := range actions {
			for _, id := range ids {
				require.NoError(t, triggers.SetPayload(ctx, action, id, id+" of "+tenant, 0))
			}
		}
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- listener.Run(running) }()
	requireEventually(t, func() bool { return listener.Stats().DeadLettered >= int64(len(actions)*len(ids)*len(tenants)) })
	stop()
	require.NoError(t, <-done)
}

// deadOf returns the dead letters of a tenant as "action id", sorted.
func deadOf(t *testing.T, p *pool.Pools, tenant string, actions ...string) (names []string, events []expiry.Event) {
	t.Helper()
	triggers, err := symphony.NewTrigger(p, tenant)
	require.NoError(t, err)
	for e, err := range triggers.Dead(ctx, actions...) {
		require.NoError(t, err)
		require.Equal(t, tenant, e.Tenant)
		require.Equal(t, "broken", e.LastError)
		var payload string
		require.NoError(t, e.Decode(&payload))
		require.Equal(t, e.ID+" of "+tenant, payload)
		names, events = append(names, e.Action+" "+e.ID), append(events, e)
	}
	slices.Sort(names)
	return names, events
}

// A Trigger lists, redelivers and removes the dead letters of its tenant, and
// touches no other tenant. It needs no listener and no handler.
func TestTriggerDead(t *testing.T) {
	check := func(t *testing.T, p *pool.Pools) {
		makeDead(t, p, []string{"die", "a:dead:b"}, []string{"u1", "x:|y"}, "acme", "zoo")
		all, events := deadOf(t, p, "acme")
		require.Equal(t, []string{"a:dead:b u1", "a:dead:b x:|y", "die u1", "die x:|y"}, all)
		some, _ := deadOf(t, p, "acme", "die")
		require.Equal(t, []string{"die u1", "die x:|y"}, some)
		none, _ := deadOf(t, p, "acme", "other")
		require.Empty(t, none)

		triggers, err := symphony.NewTrigger(p, "acme")
		require.NoError(t, err)
		of := func(action, id string) expiry.Event {
			at := slices.IndexFunc(events, func(e expiry.Event) bool { return e.Action == action && e.ID == id })
			return events[at]
		}
		retried := of("die", "u1")
		require.NoError(t, triggers.Retry(ctx, retried))
		require.ErrorIs(t, triggers.Retry(ctx, retried), symphony.ErrNotFound)
		require.ErrorIs(t, triggers.Discard(ctx, retried), symphony.ErrNotFound)
		discarded := of("a:dead:b", "x:|y")
		require.NoError(t, triggers.Discard(ctx, expiry.Event{Action: discarded.Action, ID: discarded.ID, DueAt: discarded.DueAt}))
		left, _ := deadOf(t, p, "acme")
		require.Equal(t, []string{"a:dead:b u1", "die x:|y"}, left)
		states := map[string]expiry.State{}
		for e, err := range triggers.List(ctx) {
			require.NoError(t, err)
			states[e.Action+" "+e.ID] = e.State
		}
		require.Equal(t, map[string]expiry.State{"die u1": expiry.StateWaiting, "die x:|y": expiry.StateDead, "a:dead:b u1": expiry.StateDead}, states)

		_, others := deadOf(t, p, "zoo")
		require.Len(t, others, 4)
		require.ErrorIs(t, triggers.Retry(ctx, others[0]), symphony.ErrInvalidArgument)
		require.ErrorIs(t, triggers.Discard(ctx, others[0]), symphony.ErrInvalidArgument)
		_, still := deadOf(t, p, "zoo")
		require.Len(t, still, 4)

		letters, err := expiry.NewDeadLetters(p, pool.Expiry, p.Layout().Trigger)
		require.NoError(t, err)
		n := 0
		for e, err := range letters.All(ctx) {
			require.NoError(t, err)
			n++
			if e.Tenant == "zoo" {
				require.NoError(t, letters.Discard(ctx, e))
			}
		}
		require.Equal(t, 6, n)
		_, gone := deadOf(t, p, "zoo")
		require.Empty(t, gone)
	}
	pooltest.EachByTenant(t, check)
	t.Run("prefixed", func(t *testing.T) { check(t, pooltest.Redis(t, pool.Config{PrefixKeys: true})) })
}

// A dead letter that names no trigger is one of no tenant. DeadLetters yields
// it with an error and can remove it.
func TestDeadLettersOfOthers(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "ZADD", "%exp:dead:die", "1", "junk").Error())
	require.NoError(t, pooltest.Do(t, p, pool.Expiry, "HSET", "%exp:status:die", "junk", "1 1 0 2 broken").Error())
	names, _ := deadOf(t, p, "acme")
	require.Empty(t, names)
	letters, err := expiry.NewDeadLetters(p, pool.Expiry, p.Layout().Trigger)
	require.NoError(t, err)
	n := 0
	for e, err := range letters.All(ctx, "die") {
		require.ErrorContains(t, err, "remove the dead letter with Discard")
		require.NoError(t, letters.Discard(ctx, e))
		n++
	}
	require.Equal(t, 1, n)
	for range letters.All(ctx) {
		t.Error("nothing is left")
	}
}

func TestDeadLettersRefuses(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	_, err := expiry.NewDeadLetters(p, "nothing", p.Layout().Trigger)
	require.ErrorIs(t, err, symphony.ErrUnknownPool)
	_, err = expiry.NewDeadLetters(p, pool.Expiry, p.Layout().User)
	require.ErrorIs(t, err, symphony.ErrUnsupported)
	letters, err := expiry.NewDeadLetters(p, pool.Expiry, keyspace.Default().Trigger)
	require.NoError(t, err)
	for _, err := range letters.All(ctx, "") {
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	}
	require.ErrorIs(t, letters.Retry(ctx, expiry.Event{}), symphony.ErrInvalidKey)
	ended, end := context.WithCancel(ctx)
	end()
	require.ErrorIs(t, letters.Retry(ended, expiry.Event{Tenant: "acme", Action: "die", ID: "u1"}), context.Canceled)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

var errBroken = errors.New("the mailbox is full")

// enqueue adds items to the queue mail/<entity>/send of a tenant.
func (s server) enqueue(t *testing.T, tenant, entity string, items ...string) (*symphony.Batch[string], symphony.Queue) {
	t.Helper()
	batch, err := symphony.NewBatch[string](s.pools, tenant)
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: entity, Action: "send"}
	_, err = batch.Enqueue(ctx, q, items...)
	require.NoError(t, err)
	return batch, q
}

// deadLetters makes dead letters of items.
func (s server) deadLetters(t *testing.T, tenant, entity string, items ...string) (*symphony.Batch[string], symphony.Queue) {
	t.Helper()
	batch, q := s.enqueue(t, tenant, entity, items...)
	_, err := batch.Process(ctx, q, len(items), func(context.Context, []listrepo.Item[string]) error { return symphony.GiveUp(errBroken) })
	require.ErrorIs(t, err, errBroken)
	return batch, q
}

// deadTriggers makes dead letters of triggers with the action, one for each id
// of a tenant.
func (s server) deadTriggers(t *testing.T, action string, ids ...[2]string) *expiry.Listener {
	t.Helper()
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On(action, func(context.Context, expiry.Event) error { return expiry.GiveUp(errBroken) }))
	listener, err := expiry.NewListener(s.pools, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for _, id := range ids {
		triggers, err := symphony.NewTrigger(s.pools, id[0])
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayload(ctx, action, id[1], map[string]string{"to": "ann"}, 0))
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- listener.Run(running) }()
	require.Eventually(t, func() bool { return listener.Stats().DeadLettered >= int64(len(ids)) }, time.Minute, time.Millisecond)
	stop()
	require.NoError(t, <-done)
	return listener
}

// column returns the values of a column of rows.
func columnOf(rows []map[string]any, name string) (values []string) {
	for _, row := range rows {
		values = append(values, fmt.Sprint(row[name]))
	}
	return values
}

func TestQueues(t *testing.T) {
	s := newServer(t)
	s.enqueue(t, "acme", "u1", "a", "b")
	s.deadLetters(t, "acme", "u:2", "x")
	claimed, q := s.enqueue(t, "zoo", "u1", "a", "b")
	_, err := claimed.Claim(ctx, q, 1, time.Hour)
	require.NoError(t, err)

	rows := s.rows(t, "queues")
	require.ElementsMatch(t, []string{"u1", "u:2", "u1"}, columnOf(rows, "entity"))
	for _, row := range rows {
		want := map[string]string{"acme u1": "2 0 0", "acme u:2": "0 0 1", "zoo u1": "1 1 0"}[fmt.Sprint(row["tenant"], " ", row["entity"])]
		require.Equal(t, want, fmt.Sprint(row["waiting"], " ", row["in_flight"], " ", row["dead"]))
	}
	require.Len(t, s.rows(t, "queues", "-tenant", "acme"), 2)
	require.Empty(t, s.rows(t, "queues", "-tenant", "me"), "a part of a name is no name")
	require.Equal(t, []string{"acme", "zoo"}, columnOf(s.rows(t, "queues", "-service", "mail"), "tenant"))
	require.Equal(t, []string{"u1"}, columnOf(s.rows(t, "queues", "-service", "mail", "-tenant", "acme"), "entity"))
	require.Len(t, s.rows(t, "queues", "-service", "mail", "-scan"), 3)
	require.Len(t, s.rows(t, "queues", "-tenant", "acme", "-entity", "u:2"), 1)
	require.Empty(t, s.rows(t, "queues", "-service", "fax"))
	require.Equal(t, "TENANT SERVICE ENTITY ACTION WAITING IN FLIGHT DEAD OLDEST READY", strings.Join(s.table(t, "queues")[0], " "))
	require.Equal(t, exitUsage, s.call("queues", "-pool", "nothing").code)
}

// With -service, nothing walks over the keys.
func TestQueuesOfServiceWithoutWalk(t *testing.T) {
	s := newServer(t)
	s.enqueue(t, "acme", "u1", "a", "b")
	require.Len(t, s.rows(t, "queues", "-service", "mail"), 1)
	require.NotContains(t, pooltest.CommandCalls(t, s.pools, pool.Handlers), "scan")
	require.Len(t, s.rows(t, "queues"), 1)
	require.Contains(t, pooltest.CommandCalls(t, s.pools, pool.Handlers), "scan")
}

func TestTriggers(t *testing.T) {
	s := newServer(t)
	s.deadTriggers(t, "mail", [2]string{"acme", "u1"})
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.SetPayload(ctx, "remind", "u2", map[string]int{"n": 7}, time.Hour))
	rows := s.rows(t, "triggers", "-tenant", "acme")
	require.ElementsMatch(t, []string{"dead", "pending"}, columnOf(rows, "state"))
	pending := s.rows(t, "triggers", "-tenant", "acme", "-state", "pending")
	require.Equal(t, []string{"u2"}, columnOf(pending, "id"))
	require.Equal(t, map[string]any{"n": 7.0}, pending[0]["payload"])
	dead := s.rows(t, "triggers", "-tenant", "acme", "-action", "mail")
	require.Equal(t, []string{errBroken.Error()}, columnOf(dead, "last_error"))
	require.Empty(t, s.rows(t, "triggers", "-tenant", "zoo"))
	require.NotContains(t, s.call("triggers", "-tenant", "acme", "-redact").out, "7}")
	require.Contains(t, s.call("triggers", "-tenant", "acme").out, `{"n":7}`)
	require.Equal(t, exitUsage, s.call("triggers").code)
	require.Equal(t, exitUsage, s.call("triggers", "-tenant", "acme", "-state", "late").code)
}

func TestDead(t *testing.T) {
	s := newServer(t)
	s.deadLetters(t, "acme", "u1", `{"to":"ann"}`, "text")
	s.deadLetters(t, "zoo", "u:1", "x")
	s.deadTriggers(t, "a:b%3A:dead:", [2]string{"acme", "t1"}, [2]string{"zoo", "t2"})
	rows := s.rows(t, "dead")
	require.Len(t, rows, 5)
	require.ElementsMatch(t, []string{"queue", "queue", "queue", "trigger", "trigger"}, columnOf(rows, "of"))
	for _, reason := range columnOf(rows, "reason") {
		require.Contains(t, reason, errBroken.Error())
	}
	require.ElementsMatch(t, []string{"map[to:ann]", "text", "x", "map[to:ann]", "map[to:ann]"}, columnOf(rows, "value"))
	require.Len(t, s.rows(t, "dead", "-tenant", "acme"), 3)
	require.Len(t, s.rows(t, "dead", "-service", "mail"), 3)
	require.Len(t, s.rows(t, "dead", "-of", "queue"), 3)
	require.Equal(t, []string{"a:b%3A:dead:", "a:b%3A:dead:"}, columnOf(s.rows(t, "dead", "-of", "trigger"), "action"))
	require.Len(t, s.rows(t, "dead", "-action", "a:b%3A:dead:", "-tenant", "zoo"), 1)
	require.Len(t, s.rows(t, "dead", "-tenant", "zoo", "-service", "mail", "-entity", "u:1", "-action", "send"), 1)
	require.NotContains(t, s.call("dead", "-redact").out, "ann")
	require.Equal(t, exitUsage, s.call("dead", "-of", "x").code)
	require.Equal(t, exitUsage, s.call("dead", "-pool", "user").code)
}

// A dead letter that another program wrote is listed and can be removed.
func TestDeadOfOthers(t *testing.T) {
	s := newServer(t)
	require.NoError(t, pooltest.Do(t, s.pools, pool.Handlers, "HSET", "%dead:{acme:batch:mail:u1:send}", "id1", "junk").Error())
	rows := s.rows(t, "dead")
	require.Len(t, rows, 1)
	require.Contains(t, rows[0]["problem"], "Discard")
	require.Equal(t, result{exitOK, "1 removed\n", ""}, s.call("discard", "id1"))
	require.Empty(t, s.rows(t, "dead"))
}

func TestRetryAndDiscard(t *testing.T) {
	s := newServer(t)
	batch, q := s.deadLetters(t, "acme", "u1", "a", "b", "c")
	s.deadLetters(t, "zoo", "u1", "z")
	listener := s.deadTriggers(t, "remind", [2]string{"acme", "t1"}, [2]string{"acme", "t2"})
	first := s.rows(t, "dead", "-tenant", "acme", "-service", "mail")[0]

	require.Equal(t, result{exitOK, "1 redelivered\n", ""}, s.call("retry", fmt.Sprint(first["id"])))
	items, err := batch.Process(ctx, q, 10, func(_ context.Context, items []listrepo.Item[string]) error {
		require.Equal(t, first["value"], items[0].Value)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, items)

	r := s.call("retry", fmt.Sprint(first["id"]))
	require.Equal(t, exitProblem, r.code)
	require.Contains(t, r.err, "nothing was changed")
	require.Equal(t, result{exitOK, "1 removed\n", ""}, s.call("discard", "t1"))
	require.Len(t, s.rows(t, "dead"), 4)
	require.Equal(t, []map[string]any{{"redelivered": 3.0}}, s.rows(t, "retry", "-all", "-yes", "-tenant", "acme"))
	require.Equal(t, []string{"zoo"}, columnOf(s.rows(t, "dead"), "tenant"))
	for e, err := range listener.Dead(ctx) {
		t.Error(e, err)
	}
	require.Equal(t, exitUsage, s.call("retry").code)
	require.Equal(t, exitUsage, s.call("discard", "-all", "x").code)
	require.Equal(t, "0 removed\n", s.call("discard", "-all", "-yes", "-tenant", "nobody").out)
}

// What a command removes for good is asked for once, and only on a terminal.
func TestConfirm(t *testing.T) {
	s := newServer(t)
	s.deadLetters(t, "acme", "u1", "a")
	r := s.call("discard", "-all")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.err, "add -yes")
	answer := func(text string) result {
		return runProgram(terminal{in: strings.NewReader(text), inIsTerminal: true, errIsTerminal: true}, "discard", "-all", "-url", s.URL())
	}
	for _, text := range []string{"", "no\n", "\n", "yesterday\n"} {
		r = answer(text)
		require.Equal(t, exitProblem, r.code)
		require.Contains(t, r.err, "discard 1 dead letters? [yes/no] ")
		require.Contains(t, r.err, "nothing was changed")
	}
	require.Len(t, s.rows(t, "dead"), 1)
	require.Equal(t, "1 removed\n", answer("Yes\n").out)
	require.Empty(t, s.rows(t, "dead"))
}

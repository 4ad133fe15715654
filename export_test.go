package symphony_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// An import has what the tenant had, on another server, with another layout and
// other prefixes.
func TestExportImport(t *testing.T) {
	from := pooltest.Redis(t, pool.Config{})
	fill(t, from, "other", true)
	fill(t, from, "acme", true)
	fillOddly(t, from, "acme")
	before := contents(t, from)
	var export bytes.Buffer
	require.NoError(t, symphony.Export(ctx, from, "acme", &export))
	require.Equal(t, before, contents(t, from), "an export changes nothing")

	check := func(t *testing.T, to *pool.Pools) {
		fill(t, to, "acme2", false)
		others := contents(t, to)
		require.NoError(t, symphony.Import(ctx, to, bytes.NewReader(export.Bytes())))
		var again bytes.Buffer
		require.NoError(t, symphony.Export(ctx, to, "acme", &again))
		require.Equal(t, exportedLines(t, export.Bytes()), exportedLines(t, again.Bytes()))
		requireImported(t, to)

		imported := contents(t, to)
		require.ErrorIs(t, symphony.Import(ctx, to, bytes.NewReader(export.Bytes())), symphony.ErrExists)
		require.Equal(t, imported, contents(t, to))
		_, err := symphony.Erase(ctx, to, "acme")
		require.NoError(t, err)
		require.Equal(t, others, contents(t, to))
	}
	pooltest.EachByTenant(t, check)
	t.Run("prefixed", func(t *testing.T) { check(t, pooltest.Redis(t, pool.Config{PrefixKeys: true})) })
	t.Run("layout", func(t *testing.T) {
		l := keyspace.Default()
		l.User = keyspace.MustCompile("app:{tenant}:member:{id}")
		check(t, pooltest.Redis(t, pool.Config{Layout: l}))
	})
}

// fillOddly stores values that are not text, keys of other types, and a queue
// with a lifetime.
func fillOddly(t *testing.T, p *pool.Pools, tenant string) {
	t.Helper()
	values, err := symphony.NewGeneric[[]byte](p, tenant, symphony.TTL(time.Hour))
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "\xff:\n\"", []byte("\x00\xff")))
	require.NoError(t, values.Set(ctx, "empty", nil))
	for _, command := range [][]string{
		{"RPUSH", tenant + ":list", "2", "1", "2"},
		{"SADD", tenant + ":set", "a", "b"},
		{"ZADD", tenant + ":zset", "0.1", "a", "-inf", "b", "1e300", "c", "3", "1"},
	} {
		require.NoError(t, pooltest.Do(t, p, pool.Default, command...).Error())
	}
	batch, err := symphony.NewBatch[string](p, tenant, symphony.TTL(time.Hour))
	require.NoError(t, err)
	_, err = batch.Enqueue(ctx, symphony.Queue{Service: "mail", Entity: "\xff", Action: "expires"}, "\xff", "")
	require.NoError(t, err)
}

// exportedLines returns the lines of an export in an order that does not depend
// on that of SCAN, with times to the minute.
func exportedLines(t *testing.T, export []byte) (all []string) {
	t.Helper()
	for line := range bytes.Lines(export) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal(line, &fields))
		values, _ := fields["values"].([]any)
		pairs := [][]any{values}
		switch fields["type"] {
		case "hash", "zset":
			pairs = slices.Collect(slices.Chunk(values, 2))
		case "stream":
			pairs = slices.Collect(slices.Chunk(values, 3))
		case "set":
			pairs = slices.Collect(slices.Chunk(values, 1))
		}
		slices.SortFunc(pairs, func(a, b []any) int { return strings.Compare(asJSON(t, a), asJSON(t, b)) })
		fields["values"] = pairs
		if f, ok := fields["firing"].(map[string]any); ok {
			require.True(t, f["next"] != 0.0 || f["died"] != nil)
			delete(f, "next")
		}
		for _, name := range []string{"expires", "due"} {
			if at, ok := fields[name].(float64); ok {
				left := time.Until(time.UnixMilli(int64(at)))
				fields[name] = left.Round(10 * time.Minute).String()
			}
		}
		all = append(all, asJSON(t, fields))
	}
	slices.Sort(all)
	return all
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// requireImported fails the test unless pools have what fill and fillOddly
// made, as repositories read it.
func requireImported(t *testing.T, p *pool.Pools) {
	t.Helper()
	users, err := symphony.NewUser[unusual](p, "acme")
	require.NoError(t, err)
	for _, err := range users.Reindex(ctx) {
		require.NoError(t, err)
	}
	bob, err := users.FindByField(ctx, "email", "bob@example.com")
	require.NoError(t, err)
	require.Equal(t, unusual{"bob@example.com", 40}, bob.Value)
	left, err := users.TTL(ctx, "u1")
	require.NoError(t, err)
	require.InDelta(t, 24*time.Hour, left, float64(time.Minute))
	rows := table[profile](t, p, "acme", "a b", symphony.NoTTL())
	left, err = rows.TTL(ctx, "7")
	require.NoError(t, err)
	require.Negative(t, left)
	values, err := symphony.NewGeneric[[]byte](p, "acme")
	require.NoError(t, err)
	odd, err := values.Get(ctx, "\xff:\n\"")
	require.NoError(t, err)
	require.Equal(t, []byte("\x00\xff"), odd)

	feeds, err := symphony.NewFeed[string](p, "acme", "answers")
	require.NoError(t, err)
	entries, err := follow(t, feeds, "a:1", "", -1)
	require.NoError(t, err)
	require.Equal(t, []string{"", "\xff"}, []string{entries[0].Value, entries[1].Value})
	left, err = feeds.TTL(ctx, "a:1")
	require.NoError(t, err)
	require.InDelta(t, 24*time.Hour, left, float64(time.Minute))

	batch, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	items, err := batch.Chunk(ctx, symphony.Queue{Service: "sms", Entity: "u1", Action: "send"}, 0, -1)
	require.NoError(t, err)
	require.Equal(t, []string{"2", "3", "4", "5"}, items, "those in flight, the one that waits for another attempt, and the one in the list")
	items, err = batch.Chunk(ctx, symphony.Queue{Service: "mail", Entity: "u2", Action: "x:y"}, 0, -1)
	require.NoError(t, err)
	require.Equal(t, []string{"2"}, items, "the item that was not acked")
	queues, err := batch.Queues(ctx, "mail")
	require.NoError(t, err)
	require.Len(t, queues, 3)
	require.Contains(t, pendingTenants(t, p, "sms"), "acme")

	triggers, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	n := 0
	for e, err := range triggers.List(ctx) {
		require.NoError(t, err)
		if e.State == expiry.StateWaiting {
			require.Equal(t, "wait later 1 1", fmt.Sprint(e.Action, " ", e.LastError, " ", e.Attempt, " ", e.Failures))
			require.WithinDuration(t, time.Now().Add(time.Hour), e.At, 10*time.Minute)
			require.NoError(t, e.Decode(new(string)))
		}
		if e.Action == "later" {
			var payload map[string]int
			require.NoError(t, e.Decode(&payload))
			require.Equal(t, map[string]int{"n": 1}, payload)
		}
		n++
	}
	require.Equal(t, 8, n, "six triggers, the firing that waits and the dead letter")

	letters := 0
	for d, err := range batch.Dead(ctx, symphony.Queue{Service: "sms", Entity: "u1", Action: "send"}) {
		require.NoError(t, err)
		require.Equal(t, "1 1 broken", fmt.Sprint(d.Value, " ", d.Attempt, " ", d.Reason))
		require.WithinDuration(t, time.Now(), d.At, time.Hour)
		letters++
	}
	for e, err := range triggers.Dead(ctx) {
		require.NoError(t, err)
		require.Equal(t, "die u1 broken 1 1", fmt.Sprint(e.Action, " ", e.ID, " ", e.LastError, " ", e.Attempt, " ", e.Failures))
		var payload string
		require.NoError(t, e.Decode(&payload))
		require.Equal(t, "payload", payload)
		letters++
	}
	require.Equal(t, 2, letters)
}

// A dry run accepts what Import accepts, refuses what it refuses, and writes
// nothing.
func TestImportDryRun(t *testing.T) {
	from, to := pooltest.Redis(t, pool.Config{}), pooltest.Redis(t, pool.Config{})
	fill(t, from, "acme", true)
	fillOddly(t, from, "acme")
	var export bytes.Buffer
	require.NoError(t, symphony.Export(ctx, from, "acme", &export))
	dry := func(text string, opts ...symphony.Option) error {
		return symphony.Import(ctx, to, strings.NewReader(text), append(opts, symphony.DryRun())...)
	}
	require.NoError(t, dry(export.String()))
	first, _, _ := strings.Cut(export.String(), "\n")
	for _, line := range []string{
		`{"kind":"user","pool":"user","parts":["dTE="],"type":"stream","values":["YQ=="]}`,
		`{"kind":"user","pool":"user","parts":[""],"type":"string","values":["YQ=="]}`,
		`{"kind":"other","pool":"user","parts":["dTE="],"type":"string","values":["YQ=="]}`,
		`{"kind":"queue","pool":"handlers","parts":["YQ==","","YQ=="],"values":["YQ=="]}`,
		`{"kind":"queue","pool":"handlers","parts":["YQ==","YQ==","YQ=="],"values":["YQ=="],"dead":[]}`,
		`{"kind":"queue","pool":"handlers","parts":["YQ==","YQ==","YQ=="],"values":["YQ=="],"dead":[{"id":"YSBi","at":1,"attempt":1,"reason":""}]}`,
		`{"kind":"trigger","pool":"expiry","parts":["YQ==",""],"due":1}`,
		`{"kind":"trigger","pool":"nothing","parts":["YQ==","YQ=="],"due":1}`,
	} {
		text := first + "\n" + line + "\n{\"lines\":1}\n"
		err := dry(text)
		require.Error(t, err, line)
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.False(t, op.MaybeApplied())
		require.EqualError(t, symphony.Import(ctx, to, strings.NewReader(text)), err.Error())
	}
	require.Empty(t, contents(t, to))
	require.NoError(t, symphony.Import(ctx, to, bytes.NewReader(export.Bytes())))
	before := contents(t, to)
	require.ErrorIs(t, dry(export.String()), symphony.ErrExists)
	require.NoError(t, dry(export.String(), symphony.IntoExisting()))
	require.Equal(t, before, contents(t, to))
}

// An imported dead letter can be redelivered, and one of a firing that is in
// progress changes nothing.
func TestImportedDeadLetters(t *testing.T) {
	from, to := pooltest.Redis(t, pool.Config{}), pooltest.Redis(t, pool.Config{})
	fill(t, from, "acme", false)
	var export bytes.Buffer
	require.NoError(t, symphony.Export(ctx, from, "acme", &export))
	require.NoError(t, symphony.Import(ctx, to, bytes.NewReader(export.Bytes())))
	batch, err := symphony.NewBatch[string](to, "acme")
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	for d, err := range batch.Dead(ctx, q) {
		require.NoError(t, err)
		n, err := batch.Retry(ctx, q, d.ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	}
	items, err := batch.Chunk(ctx, q, 0, 0)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, items)
	triggers, err := symphony.NewTrigger(to, "acme")
	require.NoError(t, err)
	for e, err := range triggers.Dead(ctx) {
		require.NoError(t, err)
		require.NoError(t, triggers.Retry(ctx, e))
	}
	require.NoError(t, symphony.Import(ctx, to, bytes.NewReader(export.Bytes()), symphony.IntoExisting()))
	for e, err := range triggers.List(ctx, expiry.StateDead) {
		t.Error(e, err)
	}
	fired, err := pooltest.Do(t, to, pool.Expiry, "ZCARD", "%exp:active:die").AsInt64()
	require.NoError(t, err)
	require.EqualValues(t, 1, fired)
}

// Every part of an export that is not all of it is refused, and so is what is
// no export.
func TestImportOfInvalidExports(t *testing.T) {
	p := pooltest.Embedded(t)
	values, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "a", "1"))
	require.NoError(t, values.Set(ctx, "b", "2"))
	enqueue(t, p, "acme", queue, 1)
	var export bytes.Buffer
	require.NoError(t, symphony.Export(ctx, p, "acme", &export))
	whole := export.String()
	lines := strings.SplitAfter(strings.TrimSuffix(whole, "\n"), "\n")
	require.Len(t, lines, 5)
	into := func(text string) error {
		return symphony.Import(ctx, p, strings.NewReader(text), symphony.IntoExisting())
	}
	for n := range len(whole) - 2 {
		err := into(whole[:n])
		require.Error(t, err, "%d bytes", n)
		if n > len(lines[0]) {
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%d bytes", n)
		}
	}
	require.ErrorIs(t, into(lines[0]+lines[1]+lines[4]), io.ErrUnexpectedEOF)
	require.NoError(t, into(whole))
	for _, text := range []string{
		"hello", "{}\n", strings.Replace(whole, `"symphony":1`, `"symphony":2`, 1),
		lines[0] + `{"kind":"nothing","pool":"default"}`,
		lines[0] + `{"kind":"generic","pool":"default","parts":["YQ=="],"type":"hash","values":["YQ=="]}`,
		lines[0] + `{"kind":"generic","pool":"default","parts":["YQ=="],"type":"string"}`,
		lines[0] + `{"kind":"queue","pool":"handlers","parts":["YQ=="],"values":["YQ=="]}`,
		lines[0] + `{"kind":"trigger","pool":"expiry","parts":["YQ=="]}`,
	} {
		require.ErrorIs(t, into(text), symphony.ErrInvalidArgument, text)
	}
	require.ErrorIs(t, into(lines[0]+`{"kind":"generic","pool":"none","parts":["YQ=="],"type":"string","values":["YQ=="]}`), symphony.ErrUnknownPool)
	require.ErrorIs(t, into(lines[0]+`{"kind":"generic","pool":"default","parts":["YQ=="],"type":"stream","values":["YQ=="]}`), symphony.ErrUnsupported)
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { return into(`{"symphony":1}`) })

	// What has expired meanwhile is not written.
	expired := lines[0] + `{"kind":"generic","pool":"default","parts":["ZQ=="],"type":"string","values":["YQ=="],"expires":1000}` + "\n" + `{"lines":1}`
	require.NoError(t, into(expired))
	found, err := values.Exists(ctx, "e")
	require.NoError(t, err)
	require.False(t, found)
}

// Export refuses what Erase refuses, and returns the error of its writer.
func TestExportRefusals(t *testing.T) {
	p := pooltest.Embedded(t)
	for _, opts := range [][]symphony.Option{
		{symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous))}, {symphony.DryRun()}, {symphony.IntoExisting()}, {symphony.Listed()},
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { return symphony.Export(ctx, p, "acme", io.Discard, opts...) })
	}
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { return symphony.Export(ctx, p, "", io.Discard) })
	require.ErrorIs(t, symphony.Export(ctx, p, "acme", brokenWriter{}), io.ErrClosedPipe)
	require.ErrorIs(t, symphony.Import(ctx, p, strings.NewReader("")), io.ErrUnexpectedEOF)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// Lifetimes of fields are exported and imported, on servers that have them.
func TestExportOfFieldLifetimes(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	if !p.SupportsFieldTTL(pool.User) {
		line := `{"symphony":1,"tenant":"YWNtZQ=="}` + "\n" +
			`{"kind":"user","pool":"user","parts":["dTE="],"type":"hash","values":["YQ==","YQ=="],"fieldExpires":[9000000000000]}` + "\n" + `{"lines":1}`
		require.ErrorIs(t, symphony.Import(ctx, p, strings.NewReader(line)), symphony.ErrUnsupported)
		t.Skip("the server does not support lifetimes of fields")
	}
	users, err := symphony.NewUser[profile](p, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u1", profile{Name: "a", Score: 1}))
	key := "acme:user:u1"
	require.NoError(t, pooltest.Do(t, p, pool.User, "HPEXPIRE", key, "3600000", "FIELDS", "1", "name").Error())
	var export bytes.Buffer
	require.NoError(t, symphony.Export(ctx, p, "acme", &export))
	_, err = symphony.Erase(ctx, p, "acme")
	require.NoError(t, err)
	require.NoError(t, symphony.Import(ctx, p, &export))
	left, err := pooltest.Do(t, p, pool.User, "HPTTL", key, "FIELDS", "2", "name", "score").AsIntSlice()
	require.NoError(t, err)
	require.InDelta(t, 3600000, left[0], 600000)
	require.EqualValues(t, -1, left[1])
}

// Work that runs during an export is delivered again after the import, and the
// trigger that was set meanwhile fires after it.
func TestImportOfRunningWork(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, to *pool.Pools) {
		from := pooltest.Embedded(t)
		tenant := pooltest.UniqueTenant()
		triggers, err := symphony.NewTrigger(from, tenant)
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayload(ctx, "send", "u1", "first", 0))
		var export bytes.Buffer
		exported := make(chan error, 1)
		stop := listen(t, from, func(ctx context.Context, _ expiry.Event) error {
			err := triggers.SetPayload(ctx, "send", "u1", "second", time.Hour)
			exported <- errors.Join(err, symphony.Export(ctx, from, tenant, &export))
			return nil
		})
		require.NoError(t, <-exported)
		stop()

		require.NoError(t, symphony.Import(ctx, to, &export))
		attempts := make(chan string, 2)
		stop = listen(t, to, func(_ context.Context, e expiry.Event) error {
			var payload string
			err := e.Decode(&payload)
			attempts <- fmt.Sprint(payload, " ", e.Attempt, " ", e.ExpiredLeases)
			return err
		})
		require.Equal(t, "first 2 0", <-attempts)
		triggers, err = symphony.NewTrigger(to, tenant)
		require.NoError(t, err)
		requireEventually(t, func() bool {
			var left []expiry.State
			for e, err := range triggers.List(ctx) {
				require.NoError(t, err)
				left = append(left, e.State)
			}
			return slices.Equal(left, []expiry.State{expiry.StatePending})
		})
		require.NoError(t, triggers.SetPayload(ctx, "send", "u1", "second", 0))
		require.Equal(t, "second 1 0", <-attempts)
		stop()
	})
}

// listen runs a listener for the action "send".
func listen(t *testing.T, p *pool.Pools, h expiry.Handler) (stop func()) {
	t.Helper()
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("send", h))
	listener, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- listener.Run(running) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// A recurring trigger is exported with its rule, while it waits and while its
// handler runs, and goes on after the import.
func TestExportOfRecurringTriggers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayloadCron(ctx, "send", "cron", "hi", "0 0 29 FEB *", "Europe/Berlin"))
		require.NoError(t, triggers.SetEvery(ctx, "send", "bare", 90*time.Minute))
		require.NoError(t, triggers.SetPayloadEvery(ctx, "send", "running", "hi", 48*time.Hour))
		require.NoError(t, triggers.Debounce(ctx, "send", "running", 0, 0))
		move := func() (export []byte, err error) {
			var b bytes.Buffer
			if err := symphony.Export(ctx, p, tenant, &b); err != nil {
				return nil, err
			}
			if _, err := symphony.Erase(ctx, p, tenant); err != nil {
				return nil, err
			}
			return b.Bytes(), symphony.Import(ctx, p, bytes.NewReader(b.Bytes()))
		}
		rules := map[string]time.Time{}
		for id, rule := range map[string]string{"cron": "0 0 29 FEB * Europe/Berlin", "bare": "every 1h30m0s", "running": "every 48h0m0s"} {
			rules[id+" "+rule], err = triggers.Due(ctx, "send", id)
			require.NoError(t, err)
		}
		done := make(chan error, 10)
		stop := listen(t, p, func(_ context.Context, e expiry.Event) error {
			if e.Attempt > 1 {
				done <- nil
				return nil
			}
			_, err := move()
			done <- err
			return nil
		})
		defer stop()
		require.NoError(t, <-done, "the import")
		require.NoError(t, <-done, "the imported firing")
		requireEventually(t, func() bool {
			found := 0
			for e, err := range triggers.List(ctx) {
				require.NoError(t, err)
				due, ok := rules[e.ID+" "+e.Rule.String()]
				require.True(t, ok, "%s has the rule %q", e.ID, e.Rule)
				require.Equal(t, e.ID != "bare", e.HasPayload())
				if e.State == expiry.StatePending {
					found++
					if e.ID == "running" {
						due = due.Add(48 * time.Hour)
					}
					require.WithinDuration(t, due, e.DueAt, time.Millisecond)
				}
			}
			return found == 3
		})
	})
}

package symphony_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// exportOf returns an export of the tenant acme with the lines. In them, a text
// in angle brackets stands for its base64.
func exportOf(lines ...string) string {
	var b strings.Builder
	b.WriteString(`{"symphony":1,"tenant":"<acme>"}` + "\n")
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, `{"lines":%d}`+"\n", len(lines))
	rest, text := b.String(), ""
	for {
		before, after, found := strings.Cut(rest, "<")
		if text += before; !found {
			return text
		}
		part, after, _ := strings.Cut(after, ">")
		text += base64.StdEncoding.EncodeToString([]byte(part))
		rest = after
	}
}

// A line that Export cannot have written is refused with an error of the
// library, and changes nothing: neither what the tenant has under that key, nor
// anything of another tenant.
func TestImportOfHostileLines(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, tenant := range []string{"acme", "other"} {
			values, err := symphony.NewGeneric[string](p, tenant)
			require.NoError(t, err)
			require.NoError(t, values.Set(ctx, "k", "v"))
			triggers, err := symphony.NewTrigger(p, tenant)
			require.NoError(t, err)
			require.NoError(t, triggers.SetPayload(ctx, "send", "1", "payload", time.Hour))
		}
		before := contents(t, p)
		generic := func(rest string) string { return `{"kind":"generic","pool":"default","parts":["<k>"],` + rest + `}` }
		feed := func(values string) string {
			return `{"kind":"feed","pool":"pubsub","parts":["<answers>","<a1>"],"type":"stream","values":[` + values + `]}`
		}
		trigger := func(rest string) string {
			return `{"kind":"trigger","pool":"expiry","parts":["<send>","<1>"]` + rest + `}`
		}
		firing := func(rest string) string { return trigger(`,"due":1,"firing":{` + rest + `}`) }
		for _, line := range []string{
			generic(`"type":"string","values":["<x>"],"expires":-1`),
			generic(`"type":"string","values":["<x>"],"expires":1e400`),
			generic(`"type":"string","values":["<x>"],"expires":9223372036854775808`),
			generic(`"type":"string","values":["<x>"],"expires":"soon"`),
			generic(`"type":"string","values":["not base64"]`),
			generic(`"type":"string","values":"<x>"`),
			generic(`"type":"string","values":["<x>","<y>"]`),
			generic(`"type":"string","values":["<x>"],"fieldExpires":[9000000000000]`),
			generic(`"type":"zset","values":["<x>","<one>"]`),
			generic(`"type":"zset","values":["<x>","<nan>"]`),
			generic(`"type":"zset","values":["<x>","<1e999>"]`),
			generic(`"type":"hash","values":["<x>","<1>"],"fieldExpires":[1,2]`),
			generic(`"type":"hash","values":["<x>"]`),
			feed(`"<1-1000000000000000001>","<v>"`),
			feed(`"<1-1>","<v>","<x>"`),
			feed(`"<1-1000000000000000001>","<w>","<x>"`),
			feed(`"<1-1000000000000000001>","<v>","<x>","<1-1000000000000000001>","<v>","<y>"`),
			`{"kind":"%exp","pool":"default","parts":["<k>"],"type":"string","values":["<x>"]}`,
			`{"kind":"index","pool":"default","parts":["<k>"],"type":"string","values":["<x>"]}`,
			`{"symphony":1,"tenant":"<other>"}`,
			strings.Repeat(`{"kind":`, 20000) + strings.Repeat(`}`, 20000),
			`{"unknown":` + strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000) + `}`,
			`{"lines":-1}`,
			`[]`, `"text"`, `7`, ``, "\x00",
			`{"kind":"queue","pool":"handlers","parts":["<s>","<e>","<a>"],"values":["<x>"],"expires":-5}`,
			`{"kind":"queue","pool":"handlers","parts":["<s>","<e>","<a>"]}`,
			`{"kind":"queue","pool":"handlers","parts":["<s>","<e>","<a>","<b>"],"values":["<x>"]}`,
			trigger(``),
			trigger(`,"due":-1`),
			trigger(`,"due":9223372036854775807`),
			trigger(`,"due":1,"codec":"json"`),
			trigger(`,"due":1,"values":["<x>"]`),
			trigger(`,"due":1,"codec":"json","values":["<x>","<y>"]`),
			trigger(`,"due":1,"rule":{}`),
			trigger(`,"due":1,"rule":{"every":999}`),
			trigger(`,"due":1,"rule":{"every":9223372036854775807}`),
			trigger(`,"due":1,"rule":{"every":60000,"cron":"0 0 * * *","zone":"UTC"}`),
			trigger(`,"due":1,"rule":{"cron":"0 0 * * *"}`),
			trigger(`,"due":1,"rule":{"cron":"0 0 * * *","zone":"a b"}`),
			firing(`"next":-1,"attempts":1,"failures":0,"expiredLeases":0`),
			firing(`"next":9223372036854775807,"attempts":1,"failures":0,"expiredLeases":0`),
			firing(`"next":0,"attempts":-1,"failures":0,"expiredLeases":0`),
			firing(`"next":0,"attempts":1,"failures":1000000001,"expiredLeases":0`),
			firing(`"next":0,"attempts":1,"failures":0,"expiredLeases":-7`),
		} {
			err := symphony.Import(ctx, p, strings.NewReader(exportOf(line)), symphony.IntoExisting())
			require.ErrorIs(t, err, symphony.ErrInvalidArgument, "%.200s", line)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.False(t, op.MaybeApplied(), "%.200s", line)
			require.Equal(t, before, contents(t, p), "%.200s", line)
		}
		for line, want := range map[string]error{
			`{"kind":"generic","parts":["<k>"],"type":"string","values":["<x>"]}`:                                      symphony.ErrUnknownPool,
			`{"kind":"user","pool":"user","parts":[],"type":"string","values":["<x>"]}`:                                symphony.ErrInvalidKey,
			`{"kind":"user","pool":"user","parts":["<a>","<b>"],"type":"string","values":["<x>"]}`:                     symphony.ErrInvalidKey,
			`{"kind":"user","pool":"user","parts":[""],"type":"string","values":["<x>"]}`:                              symphony.ErrInvalidKey,
			`{"kind":"state","pool":"handlers","parts":["<a` + "\x00" + `b>","<c>"],"type":"string","values":["<x>"]}`: symphony.ErrInvalidKey,
			`{"kind":"trigger","pool":"expiry","parts":["","<1>"],"due":1}`:                                            symphony.ErrInvalidKey,
		} {
			require.ErrorIs(t, symphony.Import(ctx, p, strings.NewReader(exportOf(line)), symphony.IntoExisting()), want, line)
			require.Equal(t, before, contents(t, p), line)
		}
	})
}

// Parts that contain the key of another tenant stay parts: the import is found
// and removed with its own tenant.
func TestImportOfForeignParts(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) {
		fill(t, p, "other", true)
		before := contents(t, p)
		var lines []string
		for _, part := range []string{"other:user:u1", ":other:user:u1", "*", "%spaces:{other}", "1|other", "\n", "{other}"} {
			part = "<" + part + ">"
			lines = append(lines,
				`{"kind":"user","pool":"user","parts":["`+part+`"],"type":"hash","values":["<x>","<1>"]}`,
				`{"kind":"state","pool":"handlers","parts":["`+part+`","`+part+`"],"type":"hash","values":["<x>","<1>"]}`,
				`{"kind":"generic","pool":"default","parts":["`+part+`"],"type":"string","values":["<x>"]}`,
				`{"kind":"queue","pool":"handlers","parts":["`+part+`","`+part+`","`+part+`"],"values":["<x>",null]}`,
				`{"kind":"trigger","pool":"expiry","parts":["`+part+`","`+part+`"],"due":9000000000000}`,
				`{"kind":"trigger","pool":"expiry","parts":["`+part+`","`+part+`"],"due":1,"codec":"|1:","values":["<x>"],`+
					`"firing":{"next":9000000000000,"attempts":1000000000,"failures":3,"expiredLeases":0,"error":"`+strings.Repeat("YWFh", 1000)+`"}}`)
		}
		twice := append(lines, lines...) //nolint:gocritic // a record may occur twice
		require.NoError(t, symphony.Import(ctx, p, strings.NewReader(exportOf(twice...))))
		require.NotEqual(t, before, contents(t, p))
		e, err := symphony.Erase(ctx, p, "acme")
		require.NoError(t, err)
		require.Empty(t, e.Left)
		require.Equal(t, before, contents(t, p))
	})
}

// A line that is too long is refused after its first part was read, and the
// import needs no more memory than a few of its longest lines.
func TestImportOfLongLines(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{MaxValueBytes: 1 << 20})
	for _, endless := range []string{" ", `{"kind":"`, "x"} {
		for _, first := range []string{"", exportOf()[:strings.IndexByte(exportOf(), '\n')+1]} {
			for range 2 {
				text := io.MultiReader(strings.NewReader(first+endless), io.LimitReader(repeated("     "), 1<<30))
				var was, is runtime.MemStats
				runtime.ReadMemStats(&was)
				require.ErrorIs(t, symphony.Import(ctx, p, text, symphony.IntoExisting()), symphony.ErrTooLarge)
				runtime.ReadMemStats(&is)
				require.Less(t, is.TotalAlloc-was.TotalAlloc, uint64(64<<20))
			}
		}
	}
	long := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 1<<20+1))
	err := symphony.Import(ctx, p, strings.NewReader(exportOf(`{"kind":"generic","pool":"default","parts":["<k>"],"type":"string","values":["`+long+`"]}`)))
	require.ErrorIs(t, err, symphony.ErrTooLarge)

	// Export writes no line that Import refuses.
	require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", "acme:k", strings.Repeat("x", 4<<20)).Error())
	require.ErrorIs(t, symphony.Export(ctx, p, "acme", io.Discard), symphony.ErrTooLarge)
	require.NoError(t, pooltest.Do(t, p, pool.Default, "DEL", "acme:k").Error())
	batch, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	var want []string
	for n := range 20 {
		want = append(want, fmt.Sprint(n)+strings.Repeat("x", 500<<10))
		_, err = batch.Enqueue(ctx, queue, want[n])
		require.NoError(t, err)
	}
	var export bytes.Buffer
	require.NoError(t, symphony.Export(ctx, p, "acme", &export))
	_, err = symphony.Erase(ctx, p, "acme")
	require.NoError(t, err)
	require.NoError(t, symphony.Import(ctx, p, &export))
	items, err := batch.Chunk(ctx, queue, 0, -1)
	require.NoError(t, err)
	require.Equal(t, want, items)
}

// repeated is a text without an end.
type repeated string

func (r repeated) Read(b []byte) (n int, err error) {
	for n < len(b) {
		n += copy(b[n:], r)
	}
	return n, nil
}

// A trigger that is due and waits for a firing keeps its due time in an export,
// and the order after it.
func TestExportOfATriggerThatWaits(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayload(ctx, "send", "u1", "first", 0))
		started, attempts := make(chan bool), make(chan string, 10)
		moved := make(chan error, 1)
		stop := listen(t, p, func(_ context.Context, e expiry.Event) error {
			var payload string
			err := e.Decode(&payload)
			attempts <- fmt.Sprint(payload, " ", e.Attempt)
			if e.Attempt > 1 || payload == "second" {
				return err
			}
			<-started
			var export bytes.Buffer
			if err == nil {
				err = symphony.Export(ctx, p, tenant, &export)
			}
			if err == nil {
				_, err = symphony.Erase(ctx, p, tenant)
			}
			if err == nil {
				err = symphony.Import(ctx, p, &export)
			}
			moved <- err
			return nil
		})
		defer stop()
		require.Equal(t, "first 1", <-attempts)
		due := time.Now()
		require.NoError(t, triggers.SetPayload(ctx, "send", "u1", "second", 0))
		requireEventually(t, func() bool { // the listener has put the trigger off
			for e, err := range triggers.List(ctx, expiry.StatePending) {
				require.NoError(t, err)
				require.WithinDuration(t, due, e.DueAt, 15*time.Second)
				return e.At.After(due.Add(20 * time.Second))
			}
			return false
		})
		close(started)
		require.NoError(t, <-moved)
		got := []string{receive(t, attempts), receive(t, attempts)}
		require.ElementsMatch(t, []string{"first 2", "second 1"}, got)
	})
}

// receive returns the next value, which comes within fifteen seconds: half a
// lease.
func receive(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(15 * time.Second):
		t.Fatal("nothing came within half a lease")
		return ""
	}
}

// A firing that is imported while another one of its trigger runs comes after
// it, and not beside it. It replaces the dead letter that it was.
func TestImportBesideAFiringThatRuns(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		triggers, err := symphony.NewTrigger(p, "acme")
		require.NoError(t, err)
		require.NoError(t, triggers.Set(ctx, "send", "u1", 0))
		attempts, release := make(chan string, 10), make(chan bool)
		stop := listen(t, p, func(_ context.Context, e expiry.Event) error {
			attempts <- fmt.Sprint(e.DueAt.UnixMilli() == 1, " ", e.Attempt)
			<-release
			if e.Attempt == 2 {
				return expiry.GiveUp(io.ErrNoProgress)
			}
			return nil
		})
		defer stop()
		imported := func() {
			line := `{"kind":"trigger","pool":"expiry","parts":["<send>","<u1>"],"due":1,"firing":{"next":0,"attempts":1,"failures":0,"expiredLeases":0}}`
			require.NoError(t, symphony.Import(ctx, p, strings.NewReader(exportOf(line)), symphony.IntoExisting()))
		}
		require.Equal(t, "false 1", receive(t, attempts))
		imported()
		requireEventually(t, func() bool { // the listener has put the firing off
			for e, err := range triggers.List(ctx, expiry.StateWaiting) {
				require.NoError(t, err)
				return time.Until(e.At) > 5*time.Second
			}
			return false
		})
		require.Empty(t, attempts)
		release <- true
		require.Equal(t, "true 2", receive(t, attempts))
		release <- true
		dead := func() (n int) {
			for _, err := range triggers.List(ctx, expiry.StateDead) {
				require.NoError(t, err)
				n++
			}
			return n
		}
		requireEventually(t, func() bool { return dead() == 1 })
		imported()
		require.Equal(t, "true 2", receive(t, attempts))
		require.Zero(t, dead())
		close(release)
	})
}

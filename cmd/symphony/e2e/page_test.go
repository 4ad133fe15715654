package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

// states are the pages and their states, with a name for the picture and a text
// on the page.
var states = []struct{ name, path, text string }{
	{"overview", "", "appendonly"},
	{"tenants", "tenants", "globex"},
	{"tenants-sorted", "tenants?sort=dead", "acme"},
	{"tenants-none", "tenants?q=nobody", "No tenant has this in its name."},
	{"tenant", "tenant?name=acme", "Queues with items"},
	{"tenant-hostile", "tenant?name=" + "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "<script>alert(1)</script>"},
	{"queues", "queues", "All queues"},
	{"service", "queues?service=mail", "Fairness"},
	{"queue", "queue?tenant=acme&service=mail&entity=u1&action=send", "In flight"},
	{"triggers", "triggers", "unhandled"},
	{"triggers-of-tenant", "triggers?tenant=acme", "Run now"},
	{"dead", "dead", "the mailbox is full"},
	{"dead-none", "dead?tenant=nobody", "There are no dead letters."},
	{"record", "record?name=acme/user/u1", "Entries in indexes"},
	{"record-none", "record?name=acme/user/nobody", "There is no such record"},
	{"search", "search", "A record by its name"},
	{"search-results", "search?tenant=acme&kind=user&id=u*&field=email", "found"},
	{"retry", "retry?all=1", "dead letters?"},
	{"discard", "discard?all=1&of=trigger", "removed for good"},
	{"run", "run?tenant=acme&action=welcome&id=u1", "Run this trigger now?"},
	{"erase", "erase?tenant=globex", "Type the name of the tenant"},
	{"invalid", "tenant?name=", "This cannot be a name"},
	{"nowhere", "nowhere", "There is no such page"},
}

// Each state fits a desktop and a phone, in light and dark colors: nothing
// scrolls sideways, every text has enough contrast, every control has a name,
// and the console is empty.
func TestEveryState(t *testing.T) {
	s := start(t, inspect.Write())
	b := open(t, s.url)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 360} {
			b.look(width, scheme)
			for _, state := range states {
				b.visit(state.path)
				b.await(state.name, func() bool {
					if strings.Contains(b.text("body"), state.text) {
						return true
					}
					b.visit(state.path)
					return false
				})
				name := fmt.Sprintf("%s-%d-%s", state.name, width, scheme)
				require.LessOrEqual(t, eval[int64](b, "document.documentElement.scrollWidth"), width, "%s scrolls sideways", name)
				require.Empty(t, eval[[]string](b, lowContrast), "%s has texts that are hard to read", name)
				require.Empty(t, eval[[]string](b, nameless), "%s has controls without a name", name)
				require.Equal(t, 1, eval[int](b, "document.scripts.length"), "a value became a part of %s", name)
				require.Equal(t, 1, eval[int](b, `document.querySelectorAll("h1").length`), name)
				b.screenshot(name)
			}
		}
	}
}

// lowContrast lists texts whose contrast is below 4.5, the AA level of WCAG.
const lowContrast = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const rgba = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return canvas.getImageData(0, 0, 1, 1).data; };
	const light = c => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
		const v = c[i] / 255;
		return sum + part * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
	}, 0);
	const behind = e => { for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return rgba("white"); };
	const low = [];
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node; node = walker.nextNode();) {
		const e = node.parentElement;
		if (!node.data.trim() || !e.checkVisibility() || e.closest(".skip, option")) continue;
		const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) low.push(ratio.toFixed(2) + " " + node.data.trim().slice(0, 40));
	}
	return low;
})()`

// nameless lists controls that a screen reader cannot name.
const nameless = `[...document.querySelectorAll("a, button, select, input:not([type=hidden])")].filter(e =>
	!(e.innerText || e.getAttribute("aria-label") || [...(e.labels ?? [])].map(l => l.innerText).join("")).trim()).map(e => e.outerHTML)`

// A person without a mouse retries a dead letter.
func TestByKeyboard(t *testing.T) {
	s := start(t, inspect.Write())
	b := open(t, s.url)
	for _, width := range []int64{1280, 360} {
		b.look(width, "light")
		b.visit("")
		b.press(kb.Tab)
		require.Equal(t, "Skip to the content", b.focused())
		b.tabTo("Dead letters")
		b.press(kb.Enter)
		b.await("the page of dead letters", func() bool { return b.text("h1") == "Dead letters" })
		b.press(kb.Tab)
		b.press(kb.Enter)
		require.Equal(t, "main", eval[string](b, "document.activeElement.id"), "the link skips to the content")
		before := eval[int](b, `document.querySelectorAll("tbody tr").length`)
		b.tabTo("Retry " + b.text("tbody th"))
		b.press(kb.Enter)
		b.await("the question", func() bool { return b.text("h1") == "Retry this dead letter?" })
		b.tabTo("Retry 1")
		b.press(kb.Enter)
		b.await("the result", func() bool { return strings.Contains(b.text("main"), "Dead letters that are delivered again: 1.") })
		require.Equal(t, before-1, eval[int](b, `document.querySelectorAll("tbody tr").length`))
		b.do(chromedp.NavigateBack())
		b.await("the question is answered", func() bool { return strings.Contains(b.text("main"), "no such dead letter any more") })
	}
}

// Erasing needs the name of the tenant, and then shows its progress and its
// outcome without another key.
func TestErase(t *testing.T) {
	s := start(t, inspect.Write())
	b := open(t, s.url)
	b.visit("tenant?name=globex")
	b.tabTo("Erase…")
	b.press(kb.Enter)
	b.await("the count", func() bool { return strings.Contains(b.text("main"), "What would be removed") })
	b.tabTo("name")
	b.press(kb.Enter)
	require.Contains(t, b.text("h1"), "Erase the tenant globex?", "an empty name sends nothing")
	b.press("globex" + kb.Enter)
	b.await("the outcome", func() bool { return strings.Contains(b.text("h1"), "is erased") })
	b.screenshot("erased")
	users, err := symphony.NewUser[member](s.pools, "globex")
	require.NoError(t, err)
	_, err = users.Get(ctx, "u1")
	require.ErrorIs(t, err, symphony.ErrNotFound)
}

// A page follows the data without a reload, and keeps the focus, the selection,
// the scroll position and the text that a person types.
func TestUpdates(t *testing.T) {
	s := start(t)
	b := open(t, s.url)
	b.do(chromedp.EmulateViewport(1280, 300))
	b.visit("queues?service=mail")
	eval[bool](b, `window.stays = true`)
	waiting := func() string { return b.text("dl dd") }
	b.await("the items", func() bool { return waiting() == "4" })
	eval[bool](b, `(document.querySelector("input[name=entity]").focus(), true)`)
	b.press("half a na")
	eval[bool](b, `(scrollTo(0, 150), getSelection().selectAllChildren(document.querySelector("caption")), true)`)
	eval[bool](b, `(document.querySelector("input[name=entity]").focus({preventScroll: true}), true)`)
	row := eval[bool](b, `window.row = document.querySelector("tr[data-key=acme]"), true`)
	require.True(t, row)

	s.enqueue(t, "aardvark", "u1", "a", "b")
	b.await("the new items", func() bool { return waiting() == "6" })
	b.await("the new tenant", func() bool { return strings.Contains(b.text("main"), "aardvark") })
	require.True(t, eval[bool](b, "window.stays"), "the page was loaded again")
	require.True(t, eval[bool](b, "window.row.isConnected"), "the row of a tenant was replaced")
	require.Equal(t, "half a na", eval[string](b, `document.activeElement.value`))
	require.InDelta(t, 150, eval[float64](b, "scrollY"), 1)

	eval[bool](b, `([...document.querySelectorAll("button")].find(e => e.innerText === "Pause updates").click(), true)`)
	require.Equal(t, "Updates are paused.", b.text("#status"))
	seen := s.requests.Load()
	s.enqueue(t, "acme", "u1", "c")
	// The interval of this timer is that of the updates, which began before it.
	_, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`new Promise(done => setInterval(() => done(true), 2000))`, chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	require.Equal(t, seen, s.requests.Load(), "a paused page asks for nothing")
	require.Equal(t, "6", waiting())
	eval[bool](b, `([...document.querySelectorAll("button")].find(e => e.innerText === "Resume updates").click(), true)`)
	b.await("the last item", func() bool { return waiting() == "7" })
}

// A page says when the program or Redis is away, and recovers.
func TestTrouble(t *testing.T) {
	s := start(t)
	b := open(t, s.url)
	b.visit("")
	s.redis.Kill()
	b.await("Redis is away", func() bool { return strings.Contains(b.text("main"), "Redis did not answer") })
	b.screenshot("redis-is-away")
	s.redis.Restart(t)
	b.await("Redis is back", func() bool { return !strings.Contains(b.text("main"), "Redis did not answer") })

	s.away.Store(true)
	b.await("the program is away", func() bool { return strings.Contains(b.text("#status"), "The program does not answer.") })
	b.screenshot("program-is-away")
	s.away.Store(false)
	b.await("the program is back", func() bool { return b.text("#status") == "" })
}

// site is a server of the pages, with data of every kind.
type site struct {
	redis    *redistest.Instance
	pools    *pool.Pools
	url      string
	requests *atomic.Int64
	away     *atomic.Bool // whether connections are closed without a reply
}

func start(t *testing.T, opts ...inspect.Option) site {
	t.Helper()
	redis := redistest.Server(t)
	s := site{redis, pooltest.Redis(t, pool.Config{URL: redis.URL()}), "", &atomic.Int64{}, &atomic.Bool{}}
	s.write(t)
	pages := inspect.Handler(s.pools, append(opts, inspect.Logger(slog.New(slog.DiscardHandler)))...)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.away.Load() {
			panic(http.ErrAbortHandler)
		}
		http.StripPrefix("/admin", pages).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + "/admin/"
	return s
}

type member struct {
	Email string `redis:"email,unique"`
	City  string `redis:"city,index"`
	Notes string `redis:"notes"`
}

func (s site) enqueue(t *testing.T, tenant, entity string, items ...string) (*symphony.Batch[string], symphony.Queue) {
	t.Helper()
	batch, err := symphony.NewBatch[string](s.pools, tenant)
	require.NoError(t, err)
	q := symphony.Queue{Service: "mail", Entity: entity, Action: "send"}
	_, err = batch.Enqueue(ctx, q, items...)
	require.NoError(t, err)
	return batch, q
}

var errFull = errors.New("the mailbox is full")

// write writes data of every kind.
func (s site) write(t *testing.T) {
	t.Helper()
	for _, tenant := range []string{"acme", "globex", "<script>alert(1)</script>", "a-tenant-with-a-name-that-is-much-longer-than-the-screen-of-a-phone-is-wide"} {
		users, err := symphony.NewUser[member](s.pools, tenant)
		require.NoError(t, err)
		for i, city := range []string{"Oslo", "Rome", "<img src=x onerror=alert(2)>"} {
			id := fmt.Sprintf("u%d", i+1)
			require.NoError(t, users.Upsert(ctx, id, member{id + "@example.com", city, strings.Repeat("A long note. ", 600)}))
		}
	}
	accounts, err := symphony.NewUser[map[string]string](s.pools, "acme", symphony.NoTTL())
	require.NoError(t, err)
	require.NoError(t, accounts.Upsert(ctx, "forever", map[string]string{"email": "forever@example.com"}))

	batch, q := s.enqueue(t, "acme", "u1", `{"to":"ann@example.com"}`, `{"to":"<script>alert(3)</script>"}`, strings.Repeat("long", 2000))
	_, err = batch.Claim(ctx, q, 1, time.Hour)
	require.NoError(t, err)
	s.enqueue(t, "globex", "u1", "hello")
	s.enqueue(t, "globex", "a-long-entity-"+strings.Repeat("x", 60), "hello")
	for _, tenant := range []string{"acme", "globex"} {
		batch, q := s.enqueue(t, tenant, "u2", `{"to":"bob@example.com"}`, strings.Repeat("wide", 2000))
		_, err := batch.Process(ctx, q, 2, func(context.Context, []listrepo.Item[string]) error { return symphony.GiveUp(errFull) })
		require.ErrorIs(t, err, errFull)
	}
	s.triggers(t)
}

// triggers makes triggers of which some are dead, due and pending.
func (s site) triggers(t *testing.T) {
	t.Helper()
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	for i := range 2 {
		require.NoError(t, triggers.SetPayload(ctx, "remind", fmt.Sprintf("u%d", i), map[string]string{"to": "ann@example.com"}, 0))
	}
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("remind", func(context.Context, expiry.Event) error { return expiry.GiveUp(errFull) }))
	listener, err := expiry.NewListener(s.pools, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- listener.Run(running) }()
	require.Eventually(t, func() bool { return listener.Stats().DeadLettered == 2 }, time.Minute, time.Millisecond)
	stop()
	require.NoError(t, <-done)
	require.NoError(t, triggers.SetPayload(ctx, "welcome", "u1", map[string]string{"plan": "pro"}, time.Hour))
	require.NoError(t, triggers.Set(ctx, "unhandled", "u1", 0))
}

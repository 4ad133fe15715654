package main

import (
	"bytes"
	"context"
	"html"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Without Write no page has a button that changes data, and no request changes
// any.
func TestHandlerIsReadOnly(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	b := s.browse(t)
	for _, path := range everyPage {
		r := b.get(path)
		require.Equal(t, http.StatusOK, r.status, path)
		require.NotContains(t, r.body, "Problem:</strong> Redis", path)
		for _, button := range []string{`href="retry`, `href="discard`, `href="run`, `href="erase`} {
			require.NotContains(t, r.body, button, path)
		}
	}
	before := s.dump(t)
	token := b.token()
	for _, path := range []string{
		"retry?letter=x", "discard?letter=x", "run?tenant=acme&action=remind&id=t2", "erase?tenant=acme",
	} {
		r := b.get(path)
		require.Equal(t, http.StatusForbidden, r.status, path)
		require.Contains(t, r.body, "read-only")
		r = b.post(path, url.Values{"token": {token}, "name": {"acme"}, "letter": {"of=trigger&action=remind&tenant=acme&id=t1"}})
		require.Equal(t, http.StatusForbidden, r.status, path)
	}
	require.Equal(t, before, s.dump(t))
}

// A change needs the token of the browser, and comes from a page of the
// handler.
func TestHandlerRefusesForgedRequests(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	b := s.browse(t, inspect.Write())
	before := s.dump(t)
	const path = "run?tenant=acme&action=remind&id=t2"
	form := url.Values{"token": {b.token()}}
	for name, forge := range map[string]func() reply{
		"no token":      func() reply { return b.post(path, nil) },
		"another token": func() reply { return b.post(path, url.Values{"token": {strings.Repeat("0", 64)}}) },
		"the token of another browser": func() reply {
			other := *b
			other.client = newClient(t)
			other.get("")
			return other.post(path, form)
		},
		"no cookie":       func() reply { other := *b; other.client = newClient(t); return other.post(path, form) },
		"another site":    func() reply { return b.post(path, form, "Sec-Fetch-Site", "cross-site") },
		"a sister domain": func() reply { return b.post(path, form, "Sec-Fetch-Site", "same-site") },
		"another origin":  func() reply { return b.post(path, form, "Origin", "http://evil.example") },
		"another host":    func() reply { return b.post(path, form, "Host", "evil.example") },
	} {
		require.Equal(t, http.StatusForbidden, forge().status, name)
		require.Equal(t, before, s.dump(t), name)
	}
	require.Equal(t, http.StatusMethodNotAllowed, b.do(http.MethodDelete, path, nil).status)
	require.Equal(t, http.StatusOK, b.post(path, form, "Sec-Fetch-Site", "same-origin").status)
	require.NotEqual(t, before, s.dump(t))
}

// Only names of this computer, its address and allowed names reach the pages,
// so a site whose name is made to resolve to this address cannot read them.
func TestHandlerChecksTheHost(t *testing.T) {
	s := newServer(t)
	b := s.browse(t, inspect.AllowedHosts("Redis.example.com"))
	for host, status := range map[string]int{
		"evil.example": 403, "evil.example:80": 403, "127.0.0.1.evil.example": 403, "10.1.2.3": 403, "[2001:db8::1]": 403, "localhost.evil.example": 403,
		"localhost": 200, "LOCALHOST:8075": 200, "127.0.0.1": 200, "[::1]:8075": 200, "redis.example.com": 200, "redis.example.com.:443": 200,
	} {
		require.Equal(t, status, b.do(http.MethodGet, "", nil, "Host", host).status, host)
	}
	b = s.browse(t, inspect.AllowedHosts("*"))
	require.Equal(t, 200, b.do(http.MethodGet, "", nil, "Host", "any.example").status)

	// The address at which the connection arrives is allowed: the browser was
	// sent there by its number.
	handler := inspect.Handler(s.pools)
	for host, status := range map[string]int{"192.168.1.5:8075": 200, "192.168.1.6": 403} {
		r := httptest.NewRequest(http.MethodGet, "http://"+host+"/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr("192.168.1.5:8075")))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, status, w.Code, host)
	}
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

// No page loads anything from elsewhere, runs inline scripts or can be framed.
func TestHandlerHeaders(t *testing.T) {
	s := newServer(t)
	b := s.browse(t)
	for _, path := range []string{"", "assets/style.css", "assets/live.js", "assets/icon.svg", "nowhere"} {
		r := b.get(path)
		require.Contains(t, r.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'; script-src 'self'", path)
		require.Contains(t, r.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
		require.Equal(t, "nosniff", r.header.Get("X-Content-Type-Options"), path)
	}
	require.Equal(t, 404, b.get("nowhere").status)
	require.Equal(t, 404, b.get("assets/page.html").status)
	require.Equal(t, "no-store", b.get("").header.Get("Cache-Control"))
	cookie := b.get("").header.Get("Set-Cookie")
	require.Empty(t, cookie, "the browser has one")
	require.NotRegexp(t, `(?i)<script[^>]*>[^<]|style=|onclick|javascript:|https?://`, b.get("").body)
}

// With Redact no page contains a value, and a search cannot guess one.
func TestHandlerRedacts(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	plain, redacted := s.browse(t), s.browse(t, inspect.Redact())
	seen := 0
	for _, path := range everyPage {
		if strings.Contains(plain.get(path).body, "secret") {
			seen++
		}
		require.NotContains(t, redacted.get(path).body, "secret", path)
	}
	require.GreaterOrEqual(t, seen, 5, "the values were not on the pages")
	require.Contains(t, redacted.get("record?name=acme/user/u1").body, "bytes)")
	require.Equal(t, http.StatusBadRequest, redacted.get("search?tenant=acme&kind=user&field=name&value=secret").status)
}

// Whatever ids and values contain, pages show it as text, and links lead to the
// very record.
func TestHandlerShowsHostileTexts(t *testing.T) {
	s := newServer(t)
	const script = `<script>alert("1")</script><img src=x onerror=alert(2)>`
	names := []string{script, "nul-free\x01\x1b[2J", "bad\xff\xfe", "\u202eright-to-left", `a/b?c&d#e%00"'`, strings.Repeat("long", 500), "ends in ."}
	for _, tenant := range names {
		users, err := symphony.NewUser[map[string]string](s.pools, tenant)
		require.NoError(t, err)
		for _, id := range names {
			require.NoError(t, users.Upsert(ctx, id, map[string]string{script: script + "\x00", "bytes": "\xff\x00", "field\x00\xff": "1"}))
		}
		s.deadLetters(t, tenant, "u1", script)
	}
	users, err := symphony.NewUser[profile](s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "large", profile{Name: strings.Repeat("x", 1<<20)}))
	huge, err := symphony.NewUser[map[string]string](s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, huge.Upsert(ctx, "huge", map[string]string{"a": strings.Repeat("x", 9<<20), "b": strings.Repeat("x", 9<<20)}))

	b := s.browse(t, inspect.Write())
	check := func(path string) reply {
		r := b.get(path)
		require.Equal(t, http.StatusOK, r.status, path)
		require.NotContains(t, r.body, "<script>alert", path)
		require.NotContains(t, r.body, "<img", path)
		require.True(t, utf8.ValidString(r.body), path)
		require.NotContains(t, r.body, "\x00", path)
		require.NotContains(t, r.body, "\x1b", path)
		require.NotContains(t, r.body, "\u202e", path)
		require.Less(t, len(r.body), 300_000, path)
		return r
	}
	require.Len(t, check("tenants").links("tenant?"), len(names)+1)
	for _, link := range check("tenants").links("tenant?") {
		if r := check(link); !strings.Contains(link, "acme") {
			require.Contains(t, r.body, "Users</dt><dd><span class=\"short\">7<", link)
		}
	}
	found := check("search?tenant=&kind=user").links("record?")
	require.Len(t, found, len(names)*len(names)+2)
	for _, link := range found {
		if r := check(link); !strings.Contains(link, "huge") {
			require.Contains(t, r.body, "Lifetime ends", link)
		}
	}
	for _, link := range check("dead").links("retry?letter") {
		require.Contains(t, check(link).body, "Retry this dead letter?", link)
	}
	require.Contains(t, check("record?name=acme/user/large").body, "shows 4 KiB of 1.0 MiB")
	require.Contains(t, check("record?name=acme/user/huge").body, "too much for a page")
	require.Equal(t, http.StatusBadRequest, b.get("tenant?name=a%00b").status)
	require.Equal(t, http.StatusBadRequest, b.get("queues?service=a%00b").status)
	require.Equal(t, http.StatusNotFound, b.get("record?name=acme/user/nobody").status)
}

// A dead letter is retried and discarded after one question, and the log says
// who did what.
func TestHandlerRetriesAndDiscards(t *testing.T) {
	s := newServer(t)
	batch, q := s.deadLetters(t, "acme", "u1", "a", "b", "c")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"}, [2]string{"acme", "t2"})
	var log bytes.Buffer
	b := s.browse(t, inspect.Write(), inspect.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	list := b.get("dead")
	require.Len(t, list.links("retry?letter"), 5)

	ask := b.get(list.links("retry?letter")[0])
	require.Contains(t, ask.body, "Retry this dead letter?")
	require.EqualValues(t, 3, s.deadOf(t, batch, q), "the question changes nothing")
	done := b.submit(ask, nil)
	require.Contains(t, done.body, "Dead letters that are delivered again: 1.")
	require.EqualValues(t, 2, s.deadOf(t, batch, q))
	require.Contains(t, b.submit(ask, nil).body, "They were gone already.", "again")
	require.EqualValues(t, 2, s.deadOf(t, batch, q))

	ask = b.get("discard?all=1&of=queue&tenant=acme&service=mail&entity=u1&action=send")
	require.Contains(t, ask.body, "Discard 2 dead letters?")
	require.Contains(t, b.submit(ask, nil).body, "Dead letters that were removed: 2.")
	require.Zero(t, s.deadOf(t, batch, q))

	ask = b.get("retry?all=1&of=trigger")
	require.Contains(t, ask.body, "Retry 2 dead letters?")
	require.Contains(t, b.submit(ask, nil).body, "There are no dead letters.")
	require.Equal(t, http.StatusNotFound, b.get(list.links("retry?letter")[0]).status)

	require.Equal(t, 4, strings.Count(log.String(), "inspect: a page changed data"))
	require.Regexp(t, `change=retry remote=127\.0\.0\.1:\d+ asked=1 done=1 of=queue tenant=acme service=mail entity=u1 action=send id=\S+`, log.String())
	require.Regexp(t, `change=discard remote=127\.0\.0\.1:\d+ asked=2 done=2`, log.String())
}

// The question names the dead letters, so one that comes later is not
// discarded.
func TestHandlerDiscardsWhatItShowed(t *testing.T) {
	s := newServer(t)
	batch, q := s.deadLetters(t, "acme", "u1", "a", "b")
	b := s.browse(t, inspect.Write())
	ask := b.get("discard?all=1")
	require.Contains(t, ask.body, "Discard 2 dead letters?")
	s.deadLetters(t, "acme", "u1", "later")
	b.submit(ask, nil)
	require.EqualValues(t, 1, s.deadOf(t, batch, q))
}

// A trigger that runs now keeps its payload, and one that has gone is not
// created.
func TestHandlerRunsNow(t *testing.T) {
	s := newServer(t)
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.SetPayload(ctx, "remind", "t1", map[string]string{"to": "ann"}, time.Hour))
	b := s.browse(t, inspect.Write())
	list := b.get("triggers?tenant=acme")
	ask := b.get(list.links("run?")[0])
	require.Contains(t, ask.body, "Run this trigger now?")
	due, err := triggers.Due(ctx, "remind", "t1")
	require.NoError(t, err)
	require.Greater(t, time.Until(due), 50*time.Minute)

	require.Contains(t, b.submit(ask, nil).body, "The trigger is due now.")
	due, err = triggers.Due(ctx, "remind", "t1")
	require.NoError(t, err)
	require.Less(t, time.Until(due), time.Minute)
	for entry, err := range triggers.List(ctx) {
		require.NoError(t, err)
		var payload map[string]string
		require.NoError(t, entry.Decode(&payload))
		require.Equal(t, map[string]string{"to": "ann"}, payload)
	}

	_, err = triggers.Delete(ctx, "remind", "t1")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, b.submit(ask, nil).status)
	_, err = triggers.Due(ctx, "remind", "t1")
	require.ErrorIs(t, err, symphony.ErrNotFound)
}

// A tenant is erased after a count and after its name was typed.
func TestHandlerErases(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	s.users(t, "zoo", "u1")
	var log bytes.Buffer
	b := s.browse(t, inspect.Write(), inspect.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	ask := b.get("erase?tenant=acme")
	require.Contains(t, ask.body, "What would be removed")
	before := s.dump(t)
	for _, typed := range []string{"", "Acme", "zoo"} {
		require.Equal(t, http.StatusBadRequest, b.submit(ask, url.Values{"name": {typed}}).status)
	}
	require.Equal(t, before, s.dump(t))

	b.submit(ask, url.Values{"name": {"acme"}})
	b.await("erase?tenant=acme&begun=1", "What was removed")
	require.NotContains(t, s.dump(t), "acme")
	require.Contains(t, s.dump(t), "zoo:user:u1")
	require.Regexp(t, `inspect: a page changed data" change=erase remote=\S+ tenant=acme removed=\d+ left=0`, log.String())
	require.Contains(t, b.get("erase?tenant=acme").body, "There is nothing of this tenant.")

	users, err := symphony.NewUser[profile](s.pools, "odd\x1b\xff")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u1", profile{}))
	ask = b.get("erase?tenant=odd%1b%ff")
	b.submit(ask, url.Values{"name": {`"odd\x1b\xff"`}})
	b.await("erase?tenant=odd%1b%ff&begun=1", "What was removed")
	require.NotContains(t, s.dump(t), "odd")
}

// The handler works below a prefix, since all links are relative.
func TestHandlerBelowAPrefix(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	mux := http.NewServeMux()
	mux.Handle("/admin/redis/", http.StripPrefix("/admin/redis", inspect.Handler(s.pools, inspect.Write())))
	b := browseHandler(t, mux)
	b.base += "admin/redis/"
	require.Equal(t, http.StatusOK, b.get("../redis").status, "without the slash")
	visited := map[string]bool{}
	for queue := []string{""}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		r := b.get(path)
		require.Equal(t, http.StatusOK, r.status, path)
		for _, link := range r.links("") {
			require.NotRegexp(t, `^(/|\w+:|\.\./)`, link, "an absolute link on %s", path)
			if kind, _, _ := strings.Cut(link, "#"); kind != "" && !visited[kind] && len(visited) < 100 {
				visited[kind] = true
				queue = append(queue, kind)
			}
		}
	}
	require.Greater(t, len(visited), 25)

	// StripPrefix passes an empty path on, if it is mounted without a slash.
	b = browseHandler(t, http.StripPrefix("/redis", inspect.Handler(s.pools)))
	require.Equal(t, http.StatusOK, b.get("redis?x").status)
}

// The page of a tenant has the number of each kind.
func TestHandlerCountsKinds(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	body := s.browse(t).await("tenant?name=acme", "Users").body
	for kind, n := range map[string]string{"Users": "1", "Values": "1", "Feeds": "1", "Items": "2", "In flight": "1", "Triggers": "1"} {
		require.Contains(t, body, "<dt>"+kind+`</dt><dd><span class="short">`+n+"<")
	}
}

// Pages say what is wrong while the server is down, and recover.
func TestHandlerWithoutServer(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	b := s.browse(t)
	require.Contains(t, b.get("").body, "noeviction")
	s.Kill()
	r := b.get("")
	require.Equal(t, http.StatusOK, r.status)
	require.Contains(t, r.body, "Redis did not answer")
	for _, path := range []string{"queues?service=mail", "record?name=acme/user/u1"} {
		r := b.get(path)
		require.Equal(t, http.StatusBadGateway, r.status)
		require.Contains(t, r.body, "Redis did not answer")
	}
	s.Restart(t)
	b.await("record?name=acme/user/nobody", "There is no such record")
}

// A user without permissions sees which one is missing.
func TestHandlerWithoutPermission(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "ACL", "SETUSER", "guest", "on", ">pw", "~*", "&*", "+ping", "+select", "+client", "+hello").Error())
	pools := pooltest.Redis(t, pool.Config{URL: "redis://guest:pw@" + s.Addr()})
	b := browseHandler(t, inspect.Handler(pools))
	for _, path := range everyPage {
		r := b.get(path)
		require.Contains(t, []int{http.StatusOK, http.StatusBadGateway}, r.status, path)
		require.NotContains(t, r.body, "pw@")
	}
	require.Contains(t, b.get("").body, "The Redis user may not do this")
	require.Contains(t, b.get("queues?service=mail").body, "The Redis user may not do this")
}

// However many look, there is one walk, and none sends KEYS.
func TestHandlerWalksOnceForAllViewers(t *testing.T) {
	s := newServer(t)
	s.everything(t)
	b := s.browse(t)
	calls := func() int64 { return pooltest.CommandCalls(t, s.pools, pool.User)["scan"] }
	before := calls()
	b.await("tenants", "acme")
	one := calls() - before
	require.Positive(t, one)

	b = s.browse(t)
	before = calls()
	var viewers sync.WaitGroup
	for range 20 {
		viewers.Go(func() { b.get("tenants") })
	}
	viewers.Wait()
	b.await("tenants", "acme")
	require.Equal(t, one, calls()-before)
	for _, path := range everyPage {
		b.get(path)
	}
	require.NotContains(t, pooltest.CommandCalls(t, s.pools, pool.User), "keys")
}

// A page does not wait for a walk: it shows how far it is, and then its result.
func TestHandlerShowsProgress(t *testing.T) {
	s := newServer(t)
	pools := pooltest.Redis(t, pool.Config{URL: s.URL(), SingleDatabase: true})
	users, err := symphony.NewUser[profile](pools, "acme")
	require.NoError(t, err)
	records := make([]hashrepo.Record[profile], 6000)
	for i := range records {
		records[i].ID = strconv.Itoa(i)
	}
	require.NoError(t, users.UpsertMany(ctx, records...))
	for _, path := range []string{"tenants", "queues", "dead", "triggers", "triggers?tenant=acme", "erase?tenant=acme"} {
		// Every walk is slow, however many there are.
		r := browseHandler(t, inspect.Handler(pools, inspect.Rate(1000), inspect.Write())).get(path)
		require.Regexp(t, `Walking over [a-z, ]+: [\d,]+ of (6|12),000 keys`, r.body, path)
	}
	b := browseHandler(t, inspect.Handler(pools, inspect.Rate(1000)))
	const path = "search?tenant=acme&kind=user&id=59*9"
	first := b.get(path)
	require.Contains(t, first.body, "Walking over the keys: ")
	require.Contains(t, first.body, " of 6,000 keys")
	require.Contains(t, first.body, `<progress aria-label="Progress of the walk" max="6000"`)
	b.await(path, "11 found")
	require.NotContains(t, b.get(path).body, "<progress")
}

// A record shows what the indexes hold of it, and what is stale.
func TestHandlerShowsIndexEntries(t *testing.T) {
	type member struct {
		Email  string    `redis:"email,unique"`
		City   string    `redis:"city of birth,index"`
		Joined time.Time `redis:"joined,index"`
		Tags   []string  `redis:"tags,index"`
	}
	s := newServer(t)
	for _, layout := range []string{"default", "cluster-by-tenant"} {
		for _, prefixed := range []bool{false, true} {
			pools := pooltest.Redis(t, pool.Config{URL: s.URL(), Layout: layouts[layout](), PrefixKeys: prefixed})
			users, err := symphony.NewUser[member](pools, "acme")
			require.NoError(t, err)
			require.NoError(t, users.Upsert(ctx, "a:b", member{"ann@example.com", "Oslo", time.Unix(1700000000, 0), []string{"x", "y"}}))
			client, err := pools.Client(pool.User)
			require.NoError(t, err)
			key, err := pools.Layout().User.Key("acme", "a:b")
			require.NoError(t, err)
			key = pools.Prefix(pool.User) + key
			require.NoError(t, client.Do(ctx, client.B().Hset().Key(key).FieldValue().FieldValue("city of birth", "Rome").Build()).Error())

			entries, err := inspect.Indexed(ctx, pools, pool.User, key)
			require.NoError(t, err)
			require.True(t, entries.Listed)
			require.False(t, entries.Look.IsZero())
			require.Equal(t, []inspect.IndexEntry{
				{Field: "city of birth", Kind: "text", Text: "Oslo", Stale: true},
				{Field: "email", Kind: "text", Text: "ann@example.com"},
				{Field: "joined", Kind: "time", Text: "2023-11-14T22:13:20Z"},
				{Field: "tags", Kind: "text", Text: `["x","y"]`},
			}, entries.Entries)
			body := browseHandler(t, inspect.Handler(pools)).get("record?name=acme/user/a:b").body
			require.Contains(t, body, "as the record")
			require.Contains(t, body, "queries pass over it")
		}
	}
}

// The page of a service shows how its tenants share the work.
func TestHandlerShowsFairness(t *testing.T) {
	s := newServer(t)
	s.enqueue(t, "acme", "u1", "a", "b", "c")
	s.enqueue(t, "zoo", "u1", "a")
	body := s.browse(t).get("queues?service=mail").body
	_, body, _ = strings.Cut(body, "<caption>Fairness")
	require.Regexp(t, `data-key="acme".*acme</a>.*>3<.*75%.*>0<`, body)
	require.Regexp(t, `data-key="zoo".*zoo</a>.*>1<.*25%.*>0<`, body)
	require.NotContains(t, pooltest.CommandCalls(t, s.pools, pool.User), "scan", "the page of a service walks over nothing")
}

// The page works on a cluster.
func TestHandlerOnACluster(t *testing.T) {
	pooltest.Long(t)
	c := redistest.Cluster(t)
	s := serverAt(t, nil, c.URL())
	s.everything(t)
	b := s.browse(t, inspect.Write())
	for _, path := range everyPage {
		r := b.get(path)
		require.Equal(t, http.StatusOK, r.status, path)
		require.NotContains(t, r.body, "Problem:</strong> Redis", path)
	}
	require.Contains(t, b.get("triggers").body, "remind")
	ask := b.get("retry?all=1")
	require.Contains(t, ask.body, "Retry 2 dead letters?")
	require.Contains(t, b.submit(ask, nil).body, "delivered again: 2.")
}

// everyPage are pages of what everything writes.
var everyPage = []string{
	"", "tenants", "tenants?q=ac&sort=user", "tenant?name=acme", "queues", "queues?service=mail", "queue?tenant=acme&service=mail&entity=u1&action=send",
	"triggers", "triggers?tenant=acme", "triggers?tenant=acme&state=dead", "dead", "dead?of=trigger&action=remind",
	"dead?of=queue&tenant=acme&service=mail&entity=u2&action=send", "record", "record?name=acme/user/u1", "record?name=acme/trigger/remind/t2",
	"record?name=acme/queue/mail/u1/send", "record?name=acme/generic/text", "search", "search?tenant=acme&kind=user&id=u*&field=name",
}

// everything writes something of each kind for the tenant acme. Its values
// contain the word secret.
func (s server) everything(t *testing.T) {
	t.Helper()
	users, err := symphony.NewUser[profile](s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u1", profile{"secret", 30}))
	texts, err := symphony.NewGeneric[string](s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, texts.Set(ctx, "text", "secret"))
	s.enqueue(t, "acme", "u1", "secret 1", "secret 2", "secret 3")
	batch, err := symphony.NewBatch[string](s.pools, "acme")
	require.NoError(t, err)
	_, err = batch.Claim(ctx, symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}, 1, time.Hour)
	require.NoError(t, err)
	s.deadLetters(t, "acme", "u2", "secret")
	s.deadTriggers(t, "remind", [2]string{"acme", "t1"})
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.SetPayload(ctx, "remind", "t2", "secret", time.Hour))
	feed, err := symphony.NewFeed[string](s.pools, "acme", "chat")
	require.NoError(t, err)
	_, err = feed.Append(ctx, "u1", "secret")
	require.NoError(t, err)
}

// dump returns the keys of all pools with their values.
func (s server) dump(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, a := range s.pools.Aliases() {
		keys := pooltest.Keys(t, s.pools, a)
		slices.Sort(keys)
		for _, key := range keys {
			value, err := pooltest.Do(t, s.pools, a, "DUMP", key).ToString()
			require.NoError(t, err)
			b.WriteString(key + " " + strconv.Quote(value) + "\n")
		}
	}
	return b.String()
}

func (s server) deadOf(t *testing.T, batch *symphony.Batch[string], q symphony.Queue) int64 {
	t.Helper()
	backlog, err := batch.Backlog(ctx, q)
	require.NoError(t, err)
	return backlog.Dead
}

// browser is a browser without JavaScript.
type browser struct {
	t      *testing.T
	client *http.Client
	base   string
}

func (s server) browse(t *testing.T, opts ...inspect.Option) *browser {
	t.Helper()
	opts = append([]inspect.Option{inspect.Logger(slog.New(slog.DiscardHandler))}, opts...)
	return browseHandler(t, inspect.Handler(s.pools, opts...))
}

func browseHandler(t *testing.T, h http.Handler) *browser {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &browser{t, newClient(t), server.URL + "/"}
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &http.Client{Jar: jar}
}

// reply is a reply, after redirects.
type reply struct {
	status int
	body   string
	header http.Header
}

var (
	anyHref  = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	anyInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)
	postForm = regexp.MustCompile(`(?s)<form method="post" action="([^"]*)"[^>]*>(.*?)</form>`)
)

// links returns the URLs on a page that begin with a text.
func (r reply) links(prefix string) (all []string) {
	for _, found := range anyHref.FindAllStringSubmatch(r.body, -1) {
		if link := html.UnescapeString(found[1]); strings.HasPrefix(link, prefix) {
			all = append(all, link)
		}
	}
	return all
}

func (b *browser) get(path string) reply { return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, form url.Values, headers ...string) reply {
	return b.do(http.MethodPost, path, form, headers...)
}

func (b *browser) do(method, path string, form url.Values, headers ...string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
		if pair[0] == "Host" {
			r.Host = pair[1]
		}
	}
	res, err := b.client.Do(r)
	require.NoError(b.t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	require.NoError(b.t, res.Body.Close())
	return reply{res.StatusCode, string(body), res.Header}
}

// submit sends the form of a page that asks before a change, with what was
// typed.
func (b *browser) submit(ask reply, typed url.Values) reply {
	b.t.Helper()
	found := postForm.FindStringSubmatch(ask.body)
	require.NotNil(b.t, found, ask.body)
	form := url.Values{}
	for _, input := range anyInput.FindAllStringSubmatch(found[2], -1) {
		form.Add(html.UnescapeString(input[1]), html.UnescapeString(input[2]))
	}
	maps.Copy(form, typed)
	return b.post(html.UnescapeString(found[1]), form)
}

// token returns a token for the browser.
func (b *browser) token() string {
	b.t.Helper()
	found := anyInput.FindStringSubmatch(b.await("tenants", `name="token"`).body)
	return found[2]
}

// await gets a page until it has a text.
func (b *browser) await(path, text string) reply {
	b.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		r := b.get(path)
		if strings.Contains(r.body, text) {
			return r
		}
		require.True(b.t, time.Now().Before(deadline), "%s never had %q: %s", path, text, r.body)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	"github.com/symphony-go/symphony/scope"
)

// What two people of two tenants write at the same time waits until each stops
// typing, is answered in one go, and is ordered and shipped for each alone.
func TestChat(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		url, stop := start(t, p)
		alice := newPerson(t, p, url, time.Minute)
		bob := newPerson(t, p, url, time.Minute) // the same name at another tenant

		for i, text := range []string{"hello", "I want a LAMP, please!", "thank you"} {
			require.JSONEq(t, fmt.Sprintf(`{"waiting":%d}`, i+1), alice.send(text))
		}
		bob.send("just looking")
		waiting := alice.look()
		require.NotNil(t, waiting.AnswerIn)
		require.LessOrEqual(t, *waiting.AnswerIn, time.Minute.Milliseconds())
		require.EqualValues(t, 3, waiting.User.Messages)
		require.Len(t, waiting.Waiting, 3)
		require.Zero(t, waiting.Conversation)

		alice.stopsTyping(p)
		bob.stopsTyping(p)
		said := alice.answered(1)
		require.Equal(t, "Ordered: a lamp for 36.00.", said.Conversation.Said)
		require.Empty(t, said.Waiting)
		require.Nil(t, said.AnswerIn)
		require.WithinDuration(t, time.Now(), said.Conversation.Changed, time.Minute)
		require.Equal(t, []string{"hello", "I want a LAMP, please!", "thank you"}, said.Scratch.texts())
		lamp := said.Scratch.Lines[1].Message
		require.Equal(t, Turn{said.Scratch.Lines, []Wish{{lamp, []string{"lamp"}, 40}}, 0.1}, said.Scratch)

		said = bob.answered(1)
		require.Equal(t, "I hear you. We have cups, lamps and chairs.", said.Conversation.Said)
		require.Equal(t, Turn{Lines: said.Scratch.Lines}, said.Scratch)
		require.Equal(t, []string{"just looking"}, said.Scratch.texts())
		require.Empty(t, bob.orders())

		for id, order := range alice.shipped(1) {
			require.Equal(t, lamp, id)
			require.Equal(t, Order{"alice", []string{"lamp"}, 36, "shipped", order.Placed}, order)
		}
		alice.send("and a cup.")
		alice.stopsTyping(p)
		require.Equal(t, "Ordered: a cup for 8.55.", alice.answered(2).Conversation.Said)
		alice.shipped(2)
		require.NoError(t, stop())
	})
}

// An answer is said word by word. Who leaves goes on after the last word, and
// another user cannot read it.
func TestAnswerIsStreamed(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		url, _ := startWith(t, p, agentConfig{Think: thinkFor(time.Millisecond), Token: time.Millisecond, Lease: 30 * time.Second})
		alice := newPerson(t, p, url, time.Millisecond)
		alice.send("I want a lamp")
		turn := alice.answered(1).Conversation.Scratch
		status, all := alice.call(http.MethodGet, "/api/answers/"+turn, "")
		require.Equal(t, http.StatusOK, status)
		words := regexp.MustCompile(`id: (.+)\ndata: (.+)\n`).FindAllStringSubmatch(all, -1)
		var said, afterSecond string
		for i, w := range words {
			var word string
			require.NoError(t, json.Unmarshal([]byte(w[2]), &word))
			if said += word; i > 1 {
				afterSecond += word
			}
		}
		require.Equal(t, "Ordered: a lamp for 40.00.", said)
		require.True(t, strings.HasSuffix(all, "event: end\ndata:\n\n"), all)
		_, rest := alice.call(http.MethodGet, "/api/answers/"+turn+"?after="+words[1][1], "")
		require.NotContains(t, rest, words[1][0])
		require.Contains(t, rest, words[2][0])
		require.Equal(t, "lamp for 40.00.", afterSecond)
		status, _ = alice.call(http.MethodGet, "/api/answers/"+turn+"?after="+words[len(words)-1][1], "")
		require.Equal(t, http.StatusNoContent, status)

		alice.id.User = "eve"
		status, _ = alice.call(http.MethodGet, "/api/answers/"+turn+"?after="+words[1][1], "")
		require.Equal(t, http.StatusGone, status)
	})
}

// What a person writes while the agent thinks about an earlier message is
// answered after it, also if another process has time.
func TestWhileTheAgentThinks(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		begun := make(chan string, 10)
		var running atomic.Int32
		slow := agentConfig{Lease: 30 * time.Second, Think: func(ctx context.Context) error {
			if running.Add(1) > 1 {
				t.Error("two turns of one conversation overlap")
			}
			defer running.Add(-1)
			begun <- ""
			return thinkFor(700 * time.Millisecond)(ctx)
		}}
		url, _ := startWith(t, p, slow)
		startWith(t, p, slow)
		alice := newPerson(t, p, url, 50*time.Millisecond)
		alice.send("I want a lamp")
		<-begun
		alice.send("and a chair")
		require.Equal(t, "Ordered: a chair for 120.00.", alice.answered(2).Conversation.Said)
		require.Equal(t, []string{"lamp", "chair"}, ordered(alice.shipped(2)))
	})
}

// One answer orders what each of its messages names.
func TestSeveralItems(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		url, _ := start(t, p)
		alice := newPerson(t, p, url, time.Minute)
		alice.send("I want a lamp")
		alice.send("and a chair, and a cup")
		alice.stopsTyping(p)
		require.Equal(t, "Ordered: a lamp for 40.00, a chair and a cup for 129.50.", alice.answered(1).Conversation.Said)
		require.Equal(t, []string{"lamp", "chair", "cup"}, ordered(alice.shipped(2)))
	})
}

// A user logs in with an email, which no other user of the tenant can take.
func TestEmail(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		url, _ := start(t, p)
		alice := newPerson(t, p, url, time.Minute)
		bob, carol := alice, newPerson(t, p, url, time.Minute)
		bob.id.User = "bob"
		setEmail := func(who person, email string) (int, string) {
			t.Helper()
			return who.call(http.MethodPut, "/api/email", `{"email":"`+email+`"}`)
		}
		login := func(tenant, email string) (int, string) {
			t.Helper()
			anyone := person{t, url, scope.Identity{Tenant: tenant}}
			return anyone.call(http.MethodPost, "/api/login", `{"email":"`+email+`"}`)
		}
		require.JSONEq(t, `{"email":"alice@example.com"}`, alice.get(http.MethodPut, "/api/email", `{"email":"Alice@example.com"}`, new(any)))
		alice.send("hello") // and keeps the email
		bob.send("hello")   // without an email, like others

		status, body := setEmail(bob, "alice@EXAMPLE.com")
		require.Equal(t, http.StatusConflict, status)
		require.Equal(t, "another user has this email\n", body)
		require.Empty(t, bob.look().User.Email)
		status, _ = setEmail(carol, "alice@example.com")
		require.Equal(t, http.StatusOK, status, "another tenant")

		status, body = login(alice.id.Tenant, "alice@example.com")
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"user":"alice"}`, body)
		status, body = login(alice.id.Tenant, "bob@example.com")
		require.Equal(t, http.StatusUnauthorized, status)
		require.Equal(t, "no user has this email\n", body)

		status, _ = setEmail(alice, "a@example.com")
		require.Equal(t, http.StatusOK, status)
		status, _ = setEmail(bob, "alice@example.com")
		require.Equal(t, http.StatusOK, status, "the email is free again")
		_, body = login(alice.id.Tenant, "alice@example.com")
		require.JSONEq(t, `{"user":"bob"}`, body)
	})
}

// After reindex, a login and the orders of a user are found without a walk over
// the database, also those that another program wrote before.
func TestReindex(t *testing.T) {
	pooltest.Long(t)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s, ctx, at := bindAlice(t, p)
		require.NoError(t, at.orders.Upsert(ctx, "other", Order{User: "bob"}))
		key, err := s.layout().Table.Key(at.id.Tenant, "orders", "old")
		require.NoError(t, err)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", key, "user", "alice").Error())
		require.NoError(t, at.users.Update(ctx, "alice", email.Set("alice@example.com")))
		others, err := s.usersOf(pooltest.UniqueTenant())
		require.NoError(t, err)
		records := make([]hashrepo.Record[User], 5000)
		for i := range records {
			records[i].ID = fmt.Sprint(i)
		}
		require.NoError(t, others.UpsertMany(ctx, records...))

		require.NoError(t, s.reindex(ctx, at.id.Tenant))
		for n := range 2 {
			before := p.Stats()
			user, err := at.users.FindOne(ctx, email.Eq("alice@example.com"))
			require.NoError(t, err)
			require.Equal(t, "alice", user.ID)
			var ids []string
			for order, err := range at.orders.Find(ctx, buyer.Eq("alice")) {
				require.NoError(t, err)
				ids = append(ids, order.ID)
			}
			require.Equal(t, []string{"old"}, ids)
			for _, alias := range []pool.Alias{pool.User, pool.Handlers} {
				if n == 1 { // the first time asks whether the indexes are complete
					require.EqualValues(t, 1, p.Stats()[alias].Commands-before[alias].Commands, alias)
				}
			}
		}
	})
}

// ordered returns the items of orders in the order in which they were placed.
func ordered(orders map[string]Order) (items []string) {
	rows := slices.SortedFunc(maps.Values(orders), func(a, b Order) int { return a.Placed.Compare(b.Placed) })
	for _, order := range rows {
		items = append(items, order.Items...)
	}
	return items
}

// Typing puts off an answer that is due, and no other.
func TestTyping(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		url, _ := start(t, p)
		alice := newPerson(t, p, url, time.Minute)
		alice.typing()
		require.Nil(t, alice.look().AnswerIn)

		alice.send("one moment")
		alice.putOff(p, 30*time.Second)
		const between = 45_000 // the clocks of two processes are a little apart
		require.Less(t, *alice.look().AnswerIn, int64(between))
		alice.typing()
		require.Greater(t, *alice.look().AnswerIn, int64(between))
	})
}

// What waits when a process ends is answered by the next one.
func TestRestart(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		url, stop := start(t, p)
		alice := newPerson(t, p, url, 200*time.Millisecond)
		alice.send("a chair")
		require.NoError(t, stop())
		_, err := http.Get(url + "/healthz")
		require.Error(t, err)

		alice.url, _ = start(t, p)
		require.Equal(t, "Ordered: a chair for 120.00.", alice.answered(1).Conversation.Said)
	})
}

// A request that has begun is served although the process is told to end.
func TestShutdown(t *testing.T) {
	p := pooltest.Embedded(t)
	url, stop := start(t, p)
	alice := newPerson(t, p, url, time.Minute)
	body, write := io.Pipe()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/messages", body)
	require.NoError(t, err)
	r.Header = http.Header{"X-Tenant": {alice.id.Tenant}, "X-User": {alice.id.User}, "Expect": {"100-continue"}}
	status := make(chan int, 1)
	go func() {
		defer close(status)
		client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
		if answer, err := client.Do(r); err == nil {
			status <- answer.StatusCode
			_ = answer.Body.Close()
		}
	}()
	_, err = io.WriteString(write, `{"text":`) // goes on when the service asks for the body
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- stop() }()
	alice.await(func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	_, err = io.WriteString(write, `"hello"}`)
	require.NoError(t, err)
	require.NoError(t, write.Close())
	require.Equal(t, http.StatusOK, <-status)
	require.NoError(t, <-ended)
}

// Messages that come again, since the process that answered them died before
// it could say so, are neither answered nor ordered again.
func TestAnswerTwice(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s, ctx, at := bindAlice(t, p)
		items := []listrepo.Item[Message]{{ID: "m1", Attempt: 1, Value: Message{Text: "a lamp"}}}
		require.NoError(t, s.answer(ctx, items))
		require.NoError(t, s.answer(ctx, items))
		conversation, err := at.conversations.Get(ctx, "alice")
		require.NoError(t, err)
		require.EqualValues(t, 1, conversation.Turns)

		// It died between the order and the answer.
		_, err = at.conversations.Delete(ctx, "alice")
		require.NoError(t, err)
		require.NoError(t, s.answer(ctx, items))
		n := 0
		for order, err := range at.orders.All(ctx) {
			require.NoError(t, err)
			require.Equal(t, "m1", order.ID)
			n++
		}
		require.Equal(t, 1, n)
	})
}

// Messages that come again in one chunk with later ones are not answered again:
// the process died after the answer, and the user wrote on.
func TestAnswerTwiceWithMore(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s, ctx, at := bindAlice(t, p)
		alice := person{t: t}

		_, err := at.messages.Enqueue(ctx, at.inbox, Message{Text: "a lamp"})
		require.NoError(t, err)
		var died *listrepo.Claim[Message]
		alice.await(func() bool { // she stops typing
			died, err = at.messages.Claim(ctx, at.inbox, chunk, time.Millisecond)
			require.NoError(t, err)
			return len(died.Items) > 0
		})
		require.NoError(t, s.answer(ctx, died.Items))
		_, err = at.messages.Enqueue(ctx, at.inbox, Message{Text: "thanks"})
		require.NoError(t, err)

		var again []listrepo.Item[Message]
		alice.await(func() bool { // the lease expires
			_, err := at.messages.Process(ctx, at.inbox, chunk, func(ctx context.Context, items []listrepo.Item[Message]) error {
				again = append(again, items...)
				return s.answer(ctx, items)
			})
			require.True(t, err == nil || errors.Is(err, symphony.ErrBusy), err)
			return len(again) >= 2
		})
		require.Equal(t, died.Items[0].ID, again[0].ID)
		orders := 0
		for order, err := range at.orders.All(ctx) {
			require.NoError(t, err)
			require.Equal(t, died.Items[0].ID, order.ID)
			orders++
		}
		require.Equal(t, 1, orders)
		conversation, err := at.conversations.Get(ctx, "alice")
		require.NoError(t, err)
		require.EqualValues(t, 2, conversation.Turns)
		require.Equal(t, "I hear you. We have cups, lamps and chairs.", conversation.Said)

		// It died between the order and the answer.
		_, err = at.conversations.Delete(ctx, "alice")
		require.NoError(t, err)
		require.NoError(t, s.answer(ctx, again))
		orders = 0
		for _, err := range at.orders.All(ctx) {
			require.NoError(t, err)
			orders++
		}
		require.Equal(t, 1, orders)
	})
}

// An attempt that sleeps through its lease in the middle of a turn changes
// neither the conversation nor the scratch of the attempt that followed.
func TestAttemptThatSleeps(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		s, ctx, at := bindAlice(t, p)
		item := listrepo.Item[Message]{ID: "m1", Attempt: 1, Value: Message{Text: "a lamp"}}
		asleep, wake := make(chan struct{}), make(chan struct{})
		s.agent.Think = func(ctx context.Context) error {
			close(asleep)
			<-wake
			name, _ := turnName.From(ctx)
			return at.turns.Replace(ctx, name, Turn{Lines: []Line{{"m1", "a cup"}}})
		}
		first := make(chan error, 1)
		go func() { first <- s.answer(ctx, []listrepo.Item[Message]{item}) }()
		<-asleep

		next := &service{pools: p, agent: agentConfig{Think: thinkFor(0)}}
		item.Attempt = 2
		later := listrepo.Item[Message]{ID: "m2", Attempt: 1, Value: Message{Text: "and a chair"}}
		require.NoError(t, next.answer(ctx, []listrepo.Item[Message]{item, later}))
		conversation, err := at.conversations.Get(ctx, "alice")
		require.NoError(t, err)
		turn, err := at.turns.Get(ctx, conversation.Scratch)
		require.NoError(t, err)

		close(wake)
		require.ErrorIs(t, <-first, symphony.ErrConflict)
		after, err := at.conversations.Get(ctx, "alice")
		require.NoError(t, err)
		require.Equal(t, conversation, after)
		require.EqualValues(t, 1, after.Turns)
		require.Equal(t, []string{"m1", "m2"}, after.Answered)
		require.Equal(t, "Ordered: a lamp for 40.00, a chair for 120.00.", after.Said)
		turnAfter, err := at.turns.Get(ctx, conversation.Scratch)
		require.NoError(t, err)
		require.Equal(t, turn, turnAfter)
	})
}

// A conversation keeps the ids of the last messages, and no more than a few
// chunks of them.
func TestAnsweredIsBounded(t *testing.T) {
	p := pooltest.Embedded(t)
	s, ctx, at := bindAlice(t, p)
	for n := range 5 * remembered / chunk {
		items := make([]listrepo.Item[Message], chunk)
		for i := range items {
			items[i] = listrepo.Item[Message]{ID: fmt.Sprintf("%d-%d", n, i), Value: Message{Text: "hello"}}
		}
		require.NoError(t, s.answer(ctx, items))
		conversation, err := at.conversations.Get(ctx, "alice")
		require.NoError(t, err)
		require.Len(t, conversation.Answered, min((n+1)*chunk, remembered))
		require.Equal(t, items[chunk-1].ID, conversation.Answered[len(conversation.Answered)-1])
		require.Len(t, conversation.Log, logged)
		require.Equal(t, []Remark{{"user", "hello"}, {"agent", conversation.Said}}, conversation.Log[logged-2:])
	}
}

// A client that goes away is no error of the service.
func TestClosedTab(t *testing.T) {
	var log strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	s, ctx, _ := bindAlice(t, pooltest.Embedded(t))
	ctx, gone := context.WithCancel(ctx)
	gone()
	endpoint(look).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/state", nil))
	login := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/login", strings.NewReader(`{"email":"a@b.example"}`))
	login.Header.Set("X-Tenant", "acme")
	s.login(httptest.NewRecorder(), login)
	require.NotContains(t, log.String(), "ERROR")
}

// An address that is taken names the variable that changes it.
func TestAddressIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	err = run(t.Context(), func(name string) string { return map[string]string{"ADDR": l.Addr().String()}[name] })
	require.ErrorContains(t, err, "ADDR=")
}

// A page of another origin can neither write nor frame the page.
func TestOtherOrigins(t *testing.T) {
	url, _ := start(t, pooltest.Embedded(t))
	for _, test := range []struct {
		name   string
		header http.Header
		status int
	}{
		{"no browser", http.Header{}, 200},
		{"the page itself", http.Header{"Sec-Fetch-Site": {"same-origin"}, "Origin": {url}}, 200},
		{"an old browser on the page itself", http.Header{"Origin": {url}}, 200},
		{"another site", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, 403},
		{"another port of this host", http.Header{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://127.0.0.1:1"}}, 403},
		{"an old browser on another site", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"a page without an origin", http.Header{"Origin": {"null"}}, 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/messages", strings.NewReader(`{"text":"hello"}`))
			require.NoError(t, err)
			r.Header = test.header
			r.Header.Set("X-Tenant", pooltest.UniqueTenant())
			r.Header.Set("X-User", "alice")
			answer, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, test.status, answer.StatusCode)
			require.Contains(t, answer.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
			require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
		})
	}
}

// A client that does not end its body does not hold the connection for ever.
func TestSlowBody(t *testing.T) {
	server := newServer(newService(pooltest.Embedded(t), quick, measure(t)).routes())
	require.Positive(t, server.ReadTimeout)
	server.ReadTimeout = 50 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = io.WriteString(c, "POST /api/messages HTTP/1.1\r\nHost: chat\r\nX-Tenant: acme\r\nX-User: alice\r\nContent-Length: 20\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Second)))
	answer, err := io.ReadAll(c)
	require.NoError(t, err, "the server ends the connection")
	require.Contains(t, string(answer), "400 Bad Request")
}

func TestRefusals(t *testing.T) {
	url, _ := start(t, pooltest.Embedded(t))
	for _, test := range []struct {
		name, tenant, user, method, path, body string
		status                                 int
		says                                   string
	}{
		{"nobody", "", "", "GET", "/api/state", "", 401, "unauthorized"},
		{"no user", "acme", "", "GET", "/api/state", "", 400, "must not be empty"},
		{"no tenant", "", "alice", "GET", "/api/state", "", 400, "must not be empty"},
		{"a long tenant", strings.Repeat("a", 65), "alice", "GET", "/api/state", "", 400, "64 bytes"},
		{"a long user", "acme", strings.Repeat("a", 65), "GET", "/api/state", "", 400, "64 bytes"},
		{"no JSON", "acme", "alice", "POST", "/api/messages", "hello", 400, "JSON"},
		{"no text", "acme", "alice", "POST", "/api/messages", `{"text":" "}`, 400, "text"},
		{"too much text", "acme", "alice", "POST", "/api/messages", `{"text":"` + strings.Repeat("a", 65<<10) + `"}`, 400, "JSON"},
		{"no email", "acme", "alice", "PUT", "/api/email", `{"email":"alice"}`, 400, "an email"},
		{"a login without an email", "acme", "", "POST", "/api/login", `{}`, 400, "an email"},
		{"a login without a tenant", "", "", "POST", "/api/login", `{"email":"a@b.example"}`, 400, "the tenant is empty"},
		{"a login with a long tenant", strings.Repeat("a", 65), "", "POST", "/api/login", `{"email":"a@b.example"}`, 400, "64 bytes"},
		{"no such path", "acme", "alice", "GET", "/api/else", "", 404, ""},
		{"another method", "acme", "alice", "DELETE", "/api/messages", "", 405, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := person{t, url, scope.Identity{Tenant: test.tenant, User: test.user}}
			status, body := p.call(test.method, test.path, test.body)
			require.Equal(t, test.status, status, body)
			require.Contains(t, body, test.says)
		})
	}
}

func TestPagesForPeopleAndMachines(t *testing.T) {
	m := measure(t)
	p, err := embedded.Open(t.Context(), m.instrument(pool.Config{}))
	require.NoError(t, err)
	t.Cleanup(p.Close)
	url, _ := startMeasured(t, p, quick, m)
	nobody := person{t, url, scope.Identity{}}
	status, body := nobody.call(http.MethodGet, "/", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "Two tenants")
	status, body = nobody.call(http.MethodGet, "/healthz", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"ready":true`)

	alice := newPerson(t, p, url, time.Minute)
	alice.send("hello")
	_, body = nobody.call(http.MethodGet, "/metrics", "")
	stats := p.Stats()
	for _, alias := range p.Aliases() {
		require.Contains(t, body, fmt.Sprintf("symphony_pool_errors_total{symphony_pool=%q} ", alias))
		require.Contains(t, body, fmt.Sprintf("symphony_cache_hits_total{symphony_pool=%q} 0\n", alias), "the embedded server tells of no change")
	}
	require.Contains(t, body, fmt.Sprintf("symphony_pool_commands_total{symphony_pool=\"user\"} %d\n", stats[pool.User].Commands))
	require.Positive(t, stats[pool.User].Commands)
	require.Regexp(t, `db_client_operation_duration_seconds_count\{.*symphony_operation="Enqueue".*\} 1\n`, body)
	require.NotContains(t, body, "symphony_work_duration_seconds_count")
	alice.stopsTyping(p)
	alice.answered(1)
	alice.await(func() bool {
		_, body := nobody.call(http.MethodGet, "/metrics", "")
		return strings.Contains(body, "symphony_work_duration_seconds_count{symphony_service=\"chat\"} 1\n")
	})
	require.NotContains(t, body, alice.id.Tenant)
}

// What every request reads comes from memory, and shows what it has just
// changed.
func TestReadsFromMemory(t *testing.T) {
	m := measure(t)
	p := pooltest.Redis(t, m.instrument(pool.Config{}))
	url, _ := startMeasured(t, p, quick, m)
	alice := newPerson(t, p, url, time.Minute)
	for n := range int64(3) {
		alice.send("hello")
		require.Equal(t, n+1, alice.look().User.Messages)
	}
	alice.await(func() bool {
		alice.look()
		return p.Stats()[pool.User].CacheHits > 0
	})
	stats := p.Stats()
	_, body := person{t, url, scope.Identity{}}.call(http.MethodGet, "/metrics", "")
	for _, alias := range []pool.Alias{pool.User, pool.Default} {
		require.Positive(t, stats[alias].CacheHits)
		require.Contains(t, body, fmt.Sprintf("symphony_cache_hits_total{symphony_pool=%q} %d\n", alias, stats[alias].CacheHits))
	}
}

// Without Redis the service says so, to whom it serves and to its balancer.
func TestRedisIsGone(t *testing.T) {
	server := redistest.Server(t)
	p, err := pool.Open(t.Context(), pool.Config{URL: server.URL(), Timeout: time.Second})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	url, _ := start(t, p)
	alice := newPerson(t, p, url, time.Minute)
	server.Kill()
	status, body := alice.call(http.MethodPost, "/api/messages", `{"text":"hello"}`)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "try again")
	status, body = alice.call(http.MethodGet, "/healthz", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, `"user":{"up":false}`)
}

func TestEnvironment(t *testing.T) {
	environment := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	cfg, err := readConfig(environment())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", cfg.addr)
	require.Equal(t, 30*time.Second, cfg.agent.Lease)
	cfg, err = readConfig(environment("ADDR", ":9", "REDIS_URL", "redis://here", "LEASE", "2s", "THINK", "1h"))
	require.NoError(t, err)
	require.Equal(t, ":9", cfg.addr)
	require.Equal(t, "redis://here", cfg.pools.URL)
	require.Equal(t, 2*time.Second, cfg.agent.Lease)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	require.ErrorIs(t, cfg.agent.Think(ctx), stopped)
	_, err = readConfig(environment("LEASE", "-2s", "THINK", "long"))
	require.ErrorContains(t, err, `THINK="long" is not a positive duration; use one such as THINK=700ms`)
	require.ErrorContains(t, err, `LEASE="-2s"`)
}

// quick is an agent that hardly thinks.
var quick = agentConfig{Think: thinkFor(time.Millisecond), Lease: 30 * time.Second}

// start runs a service on pools until stop, or the test's end.
func start(t *testing.T, p *pool.Pools) (url string, stop func() error) {
	t.Helper()
	return startWith(t, p, quick)
}

func startWith(t *testing.T, p *pool.Pools, agent agentConfig) (url string, stop func() error) {
	t.Helper()
	return startMeasured(t, p, agent, measure(t))
}

func startMeasured(t *testing.T, p *pool.Pools, agent agentConfig, m *metrics) (url string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- newService(p, agent, m).serve(ctx, l)
		close(ended)
	}()
	stop = func() error { cancel(); return <-ended }
	t.Cleanup(func() { _ = stop() })
	return "http://" + l.Addr().String(), stop
}

// measure returns the metrics of a process.
func measure(t *testing.T) *metrics {
	t.Helper()
	m, err := newMetrics()
	require.NoError(t, err)
	return m
}

// bindAlice binds the shop of alice, who sent a message to a tenant of her own
// that hardly waits for her to go on.
func bindAlice(t *testing.T, p *pool.Pools) (*service, context.Context, *shop) {
	t.Helper()
	s, alice := newService(p, quick, measure(t)), newPerson(t, p, "", time.Millisecond)
	ctx, err := scope.Bind(t.Context(), alice.id, s.bind...)
	require.NoError(t, err)
	at, _ := shops.From(ctx)
	require.NoError(t, at.users.Update(ctx, alice.id.User, messages.Add(1)))
	return s, ctx, at
}

// person talks to a service over HTTP.
type person struct {
	t   *testing.T
	url string
	id  scope.Identity
}

// newPerson is alice at a tenant of her own that waits quiet for her to go on.
func newPerson(t *testing.T, p *pool.Pools, url string, quiet time.Duration) person {
	t.Helper()
	id := scope.Identity{Tenant: pooltest.UniqueTenant(), User: "alice"}
	setQuiet(t, p, id.Tenant, quiet)
	return person{t, url, id}
}

// setQuiet changes how long a tenant waits for its users to go on.
func setQuiet(t *testing.T, p *pool.Pools, tenant string, quiet time.Duration) {
	t.Helper()
	settings, err := symphony.NewGeneric[Settings](p, tenant)
	require.NoError(t, err)
	own, err := loadSettings(t.Context())
	require.NoError(t, err)
	own.Quiet, own.AtMost = quiet, time.Hour
	require.NoError(t, settings.Set(t.Context(), "settings", own))
}

func (p person) call(method, path, body string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	require.NoError(p.t, err)
	if p.id.Tenant != "" {
		r.Header.Set("X-Tenant", p.id.Tenant)
	}
	if p.id.User != "" {
		r.Header.Set("X-User", p.id.User)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(p.t, err)
	return answer.StatusCode, string(text)
}

func (p person) get(method, path, body string, into any) string {
	p.t.Helper()
	status, text := p.call(method, path, body)
	require.Equal(p.t, http.StatusOK, status, text)
	require.NoError(p.t, json.Unmarshal([]byte(text), into))
	return text
}

func (p person) send(text string) string {
	p.t.Helper()
	body, err := json.Marshal(Message{Text: text})
	require.NoError(p.t, err)
	return p.get(http.MethodPost, "/api/messages", string(body), new(any))
}

func (p person) typing() {
	p.t.Helper()
	p.get(http.MethodPost, "/api/typing", "", new(any))
}

// stopsTyping makes the answer due now.
func (p person) stopsTyping(pools *pool.Pools) {
	p.t.Helper()
	p.putOff(pools, time.Millisecond)
}

// putOff makes the answer due after that time.
func (p person) putOff(pools *pool.Pools, after time.Duration) {
	p.t.Helper()
	inbox, err := symphony.NewBatch[Message](pools, p.id.Tenant, symphony.Quiet(after, time.Hour))
	require.NoError(p.t, err)
	require.NoError(p.t, inbox.PutOff(p.t.Context(), inboxOf(p.id.User)))
}

// view is what the page shows.
type view struct {
	User         User
	Conversation Conversation
	Scratch      Turn
	Waiting      []Message
	Backlog      listrepo.Backlog
	AnswerIn     *int64 `json:"answer_in_ms"`
}

func (t Turn) texts() (texts []string) {
	for _, line := range t.Lines {
		texts = append(texts, line.Text)
	}
	return texts
}

func (p person) look() (v view) {
	p.t.Helper()
	p.get(http.MethodGet, "/api/state", "", &v)
	return v
}

func (p person) orders() (orders map[string]Order) {
	p.t.Helper()
	p.get(http.MethodGet, "/api/orders", "", &orders)
	return orders
}

// answered waits until the conversation has had so many turns.
func (p person) answered(turns int64) (v view) {
	p.t.Helper()
	p.await(func() bool { v = p.look(); return v.Conversation.Turns == turns && v.Backlog.Claimed == 0 })
	return v
}

// shipped waits until there are so many orders, all shipped.
func (p person) shipped(n int) (orders map[string]Order) {
	p.t.Helper()
	p.await(func() bool {
		orders = p.orders()
		for _, order := range orders {
			if order.Status != "shipped" {
				return false
			}
		}
		return len(orders) == n
	})
	return orders
}

func (p person) await(done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		require.True(p.t, time.Now().Before(end), "it did not happen")
	}
}

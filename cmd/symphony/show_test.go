package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

func TestShow(t *testing.T) {
	s := newServer(t)
	s.users(t, "acme", "u/1")
	for _, name := range []string{"acme/user/u/1", "acme:user:u/1"} {
		rows := s.rows(t, "show", name)
		require.Len(t, rows, 1)
		require.InDelta(t, 24*time.Hour.Seconds(), rows[0]["ttl"], 60)
		require.Positive(t, rows[0]["memory"])
		delete(rows[0], "ttl")
		delete(rows[0], "memory")
		require.Equal(t, map[string]any{
			"pool": "user", "key": "acme:user:u/1", "type": "hash", "length": 2.0, "content": []any{
				map[string]any{"name": "age", "value": 30.0}, map[string]any{"name": "name", "value": "Ann"},
			},
		}, rows[0])
		require.Contains(t, s.call("show", name).out, "NAME  VALUE\nage   30\nname  \"Ann\"\n")
	}
	r := s.call("show", "acme/user/u2")
	require.Equal(t, exitProblem, r.code)
	require.Contains(t, r.err, `there is no key "acme:user:u2"`)
	require.Equal(t, exitUsage, s.call("show").code)
	require.Equal(t, exitUsage, s.call("show", "a", "b").code)
	require.Equal(t, exitUsage, s.call("show", "acme/user/u1", "-codec", "xml").code)
	require.Equal(t, exitUsage, s.call("show", "-pool", "nothing", "a").code)
}

// A path names a record of each kind.
func TestShowKinds(t *testing.T) {
	s := newServer(t)
	state, err := symphony.NewStateHandler[profile](s.pools, "acme", "chat")
	require.NoError(t, err)
	require.NoError(t, state.Upsert(ctx, "u1", profile{}))
	table, err := symphony.NewTable[profile](s.pools, "acme", "orders")
	require.NoError(t, err)
	require.NoError(t, table.Upsert(ctx, "17", profile{}))
	shared, err := symphony.NewSharedState(s.pools, "acme", "u1")
	require.NoError(t, err)
	require.NoError(t, shared.Upsert(ctx, "search", symphony.Fields{"query": "x"}))
	generic, err := symphony.NewGeneric[string](s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, generic.Set(ctx, "motd", "hello"))
	batch, err := symphony.NewBatch[string](s.pools, "acme")
	require.NoError(t, err)
	_, err = batch.Enqueue(ctx, symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}, "a", "b")
	require.NoError(t, err)
	triggers, err := symphony.NewTrigger(s.pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(ctx, "remind", "u1", time.Hour))
	feed, err := symphony.NewFeed[string](s.pools, "acme", "answers")
	require.NoError(t, err)
	_, err = feed.Append(ctx, "u1", "hello")
	require.NoError(t, err)
	limiter, err := symphony.NewLimiter(s.pools, "acme", symphony.Rate{Limit: 10, Per: time.Minute})
	require.NoError(t, err)
	_, err = limiter.Take(ctx, "api", 1)
	require.NoError(t, err)
	for path, want := range map[string]string{
		"acme/feed/answers/u1":        "stream acme:feed:answers:u1",
		"acme/limit/api":              "string acme:limit:api",
		"acme/state/chat/u1":          "hash acme:state:chat:u1",
		"acme/table/orders/17":        "hash acme:df:orders:pkid:17",
		"acme/shared_state/search/u1": "hash acme:SS:search:u1",
		"acme/generic/motd":           "string acme:motd",
		"acme/queue/mail/u1/send":     "list acme:batch:mail:u1:send",
		"acme/trigger/remind/u1":      "string acme:EXPTRIGGER:remind:u1",
	} {
		rows := s.rows(t, "show", path)
		require.Len(t, rows, 1, path)
		require.Equal(t, want, fmt.Sprint(rows[0]["type"], " ", rows[0]["key"]))
	}
}

// Each Redis type is shown, of a large key only a part, and nothing of a value
// with -redact.
func TestShowTypes(t *testing.T) {
	s := newServer(t)
	many := func(command, key string, parts ...string) []string {
		args := []string{command, key}
		for i := range 1000 {
			for _, part := range parts {
				args = append(args, fmt.Sprintf(part, i))
			}
		}
		return args
	}
	for _, args := range [][]string{
		{"SET", "string", "secret"},
		many("RPUSH", "list", "secret%d"),
		many("SADD", "set", "secret%d"),
		many("ZADD", "zset", "%[1]d", "secret%d"),
		many("HSET", "hash", "f%d", "secret"),
		{"XADD", "stream", "*", "name", "secret"},
	} {
		require.NoError(t, pooltest.Do(t, s.pools, pool.User, args...).Error())
		rows := s.rows(t, "show", "-n", "5", args[1])
		require.Len(t, rows, 1)
		require.Equal(t, args[1], rows[0]["type"])
		require.Nil(t, rows[0]["ttl"])
		content := rows[0]["content"].([]any)
		require.Contains(t, fmt.Sprint(content), "secret")
		if slices.Contains([]string{"list", "set", "zset", "hash"}, args[1]) {
			require.Len(t, content, 5)
			require.InDelta(t, 1000.0, rows[0]["length"], 0)
			require.Contains(t, s.call("show", "-n", "5", args[1]).out, "and 995 more")
		}
		require.NotContains(t, s.call("show", "-redact", "-json", args[1]).out, "secret")
		require.NotContains(t, s.call("show", "-redact", args[1]).out, "secret")
	}
}

// JSON has no infinite numbers.
func TestShowInfiniteScores(t *testing.T) {
	s := newServer(t)
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "ZADD", "z", "-inf", "a", "1.5", "b", "inf", "c").Error())
	rows := s.rows(t, "show", "z")
	require.Equal(t, "[map[score:-inf value:a] map[score:1.5 value:b] map[score:inf value:c]]", fmt.Sprint(rows[0]["content"]))
	require.Contains(t, s.call("show", "z").out, "-inf   \"a\"\n1.5    \"b\"\ninf    \"c\"\n")
}

// No stored text reaches the terminal as a control character.
func TestShowIsPrintable(t *testing.T) {
	s := newServer(t)
	require.NoError(t, pooltest.Do(t, s.pools, pool.User, "HSET", "a\x1b[2J", "\x1b[2J", "\x1b[2J", "\u009b2J", "\u009b2J", "\xff", "\xff").Error())
	out := s.call("show", "a\x1b[2J").out
	require.NotContains(t, out, "\x1b")
	require.NotContains(t, out, "\u009b")
	require.NotContains(t, out, "\xff")
	require.Contains(t, out, `\xff`)
}

// The codec of a value may be another, and pools may share a database.
func TestShowOfSharedDatabase(t *testing.T) {
	s := newServer(t)
	shared := pooltest.Redis(t, pool.Config{URL: s.URL(), SingleDatabase: true})
	users, err := symphony.NewUser[profile](shared, "acme", symphony.Codec(codec.MsgPack))
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u1", profile{"Ann", 30}))
	for _, name := range []string{"acme/user/u1", "acme:user:u1", "user:acme:user:u1"} {
		rows := s.rows(t, "show", "-single", "-codec", "msgpack", name)
		require.Len(t, rows, 1, name)
		require.Equal(t, "user:acme:user:u1", rows[0]["key"])
		require.Equal(t, "user", rows[0]["pool"], name)
		require.Contains(t, fmt.Sprint(rows[0]["content"]), "value:Ann")
	}
}

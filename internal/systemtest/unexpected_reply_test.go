package systemtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// oddReplies are replies in RESP. A command may have one of them as a reply,
// none may have them all.
var oddReplies = map[string]string{
	"[]":              "*0\r\n",
	"[nil]":           "*1\r\n_\r\n",
	"[nil nil nil]":   "*3\r\n_\r\n_\r\n_\r\n",
	"[[]]":            "*1\r\n*0\r\n",
	"[a]":             "*1\r\n$1\r\na\r\n",
	"[1]":             "*1\r\n:1\r\n",
	"[a b]":           "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
	"[1 2]":           "*2\r\n:1\r\n:2\r\n",
	"[0 []]":          "*2\r\n$1\r\n0\r\n*0\r\n",
	"[1 [] 2]":        "*3\r\n:1\r\n*0\r\n:2\r\n",
	"[error]":         "*1\r\n-ERR nested\r\n",
	"[[error]]":       "*1\r\n*1\r\n-ERR nested\r\n",
	"{}":              "%0\r\n",
	"{a: b}":          "%1\r\n$1\r\na\r\n$1\r\nb\r\n",
	"{a: []}":         "%1\r\n$1\r\na\r\n*0\r\n",
	"{a: 1}":          "%1\r\n$1\r\na\r\n:1\r\n",
	"~[]":             "~0\r\n",
	"odd":             "+odd\r\n",
	"OK":              "+OK\r\n",
	"text":            "$3\r\nodd\r\n",
	"1 as text":       "$1\r\n1\r\n",
	"empty":           "$0\r\n\r\n",
	"-7":              ":-7\r\n",
	"7":               ":7\r\n",
	"2^63-1":          ":9223372036854775807\r\n",
	"1.5":             ",1.5\r\n",
	"true":            "#t\r\n",
	"nil":             "_\r\n",
	"old nil":         "*-1\r\n",
	"error":           "-ERR odd\r\n",
	"bulk error":      "!7\r\nERR odd\r\n",
	"big number":      "(12345678901234567890\r\n",
	"verbatim":        "=7\r\ntxt:odd\r\n",
	"with attrs":      "|1\r\n+a\r\n:1\r\n*0\r\n",
	"[0 [1]]":         "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n",
	"[0 [nil]]":       "*2\r\n$1\r\n0\r\n*1\r\n_\r\n",
	"[a []]":          "*2\r\n$1\r\na\r\n*0\r\n",
	"NOSCRIPT error":  "-NOSCRIPT no\r\n",
	"WRONGTYPE error": "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
	"MOVED error":     "-MOVED 1 127.0.0.1:1\r\n",
}

// oddCall is a call of which one command gets an odd reply.
type oddCall struct {
	name  string
	first []string // the replies to the commands before that one
	may   string   // the odd replies that the command may have, by name
	write bool     // the command changes something
	do    func(ctx context.Context) error
}

// Replies in RESP.
const (
	respOK   = "+OK\r\n"
	respNil  = "_\r\n"
	respNils = "*3\r\n_\r\n_\r\n_\r\n"
)

func respNumber(n int) string      { return fmt.Sprintf(":%d\r\n", n) }
func respText(s string) string     { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
func respArray(r ...string) string { return fmt.Sprintf("*%d\r\n%s", len(r), strings.Join(r, "")) }
func respTexts(s ...string) string {
	all := make([]string, len(s))
	for i := range s {
		all[i] = respText(s[i])
	}
	return respArray(all...)
}

// respScan is the reply to a SCAN that found keys.
func respScan(keys ...string) string { return respArray(respText("0"), respTexts(keys...)) }

// Names of replies that more than one command may have.
const (
	numberReplies = "7, 2^63-1"
	textReplies   = "odd, OK, text, 1 as text, empty"
	nilReplies    = "nil, old nil"
	emptyReplies  = "[], ~[], with attrs"
	arrayReplies  = "[a], [a b], " + emptyReplies
	pairReplies   = "[a b], {a: b}, {}, " + emptyReplies
	pageReplies   = "[0 []]"
)

func oddHash(repo string, r *hashrepo.HashRepo[plain], key string) []oddCall {
	n := hashrepo.NumberOf(func(v *plain) *int64 { return &v.N })
	name := hashrepo.FieldOf(func(v *plain) *string { return &v.Name })
	tags := hashrepo.ListOf(func(v *plain) *[]string { return &v.Tags })
	full := plain{Name: "Ann", N: 1, Tags: []string{"a"}}
	record := respTexts("Ann", "1", `["a"]`)
	calls := []oddCall{
		{name: "Get", do: func(ctx context.Context) error { return ignore(r.Get(ctx, "1")) }},
		{name: "Get: EXISTS", first: []string{respNils}, do: func(ctx context.Context) error { return ignore(r.Get(ctx, "1")) }},
		{name: "Get: EXEC", first: []string{respNils, respNumber(1)}, do: func(ctx context.Context) error { return ignore(r.Get(ctx, "1")) }},
		{name: "GetMany", do: func(ctx context.Context) error { return ignore(r.GetMany(ctx, "1", "2")) }},
		{name: "GetMany: EXISTS", first: []string{respNils, record}, do: func(ctx context.Context) error { return ignore(r.GetMany(ctx, "1", "2")) }},
		{name: "GetMany: EXEC", first: []string{respNils, record, respNumber(1)}, do: func(ctx context.Context) error { return ignore(r.GetMany(ctx, "1", "2")) }},
		{name: "All", may: pageReplies, do: func(ctx context.Context) error { return firstError(r.All(ctx)) }},
		{name: "All: HMGET", may: "WRONGTYPE error", first: []string{respScan(key)}, do: func(ctx context.Context) error { return firstError(r.All(ctx)) }},
		{name: "All: EXISTS", first: []string{respScan(key), respNils}, do: func(ctx context.Context) error { return firstError(r.All(ctx)) }},
		{name: "IDs", may: pageReplies, do: func(ctx context.Context) error { return firstError(r.IDs(ctx)) }},
		{name: "Find", may: pageReplies, do: func(ctx context.Context) error { return firstError(r.Find(ctx, name.Eq("Ann"))) }},
		{name: "Find: the field", may: "[nil], [a], WRONGTYPE error", first: []string{respScan(key)}, do: func(ctx context.Context) error { return firstError(r.Find(ctx, name.Eq("Ann"))) }},
		{name: "Find: the record", may: "[nil nil nil]", first: []string{respScan(key), respTexts("Ann")}, do: func(ctx context.Context) error { return firstError(r.Find(ctx, name.Eq("Ann"))) }},
		{name: "FindOne: the field", may: "[nil], [a], WRONGTYPE error", first: []string{respScan(key)}, do: func(ctx context.Context) error { return ignore(r.FindOne(ctx, name.Eq("Ann"))) }},
		{name: "FindByField: the field", may: "[nil], [a], WRONGTYPE error", first: []string{respScan(key)}, do: func(ctx context.Context) error { return ignore(r.FindByField(ctx, "name", "Ann")) }},
		{name: "Exists", do: func(ctx context.Context) error { return ignore(r.Exists(ctx, "1")) }},
		{name: "TTL", may: numberReplies, do: func(ctx context.Context) error { return ignore(r.TTL(ctx, "1")) }},
		{name: "Touch", write: true, do: func(ctx context.Context) error { return ignore(r.Touch(ctx, "1")) }},
		{name: "GetField", may: textReplies, do: func(ctx context.Context) error { var s string; return r.GetField(ctx, "1", "name", &s) }},
		{name: "GetField: EXISTS", first: []string{respNil}, do: func(ctx context.Context) error { var s string; return r.GetField(ctx, "1", "name", &s) }},
		{name: "Field.Get", may: textReplies, do: func(ctx context.Context) error { return ignore(name.Get(ctx, r, "1")) }},
		{name: "Mutate", do: func(ctx context.Context) error {
			return ignore(r.Mutate(ctx, "1", func(v *plain) error { v.N++; return nil }))
		}},
		{name: "Mutate: EXEC", first: []string{respNils}, do: func(ctx context.Context) error {
			return ignore(r.Mutate(ctx, "1", func(v *plain) error { v.N++; return nil }))
		}},
		{name: "Mutate: script", write: true, first: []string{record}, do: func(ctx context.Context) error {
			return ignore(r.Mutate(ctx, "1", func(v *plain) error { v.N++; return nil }))
		}},
		{name: "Upsert", write: true, do: func(ctx context.Context) error { return r.Upsert(ctx, "1", full) }},
		{name: "Upsert zero", write: true, do: func(ctx context.Context) error { return r.Upsert(ctx, "1", plain{}) }},
		{name: "Upsert NoTTL", write: true, do: func(ctx context.Context) error { return r.With(hashrepo.NoTTL()).Upsert(ctx, "1", full) }},
		{name: "Upsert KeepTTL", write: true, do: func(ctx context.Context) error { return r.With(hashrepo.KeepTTL()).Upsert(ctx, "1", full) }},
		{name: "Upsert IfExists", write: true, do: func(ctx context.Context) error { return r.With(hashrepo.IfExists()).Upsert(ctx, "1", full) }},
		{name: "UpsertMany", write: true, do: func(ctx context.Context) error {
			return r.UpsertMany(ctx, hashrepo.Record[plain]{ID: "2", Value: full}, hashrepo.Record[plain]{ID: "3", Value: full})
		}},
		{name: "Replace", write: true, do: func(ctx context.Context) error { return r.Replace(ctx, "1", full) }},
		{name: "Update", write: true, do: func(ctx context.Context) error { return r.Update(ctx, "1", name.Set("Bob")) }},
		{name: "Update many", write: true, do: func(ctx context.Context) error { return r.Update(ctx, "1", n.Add(2), tags.Append("b"), name.Clear()) }},
		{name: "Merge", may: "[nil nil nil]", write: true, do: func(ctx context.Context) error { return ignore(r.Merge(ctx, "1", n.Add(1))) }},
		{name: "UpdateField", write: true, do: func(ctx context.Context) error { return r.UpdateField(ctx, "1", "name", "Cid") }},
		{name: "IncrementField", may: "[a], [nil]", write: true, do: func(ctx context.Context) error { return ignore(r.IncrementField(ctx, "1", "n", 1)) }},
		{name: "Number.Increment", may: "[a], [nil]", write: true, do: func(ctx context.Context) error { return ignore(n.Increment(ctx, r, "1", 1)) }},
		{name: "AppendToList", write: true, do: func(ctx context.Context) error { return r.AppendToList(ctx, "1", "tags", "c") }},
		{name: "DeleteField", may: numberReplies, write: true, do: func(ctx context.Context) error { return ignore(r.DeleteField(ctx, "1", "tags")) }},
		{name: "Delete", write: true, do: func(ctx context.Context) error { return ignore(r.Delete(ctx, "1", "2")) }},
		{name: "DeleteAll", may: pageReplies, do: func(ctx context.Context) error { return ignore(r.DeleteAll(ctx)) }},
		{name: "DeleteAll: UNLINK", write: true, first: []string{respScan(key)}, do: func(ctx context.Context) error { return ignore(r.DeleteAll(ctx)) }},
	}
	for i := range calls {
		calls[i].name = repo + "." + calls[i].name
	}
	return calls
}

func oddCalls(t *testing.T, p *pool.Pools) (all []oddCall) {
	t.Helper()
	users, err := symphony.NewUser[plain](p, "acme")
	require.NoError(t, err)
	all = append(all, oddHash("User", users.HashRepo, "acme:user:1")...)
	states, err := symphony.NewStateHandler[plain](p, "acme", "cart")
	require.NoError(t, err)
	all = append(all, oddHash("StateHandler", states.HashRepo, "acme:state:cart:1")...)
	rows, err := symphony.NewTable[plain](p, "acme", "items")
	require.NoError(t, err)
	all = append(all, oddHash("Table", rows.HashRepo, "acme:df:items:pkid:1")...)
	shared, err := symphony.NewSharedState(p, "acme", "42")
	require.NoError(t, err)
	state, err := symphony.StateOf[plain](shared)
	require.NoError(t, err)
	all = append(all, oddHash("StateOf", state, "acme:SS:1:42")...)

	n := hashrepo.NumberOf(func(v *plain) *int64 { return &v.N })
	versioned, err := symphony.NewTable[account](p, "acme", "accounts")
	require.NoError(t, err)
	maps, err := symphony.NewTable[map[string]string](p, "acme", "maps")
	require.NoError(t, err)
	msgpack, err := symphony.NewUser[plain](p, "acme", symphony.Codec(codec.MsgPack))
	require.NoError(t, err)
	cachedUsers, err := symphony.NewUser[plain](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	cachedMaps, err := symphony.NewTable[map[string]string](p, "acme", "maps", symphony.Cached(time.Minute))
	require.NoError(t, err)
	g, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	cachedG, err := symphony.NewGeneric[string](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	ids := 0
	id := func() string { ids++; return fmt.Sprint(ids) } // nothing of it is cached
	entry := respTexts("Ann", "1", `["a"]`, "1")
	add := func(name string, c oddCall) { c.name = name; all = append(all, c) }
	w := func(do func(ctx context.Context) error) oddCall { return oddCall{write: true, do: do} }
	r := func(do func(ctx context.Context) error) oddCall { return oddCall{do: do} }
	after := func(c oddCall, first ...string) oddCall { c.first = first; return c }
	may := func(c oddCall, may ...string) oddCall { c.may = strings.Join(may, ", "); return c }

	add("StateHandler.Merge of the root", may(w(func(ctx context.Context) error { return ignore(states.Merge(ctx, "1", n.Add(1))) }), "[nil nil nil]"))
	add("versioned Upsert", w(func(ctx context.Context) error { return versioned.Upsert(ctx, "1", account{Name: "Ann"}) }))
	add("versioned UpsertMany", w(func(ctx context.Context) error { return versioned.UpsertMany(ctx, hashrepo.Record[account]{ID: "1"}) }))
	add("versioned Replace", w(func(ctx context.Context) error { return versioned.Replace(ctx, "1", account{Name: "Ann"}) }))
	add("versioned UpdateField", w(func(ctx context.Context) error { return versioned.UpdateField(ctx, "1", "name", "Bob") }))
	add("versioned Delete", w(func(ctx context.Context) error {
		return ignore(versioned.With(symphony.IfVersion(1)).Delete(ctx, "1", "2"))
	}))
	add("versioned Mutate: script", after(w(func(ctx context.Context) error {
		return ignore(versioned.Mutate(ctx, "1", func(*account) error { return nil }))
	}), entry))
	add("map Get", may(r(func(ctx context.Context) error { return ignore(maps.Get(ctx, "1")) }), pairReplies))
	add("map GetMany", may(r(func(ctx context.Context) error { return ignore(maps.GetMany(ctx, "1")) }), pairReplies))
	add("map All: HGETALL", may(after(r(func(ctx context.Context) error { return firstError(maps.All(ctx)) }), respScan("acme:df:maps:pkid:1")), pairReplies, "WRONGTYPE error"))
	add("map Mutate", may(r(func(ctx context.Context) error {
		return ignore(maps.Mutate(ctx, "1", func(m *map[string]string) error { (*m) = map[string]string{"x": "y"}; return nil }))
	}), emptyReplies, "[a b]"))
	add("map Merge", may(w(func(ctx context.Context) error {
		return ignore(maps.Merge(ctx, "1", hashrepo.At[map[string]string]("x").Set("y")))
	}), emptyReplies, "[a b]"))
	add("map Upsert", w(func(ctx context.Context) error { return maps.Upsert(ctx, "1", map[string]string{"x": "y"}) }))
	add("other codec Update: HMGET", may(r(func(ctx context.Context) error { return msgpack.Update(ctx, "1", n.Add(1)) }), "[nil], [a]"))
	add("other codec Update: script", after(w(func(ctx context.Context) error { return msgpack.Update(ctx, "1", n.Add(1)) }), respTexts("\x01")))

	add("SharedState.Upsert", w(func(ctx context.Context) error { return shared.Upsert(ctx, "1", symphony.Fields{"a": 1}) }))
	add("SharedState.Get", may(r(func(ctx context.Context) error { return ignore(shared.Get(ctx, "1")) }), pairReplies))
	add("SharedState.GetField", may(r(func(ctx context.Context) error { var s string; return shared.GetField(ctx, "1", "a", &s) }), textReplies))
	add("SharedState.UpdateField", w(func(ctx context.Context) error { return shared.UpdateField(ctx, "1", "a", 1) }))
	add("SharedState.DeleteField", may(w(func(ctx context.Context) error { return ignore(shared.DeleteField(ctx, "1", "a")) }), numberReplies))
	add("SharedState.Delete", w(func(ctx context.Context) error { return ignore(shared.Delete(ctx, "1")) }))
	add("SharedState.Exists", r(func(ctx context.Context) error { return ignore(shared.Exists(ctx, "1")) }))
	add("SharedState.TTL", may(r(func(ctx context.Context) error { return ignore(shared.TTL(ctx, "1")) }), numberReplies))
	add("SharedState.Touch", w(func(ctx context.Context) error { return ignore(shared.Touch(ctx, "1")) }))
	add("SharedState.States", may(r(func(ctx context.Context) error { return ignore(shared.States(ctx)) }), pageReplies))
	add("SharedState.Clear", may(r(func(ctx context.Context) error { return ignore(shared.Clear(ctx)) }), pageReplies))
	add("SharedState.Clear: UNLINK", after(w(func(ctx context.Context) error { return ignore(shared.Clear(ctx)) }), respScan("acme:SS:1:42")))
	add("DeleteAllByPK", may(r(func(ctx context.Context) error { return ignore(symphony.DeleteAllByPK(ctx, p, "acme", "1")) }), pageReplies))
	add("DeleteAllByPK: UNLINK", after(w(func(ctx context.Context) error { return ignore(symphony.DeleteAllByPK(ctx, p, "acme", "1")) }), respScan("acme:df:items:pkid:1")))

	for name, u := range map[string]*symphony.User[plain]{"cached User": cachedUsers} {
		add(name+".Get", r(func(ctx context.Context) error { return ignore(u.Get(ctx, id())) }))
		add(name+".Get: PTTL", may(after(r(func(ctx context.Context) error { return ignore(u.Get(ctx, id())) }), respArray(respNumber(-1), respNils)), numberReplies, "[1 2]"))
		add(name+".GetMany", r(func(ctx context.Context) error { return ignore(u.GetMany(ctx, id(), id())) }))
		add(name+".PeekShared", r(func(ctx context.Context) error { return ignore(u.PeekShared(ctx, id())) }))
	}
	add("cached map.Get", may(r(func(ctx context.Context) error { return ignore(cachedMaps.Get(ctx, id())) }), pairReplies, "[0 []], [a []]"))
	add("cached Generic.Get", may(r(func(ctx context.Context) error { return ignore(cachedG.Get(ctx, id())) }), "[a b]", textReplies, nilReplies))
	add("cached Generic.GetMany", may(r(func(ctx context.Context) error { return ignore(cachedG.GetMany(ctx, id(), id())) }), "[a b]", textReplies, nilReplies))
	add("cached Generic.PeekShared", may(r(func(ctx context.Context) error { return ignore(cachedG.PeekShared(ctx, id())) }), "[a b]", textReplies, nilReplies))

	load := func(context.Context) (string, error) { return "v", nil }
	add("Generic.Get", may(r(func(ctx context.Context) error { return ignore(g.Get(ctx, "1")) }), textReplies, nilReplies))
	add("Generic.GetMany", may(r(func(ctx context.Context) error { return ignore(g.GetMany(ctx, "1", "2")) }), textReplies, nilReplies))
	add("Generic.Exists", r(func(ctx context.Context) error { return ignore(g.Exists(ctx, "1")) }))
	add("Generic.TTL", may(r(func(ctx context.Context) error { return ignore(g.TTL(ctx, "1")) }), numberReplies))
	add("Generic.Touch", w(func(ctx context.Context) error { return ignore(g.Touch(ctx, "1")) }))
	add("Generic.IDs", may(r(func(ctx context.Context) error { return firstError(g.IDs(ctx)) }), pageReplies))
	add("Generic.Set", may(w(func(ctx context.Context) error { return g.Set(ctx, "1", "a") }), textReplies, nilReplies))
	add("Generic.Set IfExists", may(w(func(ctx context.Context) error { return g.With(symphony.IfExists()).Set(ctx, "1", "a") }), textReplies, nilReplies))
	add("Generic.Set IfAbsent", may(w(func(ctx context.Context) error { return g.With(symphony.IfAbsent()).Set(ctx, "1", "a") }), textReplies, nilReplies))
	add("Generic.Set KeepTTL", may(w(func(ctx context.Context) error { return g.With(symphony.KeepTTL()).Set(ctx, "1", "a") }), "[nil], [a]"))
	add("Generic.SetMany", may(w(func(ctx context.Context) error {
		return g.SetMany(ctx, kvrepo.Record[string]{ID: "1"}, kvrepo.Record[string]{ID: "2"})
	}), textReplies, nilReplies))
	add("Generic.SetMany KeepTTL", may(w(func(ctx context.Context) error {
		return g.With(symphony.KeepTTL()).SetMany(ctx, kvrepo.Record[string]{ID: "1"}, kvrepo.Record[string]{ID: "2"})
	}), "[nil], [a]"))
	add("Generic.Swap", may(w(func(ctx context.Context) error { _, _, err := g.Swap(ctx, "1", "b"); return err }), textReplies, nilReplies))
	add("Generic.Swap KeepTTL", may(w(func(ctx context.Context) error {
		_, _, err := g.With(symphony.KeepTTL()).Swap(ctx, "1", "b")
		return err
	}), "[nil], [a]"))
	add("Generic.Mutate", may(r(func(ctx context.Context) error {
		return ignore(g.Mutate(ctx, "1", func(s *string) error { *s = "c"; return nil }))
	}), textReplies))
	add("Generic.Mutate: script", after(w(func(ctx context.Context) error {
		return ignore(g.Mutate(ctx, "1", func(s *string) error { *s = "c"; return nil }))
	}), respText("a")))
	add("Generic.GetOrLoad", may(r(func(ctx context.Context) error { return ignore(g.GetOrLoad(ctx, "1", load)) }), textReplies))
	add("Generic.GetOrLoad: SET", may(after(r(func(ctx context.Context) error { return ignore(g.GetOrLoad(ctx, "1", load)) }), respNil), "OK"))
	add("Generic.GetOrLoad: GET", may(after(r(func(ctx context.Context) error { return ignore(g.GetOrLoad(ctx, "1", load)) }), respNil, respOK), textReplies))
	add("Generic.GetOrLoad: script", may(after(w(func(ctx context.Context) error { return ignore(g.GetOrLoad(ctx, "1", load)) }), respNil, respOK, respNil), "[a]"))
	add("Generic.Delete", w(func(ctx context.Context) error { return ignore(g.Delete(ctx, "1")) }))
	add("Generic.DeleteAll", may(r(func(ctx context.Context) error { return ignore(g.DeleteAll(ctx)) }), pageReplies))
	add("Generic.DeleteAll: UNLINK", after(w(func(ctx context.Context) error { return ignore(g.DeleteAll(ctx)) }), respScan("acme:1")))

	space, err := keyspace.MustCompile("{tenant}:list:{id}").Bind("acme")
	require.NoError(t, err)
	list, err := listrepo.New[string](p, pool.Handlers, space)
	require.NoError(t, err)
	living := list.With(listrepo.TTL(time.Hour))
	add("list Push", w(func(ctx context.Context) error { return ignore(list.Push(ctx, "l", "a")) }))
	add("list Push: renewal", after(w(func(ctx context.Context) error { return ignore(list.Push(ctx, "l", "a")) }), respArray(respNumber(1), respNumber(1))))
	add("list Push of nothing", may(r(func(ctx context.Context) error { return ignore(list.Push(ctx, "l")) }), numberReplies))
	add("list Push TTL", may(w(func(ctx context.Context) error { return ignore(living.Push(ctx, "l", "a")) }), numberReplies))
	add("list Push TTL: renewal", after(w(func(ctx context.Context) error { return ignore(living.Push(ctx, "l", "a")) }), respArray(respNumber(1), respNumber(100))))
	add("list PushFront", w(func(ctx context.Context) error { return ignore(list.PushFront(ctx, "l", "a")) }))
	add("list Pop", w(func(ctx context.Context) error { return ignore(list.Pop(ctx, "l", 1)) }))
	add("list Pop TTL", w(func(ctx context.Context) error { return ignore(living.Pop(ctx, "l", 1)) }))
	add("list Pop KeepTTL", may(w(func(ctx context.Context) error { return ignore(list.With(listrepo.KeepTTL()).Pop(ctx, "l", 1)) }), arrayReplies, nilReplies))
	add("list Trim", w(func(ctx context.Context) error { return list.Trim(ctx, "l", 0, 1) }))
	add("list Trim TTL", w(func(ctx context.Context) error { return living.Trim(ctx, "l", 0, 1) }))
	add("list Trim KeepTTL", may(w(func(ctx context.Context) error { return list.With(listrepo.KeepTTL()).Trim(ctx, "l", 0, 1) }), "OK"))
	add("list Range", may(r(func(ctx context.Context) error { return ignore(list.Range(ctx, "l", 0, -1)) }), arrayReplies))
	add("list All", may(r(func(ctx context.Context) error { return firstError(list.All(ctx, "l")) }), arrayReplies))
	add("list IDs", may(r(func(ctx context.Context) error { return firstError(list.IDs(ctx)) }), pageReplies))
	add("list Len", may(r(func(ctx context.Context) error { return ignore(list.Len(ctx, "l")) }), numberReplies))
	add("list Exists", r(func(ctx context.Context) error { return ignore(list.Exists(ctx, "l")) }))
	add("list TTL", may(r(func(ctx context.Context) error { return ignore(list.TTL(ctx, "l")) }), numberReplies))
	add("list Delete", w(func(ctx context.Context) error { return ignore(list.Delete(ctx, "l")) }))
	add("list Delete: script", after(w(func(ctx context.Context) error { return ignore(list.Delete(ctx, "l")) }), respNumber(1)))

	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	add("Batch.Enqueue", may(w(func(ctx context.Context) error { return ignore(b.Enqueue(ctx, orders, "a")) }), numberReplies))
	add("Batch.Enqueue again", after(w(func(ctx context.Context) error {
		if _, err := b.Enqueue(ctx, orders, "a"); err != nil {
			return fmt.Errorf("the first: %w", err)
		}
		return ignore(b.Enqueue(ctx, orders, "a"))
	}), respNumber(1)))
	add("Batch.Enqueue bounded", may(w(func(ctx context.Context) error { return ignore(b.With(symphony.MaxLen(9)).Enqueue(ctx, orders, "a")) }), numberReplies))
	add("Batch.Chunk", may(r(func(ctx context.Context) error { return ignore(b.Chunk(ctx, orders, 0, -1)) }), arrayReplies))
	add("Batch.Trim", w(func(ctx context.Context) error { return b.Trim(ctx, orders, 0, 7) }))
	add("Batch.Len", may(r(func(ctx context.Context) error { return ignore(b.Len(ctx, orders)) }), numberReplies))
	add("Batch.Backlog", r(func(ctx context.Context) error { return ignore(b.Backlog(ctx, orders)) }))
	add("Batch.Claim", w(func(ctx context.Context) error { return ignore(b.Claim(ctx, orders, 2, time.Minute)) }))
	claimed := respArray(respText("1000000-ABCDEFGHIJKLM"), respNumber(0))
	holding := []string{claimed, respTexts("a", "b")}
	add("Batch.Claim: LRANGE", may(after(w(func(ctx context.Context) error { return ignore(b.Claim(ctx, orders, 2, time.Minute)) }), claimed), arrayReplies))
	add("Batch.Claim: parking", after(w(func(ctx context.Context) error {
		numbers, err := symphony.NewBatch[int](p, "acme")
		if err != nil {
			return err
		}
		c, err := numbers.Claim(ctx, orders, 2, time.Minute)
		if c == nil {
			return err
		}
		var op *symphony.OpError
		if errors.As(err, &op) {
			return err
		}
		return nil
	}), holding...))
	held := func(do func(ctx context.Context, c *listrepo.Claim[string]) error) oddCall {
		return after(w(func(ctx context.Context) error {
			c, err := b.Claim(ctx, orders, 2, time.Minute)
			if err != nil || len(c.Items) != 2 {
				return fmt.Errorf("NO CLAIM %w", err)
			}
			return do(ctx, c)
		}), holding...)
	}
	add("Claim.Ack", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Ack(ctx) }))
	add("Claim.Ack one", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Ack(ctx, c.Items[0]) }))
	add("Claim.Release", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Release(ctx) }))
	add("Claim.Release one", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Release(ctx, c.Items[0]) }))
	add("Claim.Fail", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Fail(ctx, errors.New("no")) }))
	add("Claim.Return", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Return(ctx) }))
	add("Claim.Extend", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Extend(ctx, time.Minute) }))
	add("Claim.Next", held(func(ctx context.Context, c *listrepo.Claim[string]) error { return ignore(c.Next(ctx, 2, time.Minute)) }))
	next := held(func(ctx context.Context, c *listrepo.Claim[string]) error { return ignore(c.Next(ctx, 2, time.Minute)) })
	next.first = append(append([]string{}, holding...), respArray(respText("1000000-ABCDEFGHIJKLN"), respNumber(1)))
	add("Claim.Next: LRANGE", may(next, arrayReplies))
	add("Batch.Process", w(func(ctx context.Context) error {
		return ignore(b.Process(ctx, orders, 2, func(context.Context, []listrepo.Item[string]) error { return nil }))
	}))
	add("Batch.Process: acking", after(w(func(ctx context.Context) error {
		return ignore(b.Process(ctx, orders, 2, func(context.Context, []listrepo.Item[string]) error { return nil }))
	}), holding...))
	add("Batch.Dead", may(r(func(ctx context.Context) error { return firstError(b.Dead(ctx, orders)) }), pageReplies))
	add("Batch.Retry", w(func(ctx context.Context) error { return ignore(b.Retry(ctx, orders, "1")) }))
	add("Batch.Discard", may(w(func(ctx context.Context) error { return ignore(b.Discard(ctx, orders, "1")) }), numberReplies))
	add("PendingTenants", may(r(func(ctx context.Context) error { return ignore(symphony.PendingTenants(ctx, p, "chat")) }), arrayReplies))
	member := "acme:user:reply"
	empty := respArray()
	busy := respTexts(member)
	remove := func(ctx context.Context) error { return ignore(symphony.RemoveFromPending(ctx, p, "chat", "acme")) }
	add("RemoveFromPending", r(remove))
	add("RemoveFromPending: ZRANGE", after(r(remove), empty))
	add("RemoveFromPending: script", after(w(remove), respTexts("acme"), busy))
	add("RemoveFromPending: SCAN", after(r(remove), empty, empty))
	add("RemoveFromPending: leaving", may(after(w(remove), empty, empty, respScan()), numberReplies, "[1 2]"))
	add("RemoveFromPending: second look", after(r(remove), empty, empty, respScan(), respArray(respNumber(1), respNumber(1))))
	add("RemoveFromPending: second SCAN", after(r(remove), empty, empty, respScan(), respArray(respNumber(1), respNumber(1)), empty, empty))
	add("RemoveFromPending: gone", may(after(w(remove), empty, empty, respScan(), respArray(respNumber(1), respNumber(1)), empty, empty, respScan()), numberReplies, "[1], [1 2]"))
	force := func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "chat", "acme") }
	add("ForceRemoveFromPending", w(force))
	add("ForceRemoveFromPending: look", after(w(force), respArray(respNumber(1), respNumber(1))))
	add("ForceRemoveFromPending: script", after(w(force), respArray(respNumber(1), respNumber(1)), empty, busy))
	add("ForceRemoveFromPending: removing", may(after(w(force), respArray(respNumber(1), respNumber(1)), empty, empty), numberReplies, "[1 2]"))
	add("ForceRemoveFromPending of no tenant", may(w(func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "chat", "") }), numberReplies, "[1 2]"))

	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	add("Trigger.Set", may(w(func(ctx context.Context) error { return tr.Set(ctx, "x", "1", time.Hour) }), "1 as text"))
	add("Trigger.SetPayload", may(w(func(ctx context.Context) error { return tr.SetPayload(ctx, "x", "1", 1, time.Hour) }), "1 as text"))
	add("Trigger.Debounce", may(w(func(ctx context.Context) error { return tr.Debounce(ctx, "x", "1", time.Hour, time.Hour) }), "1 as text"))
	add("Trigger.Delete", w(func(ctx context.Context) error { return ignore(tr.Delete(ctx, "x", "1")) }))
	add("Trigger.Due", may(r(func(ctx context.Context) error { return ignore(tr.Due(ctx, "x", "1")) }), numberReplies, nilReplies, "1 as text", "-7"))
	add("Trigger.DeleteAll", may(r(func(ctx context.Context) error { return ignore(tr.DeleteAll(ctx, "1")) }), pageReplies))
	add("Trigger.DeleteAll: schedules", after(r(func(ctx context.Context) error { return ignore(tr.DeleteAll(ctx, "1")) }), respScan("acme:EXPTRIGGER:x:1")))
	add("Trigger.DeleteAll: script", after(w(func(ctx context.Context) error { return ignore(tr.DeleteAll(ctx, "1")) }), respScan("acme:EXPTRIGGER:x:1"), respScan()))

	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("x", func(context.Context, expiry.Event) error { return nil }))
	l, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler), StopTimeout: 20 * time.Millisecond})
	require.NoError(t, err)
	score := respArray(respArray(respText("1|acme:EXPTRIGGER:x:1"), ",1\r\n"))
	add("Listener.Dead", may(r(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), emptyReplies))
	add("Listener.Dead: page", may(after(r(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score), emptyReplies))
	add("Listener.Dead: records", may(after(r(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score, score), "[a]"))
	add("Listener.Dead: payloads", after(r(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score, score, respTexts("20 20 0 2 no")))
	add("Listener.Dead: place", after(r(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score, score, respTexts("20 20 0 2 no"), respArray(respNil)))
	letter := expiry.Event{Tenant: "acme", Action: "x", ID: "1", DueAt: time.UnixMilli(1)}
	add("Listener.Retry", w(func(ctx context.Context) error { return l.Retry(ctx, letter) }))
	add("Listener.Discard", w(func(ctx context.Context) error { return l.Discard(ctx, letter) }))
	return all
}

// Whatever a server replies, no call panics or hangs, and a reply of another
// shape than the command has is an error that says so.
func TestNoReplyIsTakenForAnother(t *testing.T) {
	s, p := oddServer(t)
	for _, call := range oddCalls(t, p) {
		may := strings.Split(call.may, ", ")
		for name, reply := range oddReplies {
			for _, each := range []bool{false, true} {
				problem := "not tried"
				for range 3 { // a late command of the call before may take a reply
					s.SetReply(reply, each, call.first...)
					if problem = call.problem(t, name, slices.Contains(may, name)); problem == "" {
						break
					}
				}
				if problem != "" {
					t.Errorf("%s takes %s, each %v: %s", call.name, name, each, problem)
				}
			}
		}
	}
}

// problem makes a call that gets the odd reply with a name, and says what is
// wrong with the result.
func (c oddCall) problem(t *testing.T, name string, may bool) string {
	t.Helper()
	begun := time.Now()
	err := survive(t, c)
	var op *symphony.OpError
	switch {
	case time.Since(begun) > 5*time.Second:
		return fmt.Sprintf("it took %v", time.Since(begun))
	case may:
		return ""
	case err == nil:
		return "it has no error"
	case !saysWhy(err, name):
		return err.Error()
	case c.write && errors.Is(err, symphony.ErrUnexpectedReply) && errors.As(err, &op) && !op.MaybeApplied():
		return "MaybeApplied is false: " + err.Error()
	}
	return ""
}

// saysWhy reports whether err is that of an unexpected reply, of the server if
// the reply was an error, or of the deadline if the client tried again.
func saysWhy(err error, name string) bool {
	var timeout net.Error
	return errors.Is(err, symphony.ErrUnexpectedReply) ||
		errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() ||
		strings.Contains(strings.ToLower(name), "error")
}

// A worker and a listener do not call a handler for a reply that is no claim.
func TestNoHandlerRunsForAnOddReply(t *testing.T) {
	s, p := oddServer(t)
	registry := expiry.NewRegistry()
	var called atomic.Bool
	require.NoError(t, registry.On("x", func(context.Context, expiry.Event) error { called.Store(true); return nil }))
	l, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler), StopTimeout: time.Millisecond})
	require.NoError(t, err)
	work := func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error {
		called.Store(true)
		return nil
	}
	for name, reply := range oddReplies {
		s.SetReply(reply, true)
		_ = survive(t, oddCall{name: "Run", do: l.Run})
		_ = survive(t, oddCall{name: "WorkBatches", do: func(ctx context.Context) error {
			return symphony.WorkBatches(ctx, p, "chat", work, symphony.WorkConfig{OnError: func(*symphony.WorkError) {}, StopTimeout: time.Millisecond})
		}})
		require.False(t, called.Load(), name)
	}
}

func oddServer(t *testing.T) (*redistest.FakeServer, *pool.Pools) {
	t.Helper()
	s := redistest.NewFakeServer(t)
	p, err := pool.Open(t.Context(), pool.Config{URL: s.URL(), Logger: slog.New(slog.DiscardHandler), Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return s, p
}

// survive makes a call that ends soon, since some try again until their context
// ends.
func survive(t *testing.T, call oddCall) error {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s panics: %v\n%s", call.name, r, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	return call.do(ctx)
}

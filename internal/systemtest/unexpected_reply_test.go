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
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// respReplies are replies in RESP. Each is valid for some commands and
// unexpected for the others.
var respReplies = map[string]string{
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

// replyCase is a call of which one command receives an unexpected reply.
type replyCase struct {
	name    string
	earlier []string // the replies to the commands before it
	accepts string   // names of the replies that are valid for the command
	write   bool     // the command changes data
	do      func(ctx context.Context) error
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

// respScan is a SCAN reply with keys and a cursor of 0.
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

func hashReplyCases(repo string, r *hashrepo.HashRepo[plainRecord], key string) []replyCase {
	n := hashrepo.NumberOf(func(v *plainRecord) *int64 { return &v.N })
	name := hashrepo.FieldOf(func(v *plainRecord) *string { return &v.Name })
	tags := hashrepo.ListOf(func(v *plainRecord) *[]string { return &v.Tags })
	full := plainRecord{Name: "Ann", N: 1, Tags: []string{"a"}}
	record := respTexts("Ann", "1", `["a"]`)
	calls := []replyCase{
		{name: "Get", do: func(ctx context.Context) error { return errorOf(r.Get(ctx, "1")) }},
		{name: "Get: EXISTS", earlier: []string{respNils}, do: func(ctx context.Context) error { return errorOf(r.Get(ctx, "1")) }},
		{name: "Get: EXEC", earlier: []string{respNils, respNumber(1)}, do: func(ctx context.Context) error { return errorOf(r.Get(ctx, "1")) }},
		{name: "GetMany", do: func(ctx context.Context) error { return errorOf(r.GetMany(ctx, "1", "2")) }},
		{name: "GetMany: EXISTS", earlier: []string{respNils, record}, do: func(ctx context.Context) error { return errorOf(r.GetMany(ctx, "1", "2")) }},
		{name: "GetMany: EXEC", earlier: []string{respNils, record, respNumber(1)}, do: func(ctx context.Context) error { return errorOf(r.GetMany(ctx, "1", "2")) }},
		{name: "All", accepts: pageReplies, do: func(ctx context.Context) error { return firstError(r.All(ctx)) }},
		{name: "All: HMGET", accepts: "WRONGTYPE error", earlier: []string{respScan(key)}, do: func(ctx context.Context) error { return firstError(r.All(ctx)) }},
		{name: "All: EXISTS", earlier: []string{respScan(key), respNils}, do: func(ctx context.Context) error { return firstError(r.All(ctx)) }},
		{name: "IDs", accepts: pageReplies, do: func(ctx context.Context) error { return firstError(r.IDs(ctx)) }},
		{name: "Find", accepts: pageReplies, do: func(ctx context.Context) error { return firstError(r.Find(ctx, name.Eq("Ann"))) }},
		{name: "Find: the field", accepts: "[nil], [a], WRONGTYPE error", earlier: []string{respScan(key)}, do: func(ctx context.Context) error { return firstError(r.Find(ctx, name.Eq("Ann"))) }},
		{name: "Find: the record", accepts: "[nil nil nil]", earlier: []string{respScan(key), respTexts("Ann")}, do: func(ctx context.Context) error { return firstError(r.Find(ctx, name.Eq("Ann"))) }},
		{name: "FindOne: the field", accepts: "[nil], [a], WRONGTYPE error", earlier: []string{respScan(key)}, do: func(ctx context.Context) error { return errorOf(r.FindOne(ctx, name.Eq("Ann"))) }},
		{name: "FindByField: the field", accepts: "[nil], [a], WRONGTYPE error", earlier: []string{respScan(key)}, do: func(ctx context.Context) error { return errorOf(r.FindByField(ctx, "name", "Ann")) }},
		{name: "Exists", do: func(ctx context.Context) error { return errorOf(r.Exists(ctx, "1")) }},
		{name: "TTL", accepts: numberReplies, do: func(ctx context.Context) error { return errorOf(r.TTL(ctx, "1")) }},
		{name: "Touch", write: true, do: func(ctx context.Context) error { return errorOf(r.Touch(ctx, "1")) }},
		{name: "GetField", accepts: textReplies, do: func(ctx context.Context) error { var s string; return r.GetField(ctx, "1", "name", &s) }},
		{name: "GetField: EXISTS", earlier: []string{respNil}, do: func(ctx context.Context) error { var s string; return r.GetField(ctx, "1", "name", &s) }},
		{name: "Field.Get", accepts: textReplies, do: func(ctx context.Context) error { return errorOf(name.Get(ctx, r, "1")) }},
		{name: "Mutate", do: func(ctx context.Context) error {
			return errorOf(r.Mutate(ctx, "1", func(v *plainRecord) error { v.N++; return nil }))
		}},
		{name: "Mutate: EXEC", earlier: []string{respNils}, do: func(ctx context.Context) error {
			return errorOf(r.Mutate(ctx, "1", func(v *plainRecord) error { v.N++; return nil }))
		}},
		{name: "Mutate: script", write: true, earlier: []string{record}, do: func(ctx context.Context) error {
			return errorOf(r.Mutate(ctx, "1", func(v *plainRecord) error { v.N++; return nil }))
		}},
		{name: "Upsert", write: true, do: func(ctx context.Context) error { return r.Upsert(ctx, "1", full) }},
		{name: "Upsert zero", write: true, do: func(ctx context.Context) error { return r.Upsert(ctx, "1", plainRecord{}) }},
		{name: "Upsert NoTTL", write: true, do: func(ctx context.Context) error { return r.With(hashrepo.NoTTL()).Upsert(ctx, "1", full) }},
		{name: "Upsert KeepTTL", write: true, do: func(ctx context.Context) error { return r.With(hashrepo.KeepTTL()).Upsert(ctx, "1", full) }},
		{name: "Upsert IfExists", write: true, do: func(ctx context.Context) error { return r.With(hashrepo.IfExists()).Upsert(ctx, "1", full) }},
		{name: "UpsertMany", write: true, do: func(ctx context.Context) error {
			return r.UpsertMany(ctx, hashrepo.Record[plainRecord]{ID: "2", Value: full}, hashrepo.Record[plainRecord]{ID: "3", Value: full})
		}},
		{name: "Replace", write: true, do: func(ctx context.Context) error { return r.Replace(ctx, "1", full) }},
		{name: "Update", write: true, do: func(ctx context.Context) error { return r.Update(ctx, "1", name.Set("Bob")) }},
		{name: "Update many", write: true, do: func(ctx context.Context) error { return r.Update(ctx, "1", n.Add(2), tags.Append("b"), name.Clear()) }},
		{name: "Merge", accepts: "[nil nil nil]", write: true, do: func(ctx context.Context) error { return errorOf(r.Merge(ctx, "1", n.Add(1))) }},
		{name: "UpdateField", write: true, do: func(ctx context.Context) error { return r.UpdateField(ctx, "1", "name", "Cid") }},
		{name: "IncrementField", accepts: numberReplies + ", -7", write: true, do: func(ctx context.Context) error { return errorOf(r.IncrementField(ctx, "1", "n", 1)) }},
		{name: "Number.Increment", accepts: numberReplies + ", -7", write: true, do: func(ctx context.Context) error { return errorOf(n.Increment(ctx, r, "1", 1)) }},
		{name: "AppendToList", write: true, do: func(ctx context.Context) error { return r.AppendToList(ctx, "1", "tags", "c") }},
		{name: "DeleteField", accepts: numberReplies, write: true, do: func(ctx context.Context) error { return errorOf(r.DeleteField(ctx, "1", "tags")) }},
		{name: "Delete", write: true, do: func(ctx context.Context) error { return errorOf(r.Delete(ctx, "1", "2")) }},
		{name: "DeleteAll", accepts: pageReplies, do: func(ctx context.Context) error { return errorOf(r.DeleteAll(ctx)) }},
		{name: "DeleteAll: UNLINK", write: true, earlier: []string{respScan(key)}, do: func(ctx context.Context) error { return errorOf(r.DeleteAll(ctx)) }},
	}
	for i := range calls {
		calls[i].name = repo + "." + calls[i].name
	}
	return calls
}

// indexedName is a record type with an index.
type indexedName struct {
	Name string `redis:"name,index"`
}

// indexReplyCases returns the calls that read the list or an index. Each call
// is for a new tenant, whose indexes are not known to be complete.
func indexReplyCases(p *pool.Pools) (all []replyCase) {
	name := hashrepo.TextOf(func(v *indexedName) *string { return &v.Name })
	calls := map[string]func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error{
		"Find": func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error {
			return firstError(r.Find(ctx, name.Eq("Ann")))
		},
		"FindOne": func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error {
			return errorOf(r.FindOne(ctx, name.Eq("Ann")))
		},
		"Count": func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error {
			return errorOf(r.Count(ctx, name.Eq("Ann")))
		},
		"Page": func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error {
			return errorOf(r.Page(ctx, hashrepo.Query[indexedName]{Order: name.Asc(), Limit: 2}))
		},
	}
	tenants := 0
	inNewTenant := func(call func(context.Context, *hashrepo.HashRepo[indexedName]) error) func(context.Context) error {
		return func(ctx context.Context) error {
			tenants++
			users, err := symphony.NewUser[indexedName](p, fmt.Sprint("tenant", tenants))
			if err != nil {
				return err
			}
			return call(ctx, users.HashRepo)
		}
	}
	sweep := inNewTenant(func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error { return errorOf(r.Sweep(ctx)) })
	reindex := inNewTenant(func(ctx context.Context, r *hashrepo.HashRepo[indexedName]) error { return firstError(r.Reindex(ctx)) })
	all = append(all,
		replyCase{name: "indexed Sweep", write: true, do: sweep},
		replyCase{name: "indexed Reindex: SCAN", do: reindex})
	for method, call := range calls {
		do := inNewTenant(call)
		complete := respTexts("1")
		all = append(all,
			replyCase{name: "indexed " + method + ": the list is complete", accepts: "[nil], [a]", do: do},
			replyCase{name: "indexed " + method + ": the index is complete", accepts: "[nil], [a]", earlier: []string{complete}, do: do},
			replyCase{name: "indexed " + method + ": script", earlier: []string{complete, complete}, do: do})
	}
	return all
}

func replyCases(t *testing.T, p *pool.Pools) (all []replyCase) {
	t.Helper()
	users, err := symphony.NewUser[plainRecord](p, "acme")
	require.NoError(t, err)
	all = append(all, hashReplyCases("User", users.HashRepo, "acme:user:1")...)
	states, err := symphony.NewStateHandler[plainRecord](p, "acme", "cart")
	require.NoError(t, err)
	all = append(all, hashReplyCases("StateHandler", states.HashRepo, "acme:state:cart:1")...)
	rows, err := symphony.NewTable[plainRecord](p, "acme", "items")
	require.NoError(t, err)
	all = append(all, hashReplyCases("Table", rows.HashRepo, "acme:df:items:pkid:1")...)
	shared, err := symphony.NewSharedState(p, "acme", "42")
	require.NoError(t, err)
	state, err := symphony.StateOf[plainRecord](shared)
	require.NoError(t, err)
	all = append(all, hashReplyCases("StateOf", state, "acme:SS:1:42")...)

	n := hashrepo.NumberOf(func(v *plainRecord) *int64 { return &v.N })
	versioned, err := symphony.NewTable[versionedRecord](p, "acme", "accounts")
	require.NoError(t, err)
	maps, err := symphony.NewTable[map[string]string](p, "acme", "maps")
	require.NoError(t, err)
	msgpack, err := symphony.NewUser[plainRecord](p, "acme", symphony.Codec(codec.MsgPack))
	require.NoError(t, err)
	cachedUsers, err := symphony.NewUser[plainRecord](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	cachedMaps, err := symphony.NewTable[map[string]string](p, "acme", "maps", symphony.Cached(time.Minute))
	require.NoError(t, err)
	g, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	cachedG, err := symphony.NewGeneric[string](p, "acme", symphony.Cached(time.Minute))
	require.NoError(t, err)
	ids := 0
	id := func() string { ids++; return fmt.Sprint(ids) } // a new id, which is not cached
	entry := respTexts("Ann", "1", `["a"]`, "1")
	add := func(name string, c replyCase) { c.name = name; all = append(all, c) }
	write := func(do func(ctx context.Context) error) replyCase { return replyCase{write: true, do: do} }
	read := func(do func(ctx context.Context) error) replyCase { return replyCase{do: do} }
	after := func(c replyCase, earlier ...string) replyCase { c.earlier = earlier; return c }
	accepts := func(c replyCase, names ...string) replyCase { c.accepts = strings.Join(names, ", "); return c }

	add("StateHandler.Merge of the root", accepts(write(func(ctx context.Context) error { return errorOf(states.Merge(ctx, "1", n.Add(1))) }), "[nil nil nil]"))
	add("versioned Upsert", write(func(ctx context.Context) error { return versioned.Upsert(ctx, "1", versionedRecord{Name: "Ann"}) }))
	add("versioned UpsertMany", write(func(ctx context.Context) error {
		return versioned.UpsertMany(ctx, hashrepo.Record[versionedRecord]{ID: "1"})
	}))
	add("versioned Replace", write(func(ctx context.Context) error { return versioned.Replace(ctx, "1", versionedRecord{Name: "Ann"}) }))
	add("versioned UpdateField", write(func(ctx context.Context) error { return versioned.UpdateField(ctx, "1", "name", "Bob") }))
	add("versioned Delete", write(func(ctx context.Context) error {
		return errorOf(versioned.With(symphony.IfVersion(1)).Delete(ctx, "1", "2"))
	}))
	add("versioned Mutate: script", after(write(func(ctx context.Context) error {
		return errorOf(versioned.Mutate(ctx, "1", func(*versionedRecord) error { return nil }))
	}), entry))
	add("map Get", accepts(read(func(ctx context.Context) error { return errorOf(maps.Get(ctx, "1")) }), pairReplies))
	add("map GetMany", accepts(read(func(ctx context.Context) error { return errorOf(maps.GetMany(ctx, "1")) }), pairReplies))
	add("map All: HGETALL", accepts(after(read(func(ctx context.Context) error { return firstError(maps.All(ctx)) }), respScan("acme:df:maps:pkid:1")), pairReplies, "WRONGTYPE error"))
	add("map Mutate", accepts(read(func(ctx context.Context) error {
		return errorOf(maps.Mutate(ctx, "1", func(m *map[string]string) error { (*m) = map[string]string{"x": "y"}; return nil }))
	}), emptyReplies, "[a b]"))
	add("map Merge", accepts(write(func(ctx context.Context) error {
		return errorOf(maps.Merge(ctx, "1", hashrepo.At[map[string]string]("x").Set("y")))
	}), emptyReplies, "[a b]"))
	add("map Upsert", write(func(ctx context.Context) error { return maps.Upsert(ctx, "1", map[string]string{"x": "y"}) }))
	add("other codec Update: HMGET", accepts(read(func(ctx context.Context) error { return msgpack.Update(ctx, "1", n.Add(1)) }), "[nil], [a]"))
	add("other codec Update: script", after(write(func(ctx context.Context) error { return msgpack.Update(ctx, "1", n.Add(1)) }), respTexts("\x01")))

	all = append(all, indexReplyCases(p)...)

	add("SharedState.Upsert", write(func(ctx context.Context) error { return shared.Upsert(ctx, "1", symphony.Fields{"a": 1}) }))
	add("SharedState.Get", accepts(read(func(ctx context.Context) error { return errorOf(shared.Get(ctx, "1")) }), pairReplies))
	add("SharedState.GetField", accepts(read(func(ctx context.Context) error { var s string; return shared.GetField(ctx, "1", "a", &s) }), textReplies))
	add("SharedState.UpdateField", write(func(ctx context.Context) error { return shared.UpdateField(ctx, "1", "a", 1) }))
	add("SharedState.DeleteField", accepts(write(func(ctx context.Context) error { return errorOf(shared.DeleteField(ctx, "1", "a")) }), numberReplies))
	add("SharedState.Delete", write(func(ctx context.Context) error { return errorOf(shared.Delete(ctx, "1")) }))
	add("SharedState.Exists", read(func(ctx context.Context) error { return errorOf(shared.Exists(ctx, "1")) }))
	add("SharedState.TTL", accepts(read(func(ctx context.Context) error { return errorOf(shared.TTL(ctx, "1")) }), numberReplies))
	add("SharedState.Touch", write(func(ctx context.Context) error { return errorOf(shared.Touch(ctx, "1")) }))
	add("SharedState.States", accepts(read(func(ctx context.Context) error { return errorOf(shared.States(ctx)) }), pageReplies))
	add("SharedState.Clear", accepts(read(func(ctx context.Context) error { return errorOf(shared.Clear(ctx)) }), pageReplies))
	add("SharedState.Clear: UNLINK", after(write(func(ctx context.Context) error { return errorOf(shared.Clear(ctx)) }), respScan("acme:SS:1:42")))
	deleteAllByPK := func(ctx context.Context) error { return errorOf(symphony.DeleteAllByPK(ctx, p, "acme", "1")) }
	deleteListedByPK := func(ctx context.Context) error {
		return errorOf(symphony.DeleteAllByPK(ctx, p, "acme", "1", symphony.Listed()))
	}
	row, reference := respScan("acme:df:items:pkid:1"), "19:acme:df:items:pkid:0:%ids:{acme:df:items:pkid:}"
	add("DeleteAllByPK", accepts(read(deleteAllByPK), pageReplies))
	add("DeleteAllByPK: EXISTS", after(read(deleteAllByPK), row))
	add("DeleteAllByPK: UNLINK", after(write(deleteAllByPK), row, respNumber(0)))
	add("DeleteAllByPK: script", accepts(after(write(deleteAllByPK), row, respNumber(1)), "WRONGTYPE error"))
	add("DeleteAllByPK Listed", accepts(read(deleteListedByPK), pageReplies))
	add("DeleteAllByPK Listed: script", accepts(after(write(deleteListedByPK), respScan(reference, "1")), "WRONGTYPE error"))

	for name, u := range map[string]*symphony.User[plainRecord]{"cached User": cachedUsers} {
		add(name+".Get", read(func(ctx context.Context) error { return errorOf(u.Get(ctx, id())) }))
		add(name+".Get: PTTL", accepts(after(read(func(ctx context.Context) error { return errorOf(u.Get(ctx, id())) }), respArray(respNumber(-1), respNils)), numberReplies, "[1 2]"))
		add(name+".GetMany", read(func(ctx context.Context) error { return errorOf(u.GetMany(ctx, id(), id())) }))
		add(name+".PeekShared", read(func(ctx context.Context) error { return errorOf(u.PeekShared(ctx, id())) }))
	}
	add("cached map.Get", accepts(read(func(ctx context.Context) error { return errorOf(cachedMaps.Get(ctx, id())) }), pairReplies, "[0 []], [a []]"))
	add("cached Generic.Get", accepts(read(func(ctx context.Context) error { return errorOf(cachedG.Get(ctx, id())) }), "[a b]", textReplies, nilReplies))
	add("cached Generic.GetMany", accepts(read(func(ctx context.Context) error { return errorOf(cachedG.GetMany(ctx, id(), id())) }), "[a b]", textReplies, nilReplies))
	add("cached Generic.PeekShared", accepts(read(func(ctx context.Context) error { return errorOf(cachedG.PeekShared(ctx, id())) }), "[a b]", textReplies, nilReplies))

	load := func(context.Context) (string, error) { return "v", nil }
	add("Generic.Get", accepts(read(func(ctx context.Context) error { return errorOf(g.Get(ctx, "1")) }), textReplies, nilReplies))
	add("Generic.GetMany", accepts(read(func(ctx context.Context) error { return errorOf(g.GetMany(ctx, "1", "2")) }), textReplies, nilReplies))
	add("Generic.Exists", read(func(ctx context.Context) error { return errorOf(g.Exists(ctx, "1")) }))
	add("Generic.TTL", accepts(read(func(ctx context.Context) error { return errorOf(g.TTL(ctx, "1")) }), numberReplies))
	add("Generic.Touch", write(func(ctx context.Context) error { return errorOf(g.Touch(ctx, "1")) }))
	add("Generic.IDs", accepts(read(func(ctx context.Context) error { return firstError(g.IDs(ctx)) }), pageReplies))
	add("Generic.Set", accepts(write(func(ctx context.Context) error { return g.Set(ctx, "1", "a") }), textReplies, nilReplies))
	add("Generic.Set IfExists", accepts(write(func(ctx context.Context) error { return g.With(symphony.IfExists()).Set(ctx, "1", "a") }), textReplies, nilReplies))
	add("Generic.Set IfAbsent", accepts(write(func(ctx context.Context) error { return g.With(symphony.IfAbsent()).Set(ctx, "1", "a") }), textReplies, nilReplies))
	add("Generic.Set KeepTTL", accepts(write(func(ctx context.Context) error { return g.With(symphony.KeepTTL()).Set(ctx, "1", "a") }), "[nil], [a]"))
	add("Generic.SetMany", accepts(write(func(ctx context.Context) error {
		return g.SetMany(ctx, kvrepo.Record[string]{ID: "1"}, kvrepo.Record[string]{ID: "2"})
	}), textReplies, nilReplies))
	add("Generic.SetMany KeepTTL", accepts(write(func(ctx context.Context) error {
		return g.With(symphony.KeepTTL()).SetMany(ctx, kvrepo.Record[string]{ID: "1"}, kvrepo.Record[string]{ID: "2"})
	}), "[nil], [a]"))
	add("Generic.Swap", accepts(write(func(ctx context.Context) error { _, _, err := g.Swap(ctx, "1", "b"); return err }), textReplies, nilReplies))
	add("Generic.Swap KeepTTL", accepts(write(func(ctx context.Context) error {
		_, _, err := g.With(symphony.KeepTTL()).Swap(ctx, "1", "b")
		return err
	}), "[nil], [a]"))
	add("Generic.Mutate", accepts(read(func(ctx context.Context) error {
		return errorOf(g.Mutate(ctx, "1", func(s *string) error { *s = "c"; return nil }))
	}), textReplies))
	add("Generic.Mutate: script", after(write(func(ctx context.Context) error {
		return errorOf(g.Mutate(ctx, "1", func(s *string) error { *s = "c"; return nil }))
	}), respText("a")))
	add("Generic.GetOrLoad", accepts(read(func(ctx context.Context) error { return errorOf(g.GetOrLoad(ctx, "1", load)) }), textReplies))
	add("Generic.GetOrLoad: SET", accepts(after(read(func(ctx context.Context) error { return errorOf(g.GetOrLoad(ctx, "1", load)) }), respNil), "OK"))
	add("Generic.GetOrLoad: GET", accepts(after(read(func(ctx context.Context) error { return errorOf(g.GetOrLoad(ctx, "1", load)) }), respNil, respOK), textReplies))
	add("Generic.GetOrLoad: script", accepts(after(write(func(ctx context.Context) error { return errorOf(g.GetOrLoad(ctx, "1", load)) }), respNil, respOK, respNil), "[a]"))
	add("Generic.Delete", write(func(ctx context.Context) error { return errorOf(g.Delete(ctx, "1")) }))
	add("Generic.DeleteAll", accepts(read(func(ctx context.Context) error { return errorOf(g.DeleteAll(ctx)) }), pageReplies))
	add("Generic.DeleteAll: UNLINK", after(write(func(ctx context.Context) error { return errorOf(g.DeleteAll(ctx)) }), respScan("acme:1")))

	f, err := symphony.NewFeed[string](p, "acme", "answers")
	require.NoError(t, err)
	topic, err := symphony.NewTopic[string](p, "acme", "news")
	require.NoError(t, err)
	add("Feed.Append", write(func(ctx context.Context) error { return errorOf(f.Append(ctx, "1", "a")) }))
	add("Feed.Append of nothing", accepts(read(func(ctx context.Context) error { return errorOf(f.Append(ctx, "1")) }), emptyReplies))
	add("Feed.End", write(func(ctx context.Context) error { return f.End(ctx, "1") }))
	add("Feed.Read", accepts(read(func(ctx context.Context) error { return errorOf(f.Read(ctx, "1", "", 2)) }), emptyReplies))
	add("Feed.Follow", read(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond) // an empty page is waited for
		defer cancel()
		return firstError(f.Follow(ctx, "1", ""))
	}))
	add("Feed.Ended", accepts(read(func(ctx context.Context) error { return errorOf(f.Ended(ctx, "1")) }), emptyReplies))
	add("Feed.Len", accepts(read(func(ctx context.Context) error { return errorOf(f.Len(ctx, "1")) }), numberReplies))
	add("Feed.Exists", read(func(ctx context.Context) error { return errorOf(f.Exists(ctx, "1")) }))
	add("Feed.TTL", accepts(read(func(ctx context.Context) error { return errorOf(f.TTL(ctx, "1")) }), numberReplies))
	add("Feed.Touch", write(func(ctx context.Context) error { return errorOf(f.Touch(ctx, "1")) }))
	add("Feed.Delete", write(func(ctx context.Context) error { return errorOf(f.Delete(ctx, "1")) }))
	add("Topic.Publish", accepts(write(func(ctx context.Context) error { return errorOf(topic.Publish(ctx, "a")) }), numberReplies))

	space, err := keyspace.MustCompile("{tenant}:list:{id}").Bind("acme")
	require.NoError(t, err)
	list, err := listrepo.New[string](p, pool.Handlers, space)
	require.NoError(t, err)
	expiring := list.With(listrepo.TTL(time.Hour))
	add("list Push", write(func(ctx context.Context) error { return errorOf(list.Push(ctx, "l", "a")) }))
	add("list Push: renewal", after(write(func(ctx context.Context) error { return errorOf(list.Push(ctx, "l", "a")) }), respArray(respNumber(1), respNumber(1))))
	add("list Push of nothing", accepts(read(func(ctx context.Context) error { return errorOf(list.Push(ctx, "l")) }), numberReplies))
	add("list Push TTL", accepts(write(func(ctx context.Context) error { return errorOf(expiring.Push(ctx, "l", "a")) }), numberReplies))
	add("list Push TTL: renewal", after(write(func(ctx context.Context) error { return errorOf(expiring.Push(ctx, "l", "a")) }), respArray(respNumber(1), respNumber(100))))
	add("list PushFront", write(func(ctx context.Context) error { return errorOf(list.PushFront(ctx, "l", "a")) }))
	add("list Pop", write(func(ctx context.Context) error { return errorOf(list.Pop(ctx, "l", 1)) }))
	add("list Pop TTL", write(func(ctx context.Context) error { return errorOf(expiring.Pop(ctx, "l", 1)) }))
	add("list Pop KeepTTL", accepts(write(func(ctx context.Context) error { return errorOf(list.With(listrepo.KeepTTL()).Pop(ctx, "l", 1)) }), arrayReplies, nilReplies))
	add("list Trim", write(func(ctx context.Context) error { return list.Trim(ctx, "l", 0, 1) }))
	add("list Trim TTL", write(func(ctx context.Context) error { return expiring.Trim(ctx, "l", 0, 1) }))
	add("list Trim KeepTTL", accepts(write(func(ctx context.Context) error { return list.With(listrepo.KeepTTL()).Trim(ctx, "l", 0, 1) }), "OK"))
	add("list Range", accepts(read(func(ctx context.Context) error { return errorOf(list.Range(ctx, "l", 0, -1)) }), arrayReplies))
	add("list All", accepts(read(func(ctx context.Context) error { return firstError(list.All(ctx, "l")) }), arrayReplies))
	add("list IDs", accepts(read(func(ctx context.Context) error { return firstError(list.IDs(ctx)) }), pageReplies))
	add("list Len", accepts(read(func(ctx context.Context) error { return errorOf(list.Len(ctx, "l")) }), numberReplies))
	add("list Exists", read(func(ctx context.Context) error { return errorOf(list.Exists(ctx, "l")) }))
	quiet := list.With(listrepo.Quiet(time.Second, time.Minute))
	add("list PutOff", accepts(write(func(ctx context.Context) error { return quiet.PutOff(ctx, "l") }), "0"))
	add("list TTL", accepts(read(func(ctx context.Context) error { return errorOf(list.TTL(ctx, "l")) }), numberReplies))
	add("list Delete", write(func(ctx context.Context) error { return errorOf(list.Delete(ctx, "l")) }))
	add("list Delete: script", after(write(func(ctx context.Context) error { return errorOf(list.Delete(ctx, "l")) }), respNumber(1)))

	b, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	add("Batch.Enqueue", accepts(write(func(ctx context.Context) error { return errorOf(b.Enqueue(ctx, chatQueue, "a")) }), numberReplies))
	add("Batch.Enqueue again", accepts(after(write(func(ctx context.Context) error {
		if _, err := b.Enqueue(ctx, chatQueue, "a"); err != nil {
			return fmt.Errorf("the first Enqueue: %w", err)
		}
		return errorOf(b.Enqueue(ctx, chatQueue, "a"))
	}), respNumber(1)), numberReplies))
	add("Batch.Enqueue bounded", accepts(write(func(ctx context.Context) error {
		return errorOf(b.With(symphony.MaxLen(9)).Enqueue(ctx, chatQueue, "a"))
	}), numberReplies))
	add("Batch.Chunk", accepts(read(func(ctx context.Context) error { return errorOf(b.Chunk(ctx, chatQueue, 0, -1)) }), arrayReplies))
	add("Batch.Trim", write(func(ctx context.Context) error { return b.Trim(ctx, chatQueue, 0, 7) }))
	add("Batch.Len", accepts(read(func(ctx context.Context) error { return errorOf(b.Len(ctx, chatQueue)) }), numberReplies))
	add("Batch.Backlog", read(func(ctx context.Context) error { return errorOf(b.Backlog(ctx, chatQueue)) }))
	add("Batch.Claim", write(func(ctx context.Context) error { return errorOf(b.Claim(ctx, chatQueue, 2, time.Minute)) }))
	claimed := respArray(respText("1000000-ABCDEFGHIJKLM"), respNumber(0))
	holding := []string{claimed, respTexts("a", "b")}
	add("Batch.Claim: LRANGE", accepts(after(write(func(ctx context.Context) error { return errorOf(b.Claim(ctx, chatQueue, 2, time.Minute)) }), claimed), arrayReplies))
	add("Batch.Claim: dead letters", after(write(func(ctx context.Context) error {
		numbers, err := symphony.NewBatch[int](p, "acme")
		if err != nil {
			return err
		}
		c, err := numbers.Claim(ctx, chatQueue, 2, time.Minute)
		if c == nil {
			return err
		}
		var op *symphony.OpError
		if errors.As(err, &op) {
			return err
		}
		return nil
	}), holding...))
	withClaim := func(do func(ctx context.Context, c *listrepo.Claim[string]) error) replyCase {
		return after(write(func(ctx context.Context) error {
			c, err := b.Claim(ctx, chatQueue, 2, time.Minute)
			if err != nil || len(c.Items) != 2 {
				return fmt.Errorf("NO CLAIM %w", err)
			}
			return do(ctx, c)
		}), holding...)
	}
	add("Claim.Ack", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Ack(ctx) }))
	add("Claim.Ack one", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Ack(ctx, c.Items[0]) }))
	add("Claim.Release", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Release(ctx) }))
	add("Claim.Release one", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Release(ctx, c.Items[0]) }))
	add("Claim.Fail", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Fail(ctx, errors.New("no")) }))
	add("Claim.Return", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Return(ctx) }))
	add("Claim.Extend", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error { return c.Extend(ctx, time.Minute) }))
	add("Claim.Next", withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error {
		return errorOf(c.Next(ctx, 2, time.Minute))
	}))
	next := withClaim(func(ctx context.Context, c *listrepo.Claim[string]) error {
		return errorOf(c.Next(ctx, 2, time.Minute))
	})
	next.earlier = append(append([]string{}, holding...), respArray(respText("1000000-ABCDEFGHIJKLN"), respNumber(1)))
	add("Claim.Next: LRANGE", accepts(next, arrayReplies))
	add("Batch.Process", write(func(ctx context.Context) error {
		return errorOf(b.Process(ctx, chatQueue, 2, func(context.Context, []listrepo.Item[string]) error { return nil }))
	}))
	add("Batch.Process: acking", after(write(func(ctx context.Context) error {
		return errorOf(b.Process(ctx, chatQueue, 2, func(context.Context, []listrepo.Item[string]) error { return nil }))
	}), holding...))
	add("Batch.Dead", accepts(read(func(ctx context.Context) error { return firstError(b.Dead(ctx, chatQueue)) }), pageReplies))
	add("Batch.Retry", write(func(ctx context.Context) error { return errorOf(b.Retry(ctx, chatQueue, "1")) }))
	add("Batch.Discard", accepts(write(func(ctx context.Context) error { return errorOf(b.Discard(ctx, chatQueue, "1")) }), numberReplies))
	limits, err := symphony.NewLimiter(p, "acme", symphony.Rate{Limit: 5, Per: time.Hour})
	require.NoError(t, err)
	add("Limiter.Take", accepts(write(func(ctx context.Context) error { return errorOf(limits.Take(ctx, "calls", 1)) }), "[1 2]"))
	taken := write(func(ctx context.Context) error {
		g, err := limits.Take(ctx, "calls", 2)
		if err != nil {
			return err
		}
		return limits.Settle(ctx, g, 1)
	})
	taken.earlier = []string{respArray(respNumber(1), respNumber(7))}
	add("Limiter.Settle", taken)
	add("PendingTenants", accepts(read(func(ctx context.Context) error { return errorOf(symphony.PendingTenants(ctx, p, "chat")) }), arrayReplies))
	member := "acme:user:reply"
	empty := respArray()
	busy := respTexts(member)
	remove := func(ctx context.Context) error { return errorOf(symphony.RemoveFromPending(ctx, p, "chat", "acme")) }
	add("RemoveFromPending", read(remove))
	begun := respArray(respNumber(1), respNumber(1))
	add("RemoveFromPending: script", after(write(remove), busy))
	add("RemoveFromPending: SCAN", after(read(remove), empty))
	add("RemoveFromPending: SREM", accepts(after(write(remove), empty, respScan()), numberReplies, "[1 2]"))
	add("RemoveFromPending: second ZRANGE", after(read(remove), empty, respScan(), begun))
	add("RemoveFromPending: second SCAN", after(read(remove), empty, respScan(), begun, empty))
	add("RemoveFromPending: removal", accepts(after(write(remove), empty, respScan(), begun, empty, respScan()), numberReplies, "[1], [1 2]"))
	force := func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "chat", "acme") }
	add("ForceRemoveFromPending", write(force))
	add("ForceRemoveFromPending: ZRANGE", after(write(force), begun))
	add("ForceRemoveFromPending: script", after(write(force), begun, busy))
	add("ForceRemoveFromPending: removal", accepts(after(write(force), begun, empty), numberReplies, "[1 2]"))
	add("ForceRemoveFromPending of no tenant", accepts(write(func(ctx context.Context) error { return symphony.ForceRemoveFromPending(ctx, p, "chat", "") }), numberReplies, "[1 2]"))

	tr, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	add("Trigger.Set", accepts(write(func(ctx context.Context) error { return tr.Set(ctx, "x", "1", time.Hour) }), "1 as text"))
	add("Trigger.SetPayload", accepts(write(func(ctx context.Context) error { return tr.SetPayload(ctx, "x", "1", 1, time.Hour) }), "1 as text"))
	add("Trigger.SetCron", accepts(write(func(ctx context.Context) error { return tr.SetCron(ctx, "x", "1", "@daily", "") }), "1 as text"))
	add("Trigger.Rule", accepts(read(func(ctx context.Context) error { return errorOf(tr.Rule(ctx, "x", "1")) }), nilReplies))
	add("Trigger.Debounce", accepts(write(func(ctx context.Context) error { return tr.Debounce(ctx, "x", "1", time.Hour, time.Hour) }), "1 as text"))
	add("Trigger.Delete", write(func(ctx context.Context) error { return errorOf(tr.Delete(ctx, "x", "1")) }))
	add("Trigger.Due", accepts(read(func(ctx context.Context) error { return errorOf(tr.Due(ctx, "x", "1")) }), numberReplies, nilReplies, "1 as text", "-7"))
	add("Trigger.DeleteAll", accepts(read(func(ctx context.Context) error { return errorOf(tr.DeleteAll(ctx, "1")) }), pageReplies))
	add("Trigger.DeleteAll: schedules", after(read(func(ctx context.Context) error { return errorOf(tr.DeleteAll(ctx, "1")) }), respScan("acme:EXPTRIGGER:x:1")))
	add("Trigger.DeleteAll: script", after(write(func(ctx context.Context) error { return errorOf(tr.DeleteAll(ctx, "1")) }), respScan("acme:EXPTRIGGER:x:1"), respScan()))

	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("x", func(context.Context, expiry.Event) error { return nil }))
	l, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler), StopTimeout: 20 * time.Millisecond})
	require.NoError(t, err)
	score := respArray(respArray(respText("1|acme:EXPTRIGGER:x:1"), ",1\r\n"))
	add("Listener.Dead", accepts(read(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), emptyReplies))
	add("Listener.Dead: page", accepts(after(read(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score), emptyReplies))
	add("Listener.Dead: records", accepts(after(read(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score, score), "[a]"))
	add("Listener.Dead: payloads", after(read(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score, score, respTexts("20 20 0 2 no")))
	add("Listener.Dead: payload order", after(read(func(ctx context.Context) error { return firstError(l.Dead(ctx)) }), score, score, respTexts("20 20 0 2 no"), respArray(respNil)))
	deadLetter := expiry.Event{Tenant: "acme", Action: "x", ID: "1", DueAt: time.UnixMilli(1)}
	add("Listener.Retry", write(func(ctx context.Context) error { return l.Retry(ctx, deadLetter) }))
	add("Listener.Discard", write(func(ctx context.Context) error { return l.Discard(ctx, deadLetter) }))
	return all
}

// No call panics or blocks, whatever the server replies. A reply that is not
// valid for the command is an error.
func TestUnexpectedReplies(t *testing.T) {
	pooltest.Long(t)
	s, p := openFakeServer(t)
	for _, call := range replyCases(t, p) {
		accepted := strings.Split(call.accepts, ", ")
		for name, reply := range respReplies {
			for _, each := range []bool{false, true} {
				problem := "the call was not made"
				for range 3 { // a late command of the previous call may have received a reply
					s.SetReply(reply, each, call.earlier...)
					if problem = call.problem(t, name, slices.Contains(accepted, name)); problem == "" {
						break
					}
				}
				if problem != "" {
					t.Errorf("%s, reply %s (to every command: %v): %s", call.name, name, each, problem)
				}
			}
		}
	}
}

// problem makes a call that receives the named reply. It returns a description
// of what is wrong with the result, or "".
func (c replyCase) problem(t *testing.T, name string, accepted bool) string {
	t.Helper()
	begun := time.Now()
	err := callBriefly(t, c)
	var op *symphony.OpError
	switch {
	case time.Since(begun) > 5*time.Second:
		return fmt.Sprintf("the call took %v", time.Since(begun))
	case accepted:
		return ""
	case err == nil:
		return "the call returned no error"
	case !isExpectedError(err, name):
		return err.Error()
	case c.write && errors.Is(err, symphony.ErrUnexpectedReply) && errors.As(err, &op) && !op.MaybeApplied():
		return "MaybeApplied is false: " + err.Error()
	}
	return ""
}

// isExpectedError reports whether err is ErrUnexpectedReply, a timeout, or the
// error in the reply.
func isExpectedError(err error, name string) bool {
	var timeout net.Error
	return errors.Is(err, symphony.ErrUnexpectedReply) ||
		errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() ||
		strings.Contains(strings.ToLower(name), "error")
}

// Workers and listeners run no handler if the reply to a claim is not valid.
func TestNoHandlerRunsForAnUnexpectedReply(t *testing.T) {
	pooltest.Long(t)
	s, p := openFakeServer(t)
	registry := expiry.NewRegistry()
	var called atomic.Bool
	require.NoError(t, registry.On("x", func(context.Context, expiry.Event) error { called.Store(true); return nil }))
	l, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler), StopTimeout: time.Millisecond})
	require.NoError(t, err)
	work := func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error {
		called.Store(true)
		return nil
	}
	for name, reply := range respReplies {
		s.SetReply(reply, true)
		_ = callBriefly(t, replyCase{name: "Run", do: l.Run})
		_ = callBriefly(t, replyCase{name: "WorkBatches", do: func(ctx context.Context) error {
			return symphony.WorkBatches(ctx, p, "chat", work, symphony.WorkConfig{OnError: func(*symphony.WorkError) {}, StopTimeout: time.Millisecond, PerTenant: 1})
		}})
		require.False(t, called.Load(), name)
	}
}

// openFakeServer opens pools on a server whose replies are set by the test.
func openFakeServer(t *testing.T) (*redistest.FakeServer, *pool.Pools) {
	t.Helper()
	s := redistest.NewFakeServer(t)
	p, err := pool.Open(t.Context(), pool.Config{URL: s.URL(), Logger: slog.New(slog.DiscardHandler), Timeout: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return s, p
}

// callBriefly makes a call with a short deadline, since some calls retry until
// their context ends. It reports a panic.
func callBriefly(t *testing.T, call replyCase) error {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s panicked: %v\n%s", call.name, r, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	return call.do(ctx)
}

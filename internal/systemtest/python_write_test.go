package systemtest

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pythontest"
	"github.com/symphony-go/symphony/pool"
)

// Each recorded call of the Python package, repeated in Go, writes the same
// keys and lifetimes, and values that Python reads as equal.
func TestGoWritesLikePython(t *testing.T) {
	forEachPythonServer(t, func(t *testing.T, p *pool.Pools, server *pythonServer) {
		repeated, skipped := map[string]int{}, map[string]int{}
		for _, r := range pythontest.Load(t).Records {
			reason := skipReason(r)
			if reason != "" && reason != notAList {
				skipped[reason]++
				continue
			}
			server.prepare(r.Pre)
			if reason == notAList {
				server.requireRefusal(r, goCalls[r.Method](t, p, r))
				skipped[reason]++
				continue
			}
			require.NoError(t, goCalls[r.Method](t, p, r), r.ID)
			for _, want := range r.Raw {
				server.requireState(r, want)
			}
			server.remove(r.Raw)
			repeated[r.Method]++
		}
		require.Equal(t, map[string]int{
			"append_to_list": 132, "enqueue": 91, "increment_field": 16, "merge": 2, "set": 100, "update_field": 360, "upsert": 201,
		}, repeated)
		require.Equal(t, map[string]int{
			emptyMerge: 164, noEquivalent: 91, notAList: 76, "the field has the repr of a list, and Go and Python append to it differently": 35, noLifetime: 11, "Go writes no field for a nil": 4, "nothing to write": 2,
			"the key has another type": 2, "the call fails in Python, or the record expires at once": 2,
		}, skipped)
	})
}

const (
	emptyMerge   = "an empty merge writes nothing in Go, and rewrites every field in Python"
	noEquivalent = "the value has no equivalent in Go"
	noLifetime   = "Go refuses the lifetime"
	notAList     = "appending to a value that is not a list is an error in Go, and loses the value in Python"
)

// skipReason returns why a call cannot be repeated in Go with the same result,
// or "" if it can.
func skipReason(r pythontest.Record) string {
	entries := r.Written()
	_, supported := optionsOf(r)
	anyEntry := func(matches func(e pythontest.Entry) bool) bool { return slices.ContainsFunc(entries, matches) }
	switch {
	case r.Method == "merge" && len(entries) == 0:
		return emptyMerge
	case r.Without() != "":
		return noEquivalent
	case !supported:
		return noLifetime
	case strings.Contains(r.ID, "wrongtype"):
		return "the key has another type"
	case r.Result.Type == "none", r.Result.Type == "bool" && !r.Result.Bool, anyEntry(func(e pythontest.Entry) bool { return e.Raw.Missing != "" }):
		return "the call fails in Python, or the record expires at once"
	case anyEntry(func(e pythontest.Entry) bool { return e.Value.Type == "none" }):
		return "Go writes no field for a nil"
	case r.Method == "append_to_list":
		return appendRefusal(fieldBefore(r))
	case len(entries) == 0 && r.Repo != "RedisTrigger":
		return "nothing to write"
	}
	return ""
}

// fieldBefore returns the text of the field of the call before the call.
func fieldBefore(r pythontest.Record) string {
	for _, c := range r.Pre {
		argv := stringsOf(c.Argv)
		if i := slices.Index(argv, r.Args["field"].Text); i >= 0 && argv[0] == "HSET" {
			return argv[i+1]
		}
	}
	return "null"
}

// appendRefusal returns why Go and Python differ in an append to the text, or
// "" if they do not.
func appendRefusal(text string) string {
	switch v := pythontest.Read(text); {
	case v.Type == "list", v.Type == "none":
		return ""
	case strings.HasPrefix(text, "["):
		return "the field has the repr of a list, and Go and Python append to it differently"
	}
	return notAList
}

// optionsOf returns the options for the lifetime and the alias of a call. It
// returns false if Go does not support the lifetime.
func optionsOf(r pythontest.Record) ([]symphony.Option, bool) {
	opts := []symphony.Option{pythonLayout}
	for _, v := range []pythontest.Value{r.Ctor["ttl_default"], r.Args["ttl"], r.Args["ex"]} {
		if v.Type == "" {
			continue
		}
		seconds, err := strconv.ParseInt(v.Text, 10, 64)
		if err != nil || v.Type != "int" || seconds <= 0 || seconds > 1<<31 {
			return nil, false
		}
		opts = append(opts, symphony.TTL(time.Duration(seconds)*time.Second))
	}
	if alias := r.Ctor["redis_alias"].Text; alias != "" {
		opts = append(opts, symphony.On(pool.Alias(alias)))
	}
	return opts, true
}

// goValue returns the Go value for a Python value.
func goValue(t *testing.T, e pythontest.Entry) any {
	t.Helper()
	dst := reflect.New(e.Value.GoType())
	require.NoError(t, codec.Compact.Unmarshal([]byte(e.Raw.S), dst.Interface()))
	return dst.Elem().Interface()
}

// goCalls has the Go call for each method of the Python package.
var goCalls = map[string]func(t *testing.T, p *pool.Pools, r pythontest.Record) error{
	"upsert": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := openHash(t, p, r)
		fields := symphony.Fields{}
		for _, e := range r.Written() {
			fields[e.Field] = goValue(t, e)
		}
		return repo.Upsert(ctx, id, fields)
	},
	"update_field": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := openHash(t, p, r)
		if r.Repo == "RedisStateHandler" && r.Args["ttl"].Type == "" {
			repo = repo.With(symphony.KeepTTL()) // this method of the Python package does not renew the lifetime
		}
		return repo.UpdateField(ctx, id, r.Args["field"].Text, goValue(t, r.Written()[0]))
	},
	"merge": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		opts, _ := optionsOf(r)
		states, err := symphony.NewStateHandler[symphony.Fields](p, r.Tenant, r.Args["handler_name"].Text, opts...)
		require.NoError(t, err)
		var patches []hashrepo.Patch[symphony.Fields]
		for _, e := range r.Written() {
			patches = append(patches, hashrepo.At[symphony.Fields](e.Field).Set(goValue(t, e)))
		}
		_, err = states.Merge(ctx, r.Ctor["user_id"].Text, patches...)
		return err
	},
	"append_to_list": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := openHash(t, p, r)
		list := reflect.ValueOf(goValue(t, r.Written()[0]))
		return repo.AppendToList(ctx, id, r.Args["field"].Text, list.Index(list.Len()-1).Interface())
	},
	"increment_field": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := openHash(t, p, r)
		by := int64(1)
		if text := r.Args["increment"].Text; text != "" {
			by = integer(t, text)
		}
		got, err := repo.IncrementField(ctx, id, r.Args["field"].Text, by)
		require.Equal(t, r.Result.Text, strconv.FormatInt(got, 10), r.ID)
		return err
	},
	"set": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		opts, _ := optionsOf(r)
		if r.Repo == "RedisTrigger" {
			triggers, err := symphony.NewTrigger(p, r.Tenant, opts...)
			require.NoError(t, err)
			after := time.Duration(min(integer(t, r.Args["ttl_seconds"].Text), 1<<31)) * time.Second
			return triggers.Set(ctx, r.Args["action"].Text, r.Args["identifier"].Text, after)
		}
		values, err := symphony.NewGeneric[any](p, r.Tenant, opts...)
		require.NoError(t, err)
		return values.Set(ctx, r.Args["key_base"].Text, goValue(t, r.Written()[0]))
	},
	"enqueue": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		opts, _ := optionsOf(r)
		batch, err := symphony.NewBatch[any](p, r.Tenant, opts...)
		require.NoError(t, err)
		_, err = batch.Enqueue(ctx, pythonQueue(r), goValue(t, r.Written()[0]))
		return err
	},
}

// openHash opens the repository of a record and returns the id of the record.
func openHash(t *testing.T, p *pool.Pools, r pythontest.Record) (repo *hashrepo.HashRepo[symphony.Fields], id string) {
	t.Helper()
	opts, _ := optionsOf(r)
	user := r.Ctor["user_id"].Text
	switch r.Repo {
	case "RedisUser":
		users, err := symphony.NewUser[symphony.Fields](p, r.Tenant, opts...)
		require.NoError(t, err)
		return users.HashRepo, user
	case "RedisStateHandler":
		states, err := symphony.NewStateHandler[symphony.Fields](p, r.Tenant, r.Args["handler_name"].Text, opts...)
		require.NoError(t, err)
		return states.HashRepo, user
	case "RedisTable":
		rows, err := symphony.NewTable[symphony.Fields](p, r.Tenant, r.Args["table_name"].Text, opts...)
		require.NoError(t, err)
		return rows.HashRepo, r.Args["pkid"].Text
	default:
		shared, err := symphony.NewSharedState(p, r.Tenant, user, opts...)
		require.NoError(t, err)
		repo, err := symphony.StateOf[symphony.Fields](shared)
		require.NoError(t, err)
		return repo, r.Args["state_name"].Text
	}
}

// prepare runs the commands that preceded the recorded call.
func (s *pythonServer) prepare(commands []pythontest.Command) {
	s.t.Helper()
	for _, c := range commands {
		args := stringsOf(c.Argv)
		if args[0] == "EXPIRE" {
			args[2] = strconv.FormatInt(min(integer(s.t, args[2]), s.maxTTL), 10)
		}
		s.do(c.DB, args...)
	}
}

func integer(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(t, err)
	return n
}

// requireRefusal requires an error and an unchanged field.
func (s *pythonServer) requireRefusal(r pythontest.Record, err error) {
	s.t.Helper()
	require.Error(s.t, err, r.ID)
	state := r.Raw[0]
	got, err := s.do(state.DB, "HGET", state.Key, r.Args["field"].Text).ToString()
	require.NoError(s.t, err)
	require.Equal(s.t, fieldBefore(r), got, r.ID)
	s.remove(r.Raw)
}

// requireState requires that a key has the lifetime that Python set, and
// values that Python reads as equal.
func (s *pythonServer) requireState(r pythontest.Record, want pythontest.State) {
	s.t.Helper()
	ms, err := s.do(want.DB, "PTTL", want.Key).AsInt64()
	require.NoError(s.t, err)
	left := time.Duration(ms) * time.Millisecond
	if ms < 0 {
		left = time.Duration(ms)
	}
	if want.Kind == "hash" && want.TTL < 0 {
		want.TTL = 86400 // Python's update_field sets no lifetime on a new state
	}
	if want.TTL < 1<<32 {
		requireLifetime(s.t, r.ID, want.TTL, left)
	}
	switch want.Kind {
	case "hash":
		got, err := s.do(want.DB, "HGETALL", want.Key).AsStrMap()
		require.NoError(s.t, err)
		require.Len(s.t, got, len(want.Hash), r.ID)
		for name, text := range want.Hash {
			if name == "timestamp" && r.Method == "merge" {
				continue // the time of the call
			}
			s.requireText(r, name, text.S, got[name])
		}
	case "string":
		got, err := s.do(want.DB, "GET", want.Key).ToString()
		require.NoError(s.t, err)
		if r.Repo != "RedisTrigger" {
			s.requireText(r, "", want.Text.S, got)
		}
	default:
		s.requireMembers(r, want)
	}
}

func (s *pythonServer) requireMembers(r pythontest.Record, want pythontest.State) {
	s.t.Helper()
	var reply rueidis.RedisResult
	if want.Kind == "set" {
		reply = s.do(want.DB, "SMEMBERS", want.Key)
	} else {
		reply = s.do(want.DB, "LRANGE", want.Key, "0", "-1")
	}
	got, err := reply.AsStrSlice()
	require.NoError(s.t, err)
	require.Len(s.t, got, len(want.Members), r.ID)
	if want.Kind == "set" {
		require.ElementsMatch(s.t, stringsOf(want.Members), got, r.ID)
		return
	}
	for i, text := range want.Members {
		s.requireText(r, "", text.S, got[i])
	}
}

// requireText requires that Python reads both texts as the same value.
func (s *pythonServer) requireText(r pythontest.Record, field, python, got string) {
	s.t.Helper()
	read := pythontest.Read
	for _, e := range r.Written() {
		if e.Field != field || e.Raw.S != python {
			continue
		}
		read = func(text string) pythontest.Value { return pythontest.ReadInto(e.Value, text) }
		if back := read(python); back.Type == "str" && e.Value.Type != "str" && e.Value.Type != "enum" || back.Text == "True" {
			return // Python reads back text: a time, a duration or nan, which Go writes in another format
		}
	}
	require.Equal(s.t, read(python).String(), read(got).String(), "%s: %s", r.ID, field)
}

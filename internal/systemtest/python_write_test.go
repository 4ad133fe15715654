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

// The call that Python made, made in Go, leaves what Python reads as it reads
// what it left itself, under the same keys and with the same lifetimes.
func TestPythonCallsInGo(t *testing.T) {
	eachPython(t, func(t *testing.T, p *pool.Pools, server *python) {
		made, left := map[string]int{}, map[string]int{}
		for _, r := range pythontest.Load(t).Records {
			why := leftOut(r)
			if why != "" && why != noList {
				left[why]++
				continue
			}
			server.prepare(r.Pre)
			if why == noList {
				server.requireRefusal(r, calls[r.Method](t, p, r))
				left[why]++
				continue
			}
			require.NoError(t, calls[r.Method](t, p, r), r.ID)
			for _, want := range r.Raw {
				server.requireState(r, want)
			}
			server.remove(r.Raw)
			made[r.Method]++
		}
		require.Equal(t, map[string]int{
			"append_to_list": 132, "enqueue": 91, "increment_field": 16, "merge": 2, "set": 100, "update_field": 360, "upsert": 201,
		}, made)
		require.Equal(t, map[string]int{
			merges: 164, noEquivalent: 91, noList: 76, "the repr of a list is appended to, and Python drops it": 35, noLifetime: 11, "a nil has no field": 4, "nothing to write": 2,
			"a key of another type is an error": 2, "Python's call fails, or the record is gone at once": 2,
		}, left)
	})
}

const (
	merges       = "a merge of nothing writes nothing, and in Python every field anew"
	noEquivalent = "no equivalent"
	noLifetime   = "no lifetime"
	noList       = "appending to what is no list is an error here, and loses it there"
)

// leftOut says why the call is not repeated, or nothing where it is.
func leftOut(r pythontest.Record) string {
	entries := r.Written()
	_, lives := lifetime(r)
	of := func(broken func(e pythontest.Entry) bool) bool { return slices.ContainsFunc(entries, broken) }
	switch {
	case r.Method == "merge" && len(entries) == 0:
		return merges
	case r.Without() != "":
		return noEquivalent
	case !lives:
		return noLifetime
	case strings.Contains(r.ID, "wrongtype"):
		return "a key of another type is an error"
	case r.Result.Type == "none", r.Result.Type == "bool" && !r.Result.Bool, of(func(e pythontest.Entry) bool { return e.Raw.Missing != "" }):
		return "Python's call fails, or the record is gone at once"
	case of(func(e pythontest.Entry) bool { return e.Value.Type == "none" }):
		return "a nil has no field"
	case r.Method == "append_to_list":
		return refusesList(before(r))
	case len(entries) == 0 && r.Repo != "RedisTrigger":
		return "nothing to write"
	}
	return ""
}

// before is the text of the field that a call is about, as it was.
func before(r pythontest.Record) string {
	for _, c := range r.Pre {
		argv := texts(c.Argv)
		if i := slices.Index(argv, r.Args["field"].Text); i >= 0 && argv[0] == "HSET" {
			return argv[i+1]
		}
	}
	return "null"
}

// refusesList says why a text cannot be appended to.
func refusesList(text string) string {
	switch v := pythontest.Read(text); {
	case v.Type == "list", v.Type == "none":
		return ""
	case strings.HasPrefix(text, "["):
		return "the repr of a list is appended to, and Python drops it"
	}
	return noList
}

// lifetime is the option for the seconds that the call or the repository was
// given; false: there is no such lifetime here.
func lifetime(r pythontest.Record) ([]symphony.Option, bool) {
	opts := []symphony.Option{likePython}
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

// value is the Go value that a program would write for one of Python's.
func value(t *testing.T, e pythontest.Entry) any {
	t.Helper()
	dst := reflect.New(e.Value.GoType())
	require.NoError(t, codec.Compact.Unmarshal([]byte(e.Raw.S), dst.Interface()))
	return dst.Elem().Interface()
}

// calls are the package's methods in Go.
var calls = map[string]func(t *testing.T, p *pool.Pools, r pythontest.Record) error{
	"upsert": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := hashes(t, p, r)
		fields := symphony.Fields{}
		for _, e := range r.Written() {
			fields[e.Field] = value(t, e)
		}
		return repo.Upsert(ctx, id, fields)
	},
	"update_field": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := hashes(t, p, r)
		if r.Repo == "RedisStateHandler" && r.Args["ttl"].Type == "" {
			repo = repo.With(symphony.KeepTTL()) // this one call of Python's renews no lifetime
		}
		return repo.UpdateField(ctx, id, r.Args["field"].Text, value(t, r.Written()[0]))
	},
	"merge": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		opts, _ := lifetime(r)
		states, err := symphony.NewStateHandler[symphony.Fields](p, r.Tenant, r.Args["handler_name"].Text, opts...)
		require.NoError(t, err)
		var patches []hashrepo.Patch[symphony.Fields]
		for _, e := range r.Written() {
			patches = append(patches, hashrepo.At[symphony.Fields](e.Field).Set(value(t, e)))
		}
		_, err = states.Merge(ctx, r.Ctor["user_id"].Text, patches...)
		return err
	},
	"append_to_list": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := hashes(t, p, r)
		list := reflect.ValueOf(value(t, r.Written()[0]))
		return repo.AppendToList(ctx, id, r.Args["field"].Text, list.Index(list.Len()-1).Interface())
	},
	"increment_field": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		repo, id := hashes(t, p, r)
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
		opts, _ := lifetime(r)
		if r.Repo == "RedisTrigger" {
			triggers, err := symphony.NewTrigger(p, r.Tenant, opts...)
			require.NoError(t, err)
			after := time.Duration(min(integer(t, r.Args["ttl_seconds"].Text), 1<<31)) * time.Second
			return triggers.Set(ctx, r.Args["action"].Text, r.Args["identifier"].Text, after)
		}
		values, err := symphony.NewGeneric[any](p, r.Tenant, opts...)
		require.NoError(t, err)
		return values.Set(ctx, r.Args["key_base"].Text, value(t, r.Written()[0]))
	},
	"enqueue": func(t *testing.T, p *pool.Pools, r pythontest.Record) error {
		t.Helper()
		opts, _ := lifetime(r)
		batch, err := symphony.NewBatch[any](p, r.Tenant, opts...)
		require.NoError(t, err)
		_, err = batch.Enqueue(ctx, pythonQueue(r), value(t, r.Written()[0]))
		return err
	},
}

// hashes opens the record's repository, and names the record.
func hashes(t *testing.T, p *pool.Pools, r pythontest.Record) (repo *hashrepo.HashRepo[symphony.Fields], id string) {
	t.Helper()
	opts, _ := lifetime(r)
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

// prepare runs what had been run before the call.
func (s *python) prepare(commands []pythontest.Command) {
	s.t.Helper()
	for _, c := range commands {
		args := texts(c.Argv)
		if args[0] == "EXPIRE" {
			args[2] = strconv.FormatInt(min(integer(s.t, args[2]), s.longest), 10)
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

// requireRefusal wants an error, and the field left as it was.
func (s *python) requireRefusal(r pythontest.Record, err error) {
	s.t.Helper()
	require.Error(s.t, err, r.ID)
	state := r.Raw[0]
	got, err := s.do(state.DB, "HGET", state.Key, r.Args["field"].Text).ToString()
	require.NoError(s.t, err)
	require.Equal(s.t, before(r), got, r.ID)
	s.remove(r.Raw)
}

// requireState compares a key with what Python left there, by what Python reads
// from both.
func (s *python) requireState(r pythontest.Record, want pythontest.State) {
	s.t.Helper()
	ms, err := s.do(want.DB, "PTTL", want.Key).AsInt64()
	require.NoError(s.t, err)
	left := time.Duration(ms) * time.Millisecond
	if ms < 0 {
		left = time.Duration(ms)
	}
	if want.Kind == "hash" && want.TTL < 0 {
		want.TTL = 86400 // Python's update_field of a state forgets the lifetime of a new one
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
				continue // each has its own
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

func (s *python) requireMembers(r pythontest.Record, want pythontest.State) {
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
		require.ElementsMatch(s.t, texts(want.Members), got, r.ID)
		return
	}
	for i, text := range want.Members {
		s.requireText(r, "", text.S, got[i])
	}
}

// requireText compares two texts by what Python reads from them.
func (s *python) requireText(r pythontest.Record, field, theirs, ours string) {
	s.t.Helper()
	read := pythontest.Read
	for _, e := range r.Written() {
		if e.Field != field || e.Raw.S != theirs {
			continue
		}
		read = func(text string) pythontest.Value { return pythontest.ReadInto(e.Value, text) }
		if back := read(theirs); back.Type == "str" && e.Value.Type != "str" && e.Value.Type != "enum" || back.Text == "True" {
			return // a time, a duration, nan: text to Python from its own writing too, and spelled otherwise by Go
		}
	}
	require.Equal(s.t, read(theirs).String(), read(ours).String(), "%s: %s", r.ID, field)
}

package systemtest

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/pythontest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
)

var pythonLayout = symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous))

// Each repository reads the records that the Python package wrote: the same
// key and database, the same values, the same lifetime.
func TestReadPythonRecords(t *testing.T) {
	forEachPythonServer(t, func(t *testing.T, p *pool.Pools, server *pythonServer) {
		counts := map[string]int{}
		for _, r := range pythontest.Load(t).Records {
			if r.Without() == pythontest.Empty {
				continue
			}
			server.restore(r.Raw)
			readers[r.Repo](t, p, r)
			server.remove(r.Raw)
			counts[r.Repo]++
		}
		require.Equal(t, map[string]int{
			"RedisUser": 490, "RedisStateHandler": 375, "RedisTable": 107, "RedisSharedState": 104, "RedisTrigger": 10,
			"RedisBatch": 101, "RedisGeneric": 101,
		}, counts)
	})
}

// readers has a function for each Python class that reads a record of that
// class and compares it.
var readers = map[string]func(t *testing.T, p *pool.Pools, r pythontest.Record){
	"RedisUser": func(t *testing.T, p *pool.Pools, r pythontest.Record) {
		t.Helper()
		users, err := symphony.NewUser[symphony.Values](p, r.Tenant, pythonLayout)
		require.NoError(t, err)
		readHash(t, r, users.HashRepo, r.Ctor["user_id"].Text)
	},
	"RedisStateHandler": func(t *testing.T, p *pool.Pools, r pythontest.Record) {
		t.Helper()
		states, err := symphony.NewStateHandler[symphony.Values](p, r.Tenant, r.Args["handler_name"].Text, pythonLayout)
		require.NoError(t, err)
		readHash(t, r, states.HashRepo, r.Ctor["user_id"].Text)
	},
	"RedisTable": func(t *testing.T, p *pool.Pools, r pythontest.Record) {
		t.Helper()
		rows, err := symphony.NewTable[symphony.Values](p, r.Tenant, r.Args["table_name"].Text, pythonLayout)
		require.NoError(t, err)
		readHash(t, r, rows.HashRepo, r.Args["pkid"].Text)
	},
	"RedisSharedState": func(t *testing.T, p *pool.Pools, r pythontest.Record) {
		t.Helper()
		shared, err := symphony.NewSharedState(p, r.Tenant, r.Ctor["user_id"].Text, pythonLayout)
		require.NoError(t, err)
		states, err := symphony.StateOf[symphony.Values](shared)
		require.NoError(t, err)
		readHash(t, r, states, r.Args["state_name"].Text)
		values, err := shared.Get(ctx, r.Args["state_name"].Text)
		require.NoError(t, err)
		state, _ := r.State()
		require.Len(t, values, len(state.Hash), r.ID)
		names, err := shared.States(ctx)
		require.NoError(t, err)
		require.Len(t, names, len(r.Raw), r.ID)
		for i, name := range names {
			require.Equal(t, r.Raw[i].Key, r.Tenant+":SS:"+name+":"+strings.ReplaceAll(r.Ctor["user_id"].Text, ":", "_"), r.ID)
		}
	},
	"RedisGeneric": readGeneric,
	"RedisBatch":   readBatch,
	"RedisTrigger": readTrigger,
}

// readHash compares a hash with the recorded values and lifetime.
func readHash(t *testing.T, r pythontest.Record, repo *hashrepo.HashRepo[symphony.Values], id string) {
	t.Helper()
	state, found := r.State()
	if !found {
		_, err := repo.Get(ctx, id)
		require.ErrorIs(t, err, symphony.ErrNotFound, r.ID)
		return
	}
	values, err := repo.Get(ctx, id)
	require.NoError(t, err, r.ID)
	require.Len(t, values, len(state.Hash), r.ID)
	for name, raw := range state.Hash {
		require.Equal(t, raw.S, values[name].String(), r.ID)
	}
	for _, e := range r.Written() {
		requireValue(t, r.ID, e, func(dst any) error { return values[e.Field].Decode(dst) })
		requireValue(t, r.ID, e, func(dst any) error { return repo.GetField(ctx, id, e.Field, dst) })
	}
	left, err := repo.TTL(ctx, id)
	require.NoError(t, err, r.ID)
	requireLifetime(t, r.ID, state.TTL, left)
}

// requireValue reads a value into the Go type of the Python value. If Go has
// no such type, it reads the exact text.
func requireValue(t *testing.T, recordID string, e pythontest.Entry, read func(dst any) error) {
	t.Helper()
	if e.Raw.Missing != "" {
		return
	}
	if e.Value.Without() != "" {
		var text string
		require.NoError(t, read(&text), recordID)
		require.Equal(t, e.Raw.S, text, recordID)
		return
	}
	dst := reflect.New(e.Value.GoType())
	require.NoError(t, read(dst.Interface()), recordID)
	require.True(t, e.Value.Same(dst.Elem().Interface()), "%s: %s became %#v", recordID, e.Value, dst.Elem())
}

// requireLifetime compares a lifetime with the seconds that Python set, which
// may be more than a Duration can hold.
func requireLifetime(t *testing.T, recordID string, seconds int64, left time.Duration) {
	t.Helper()
	switch {
	case seconds < 0:
		require.Equal(t, hashrepo.NoExpiry, left, recordID)
	case seconds > math.MaxInt64/int64(time.Second):
		require.Greater(t, left, 290*365*24*time.Hour, recordID)
	default:
		require.InDelta(t, time.Duration(seconds)*time.Second, left, float64(10*time.Second), recordID)
	}
}

func readGeneric(t *testing.T, p *pool.Pools, r pythontest.Record) {
	t.Helper()
	values, err := symphony.NewGeneric[codec.Value](p, r.Tenant, pythonLayout)
	require.NoError(t, err)
	key := r.Args["key_base"].Text
	state, found := r.State()
	value, err := values.Get(ctx, key)
	if !found {
		require.ErrorIs(t, err, symphony.ErrNotFound, r.ID)
		return
	}
	require.NoError(t, err, r.ID)
	for _, e := range r.Written() {
		requireValue(t, r.ID, e, value.Decode)
	}
	left, err := values.TTL(ctx, key)
	require.NoError(t, err, r.ID)
	requireLifetime(t, r.ID, state.TTL, left)
}

func readBatch(t *testing.T, p *pool.Pools, r pythontest.Record) {
	t.Helper()
	opts := []symphony.Option{pythonLayout}
	if alias := r.Ctor["redis_alias"].Text; alias != "" {
		opts = append(opts, symphony.On(pool.Alias(alias)))
	}
	batch, err := symphony.NewBatch[codec.Value](p, r.Tenant, opts...)
	require.NoError(t, err)
	q := pythonQueue(r)
	state, _ := r.State()
	items, err := batch.Chunk(ctx, q, 0, -1)
	require.NoError(t, err, r.ID)
	require.Len(t, items, len(state.Members), r.ID)
	for i, item := range items {
		require.Equal(t, state.Members[i].S, item.String(), r.ID)
	}
	for _, e := range r.Written() {
		if len(items) > 0 {
			requireValue(t, r.ID, e, items[len(items)-1].Decode)
		}
	}
	for _, s := range r.Raw {
		if s.Key != "pending_batches:"+q.Service {
			continue
		}
		tenants, err := symphony.PendingTenants(ctx, p, q.Service, opts...)
		if s.Kind != "set" {
			require.ErrorIs(t, err, symphony.ErrWrongType, r.ID)
			continue
		}
		require.NoError(t, err, r.ID)
		require.ElementsMatch(t, stringsOf(s.Members), tenants, r.ID)
	}
}

func pythonQueue(r pythontest.Record) symphony.Queue {
	return symphony.Queue{Service: r.Args["service"].Text, Entity: r.Args["entity_key"].Text, Action: r.Args["action"].Text}
}

func stringsOf(members []pythontest.Text) []string {
	all := make([]string, len(members))
	for i, m := range members {
		all[i] = m.S
	}
	return all
}

// readTrigger reads the string of a trigger and deletes the trigger.
func readTrigger(t *testing.T, p *pool.Pools, r pythontest.Record) {
	t.Helper()
	action, id := r.Args["action"].Text, r.Args["identifier"].Text
	space, err := keyspace.Python(keyspace.AllowAmbiguous).Trigger.Bind(r.Tenant, action)
	require.NoError(t, err)
	keys, err := kvrepo.New[string](p, pool.Expiry, space)
	require.NoError(t, err)
	state, _ := r.State()
	text, err := keys.Get(ctx, id)
	require.NoError(t, err, r.ID)
	require.Equal(t, state.Text.S, text, r.ID)
	left, err := keys.TTL(ctx, id)
	require.NoError(t, err, r.ID)
	requireLifetime(t, r.ID, state.TTL, left)

	triggers, err := symphony.NewTrigger(p, r.Tenant, pythonLayout)
	require.NoError(t, err)
	found, err := triggers.Delete(ctx, action, id)
	require.NoError(t, err, r.ID)
	require.True(t, found, r.ID)
}

// pythonServer is a server on which databases are addressed by number, as the
// Python package does.
type pythonServer struct {
	t      *testing.T
	db     func(n int) rueidis.Client
	maxTTL int64 // in seconds
}

// forEachPythonServer runs a test on Redis and on the embedded server.
func forEachPythonServer(t *testing.T, run func(t *testing.T, p *pool.Pools, server *pythonServer)) {
	t.Helper()
	t.Run("redis", func(t *testing.T) {
		server := redistest.Server(t)
		clients := map[int]rueidis.Client{}
		run(t, pooltest.Redis(t, pool.Config{URL: server.URL()}), &pythonServer{t, func(n int) rueidis.Client {
			if clients[n] == nil {
				clients[n] = server.Client(t, n)
			}
			return clients[n]
		}, math.MaxInt64})
	})
	t.Run("embedded", func(t *testing.T) {
		p := pooltest.Embedded(t)
		aliases := map[int]pool.Alias{
			15: pool.Default, 11: pool.User, 10: pool.Handlers, 9: pool.SharedState, 8: pool.Expiry,
		}
		run(t, p, &pythonServer{t, func(n int) rueidis.Client {
			client, err := p.Client(aliases[n])
			require.NoError(t, err)
			return client
		}, math.MaxInt64 / int64(time.Second)})
	})
}

// restore writes the recorded keys, with their lifetimes.
func (s *pythonServer) restore(states []pythontest.State) {
	s.t.Helper()
	for _, state := range states {
		args := []string{map[string]string{"string": "SET", "hash": "HSET", "list": "RPUSH", "set": "SADD"}[state.Kind], state.Key}
		switch state.Kind {
		case "string":
			args = append(args, state.Text.S)
		case "hash":
			for name, text := range state.Hash {
				args = append(args, name, text.S)
			}
		default:
			args = append(args, stringsOf(state.Members)...)
		}
		s.do(state.DB, args...)
		if state.TTL >= 0 {
			s.do(state.DB, "EXPIRE", state.Key, fmt.Sprint(min(state.TTL, s.maxTTL)))
		}
	}
}

// remove deletes the recorded keys.
func (s *pythonServer) remove(states []pythontest.State) {
	s.t.Helper()
	for _, state := range states {
		s.do(state.DB, "UNLINK", state.Key)
	}
}

func (s *pythonServer) do(db int, args ...string) rueidis.RedisResult {
	s.t.Helper()
	client := s.db(db)
	r := client.Do(ctx, client.B().Arbitrary(args...).Build())
	require.NoError(s.t, r.Error(), strings.Join(args[:2], " "))
	return r
}

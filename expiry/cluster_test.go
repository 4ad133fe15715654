package expiry_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// On a cluster, the triggers of an action are spread over shards. A key, its
// schedule and its payload share a slot.
func TestOnACluster(t *testing.T) {
	t.Parallel()
	p := pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()})
	f := newFixture(t, p)
	s := f.schedule()
	const n = 60
	for i := range n {
		require.NoError(t, s.SetPayload(ctx, "send", strconv.Itoa(i), i, time.Duration(i)*10*time.Millisecond))
	}
	require.NoError(t, s.SetPayload(ctx, "send", "*", 1, time.Hour))
	require.NoError(t, s.SetPayload(ctx, "other", "*", 1, time.Hour))
	at, err := s.Due(ctx, "other", "*")
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), at, time.Minute)
	deleted, err := s.DeleteAll(ctx, "*")
	require.NoError(t, err)
	require.EqualValues(t, 2, deleted)

	l, _ := f.listen(expiry.Config{}, handlers{"send": f.record})
	f.listen(expiry.Config{}, handlers{"send": f.record})
	f.eventually(func() bool { return len(f.ids()) >= n })
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	for _, node := range client.Nodes() {
		f.eventually(func() bool {
			heard, err := node.Do(ctx, node.B().PubsubNumsub().Channel("__keyevent@0__:expired").Build()).AsIntMap()
			return err == nil && heard["__keyevent@0__:expired"] == 2
		})
	}
	// Another program sets a trigger with a shard of its choice.
	foreign := f.tenant + "{s3}:EXPTRIGGER:send:foreign"
	f.redis("SET", foreign, "trigger:x", "PX", "1500")
	f.eventually(func() bool { return len(f.ids()) == n+1 })
	shards := map[string]bool{}
	for _, e := range f.events() {
		require.Equal(t, f.tenant+":EXPTRIGGER:send:"+e.ID, e.Key)
		var i int
		if e.ID != "foreign" {
			require.NoError(t, e.Decode(&i))
			require.Equal(t, e.ID, strconv.Itoa(i))
		}
	}
	for node := range keysOfNodes(t, p) {
		for _, key := range node {
			require.True(t, strings.HasPrefix(key, "expiry:%exp{s"), "%s is left", key)
			shards[key] = true
		}
	}
	f.eventually(func() bool { return l.Stats().Pending == 0 })
}

// A migrated slot takes its triggers along. While the slot is split between two
// nodes, no trigger is mistaken for a deleted one. Afterwards none is mistaken
// for a changed one, although the migration changed the expiry of the keys.
func TestSlotMigration(t *testing.T) {
	t.Parallel()
	c := redistest.Cluster(t)
	p := pooltest.Redis(t, pool.Config{URL: c.URL()})
	f := newFixture(t, p)
	s := f.schedule()
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	// Redis does not refuse a script if all of its declared keys are on the
	// node, so create all of them.
	for _, set := range []string{"active:x", "dead:x", "fired:x", "earlier:x", "tenants:x", "ready:x:" + f.tenant} {
		key := "expiry:%exp{s3}:" + set
		require.NoError(t, client.Do(ctx, client.B().Zadd().Key(key).ScoreMember().ScoreMember(1e15, "none").Build()).Error())
	}
	for key, value := range map[string]string{"status": "1 0 0 0 ", "backlog": "0"} {
		require.NoError(t, client.Do(ctx, client.B().Hset().Key("expiry:%exp{s3}:"+key+":x").FieldValue().FieldValue("none", value).Build()).Error())
	}
	var ids []string
	for i := 0; len(ids) < 40; i++ {
		id := strconv.Itoa(i)
		key, err := s.Key("x", id)
		require.NoError(t, err)
		if strings.Contains(key, "{s3}") {
			ids = append(ids, id)
			require.NoError(t, s.SetPayload(ctx, "x", id, i, time.Millisecond))
		}
	}

	slot := keyspace.Slot("s3")
	from := int(slot) * 3 / keyspace.Slots
	m := c.MigrateSlot(t, slot, (from+1)%3)
	m.MoveKeys(5) // the newest keys are those of triggers
	before := c.Primaries[from].CommandCalls(t, "evalsha")
	f.listen(expiry.Config{}, handlers{"x": func(c context.Context, e expiry.Event) error {
		var i int
		if err := e.Decode(&i); err != nil || strconv.Itoa(i) != e.ID {
			t.Errorf("%s has the payload %d: %v", e.ID, i, err)
		}
		return f.record(c, e)
	}})
	f.eventually(func() bool { return c.Primaries[from].CommandCalls(t, "evalsha") > before+15 })
	m.Finish()
	f.eventually(func() bool { return len(f.ids()) >= len(ids) })
	require.ElementsMatch(t, ids, f.ids())
}

// Invalid entries in the keys of a shard, and keys that look like triggers of a
// shard but lie in another slot, delay nothing.
func TestInvalidEntriesOnACluster(t *testing.T) {
	t.Parallel()
	p := pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()})
	f := newFixture(t, p)
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	beside := func(command, key string, args ...string) {
		require.NoError(t, client.Do(ctx, client.B().Arbitrary(command).Keys("expiry:"+key).Args(args...).Build()).Error())
	}
	for _, key := range []string{"{b}{s3}:EXPTRIGGER:x:1", "{{s3}:EXPTRIGGER:x:1", "a{s99}:EXPTRIGGER:x:1", "{}{s3}:EXPTRIGGER:x:1"} {
		f.redis("SET", key, "trigger:x", "PX", "3600000")
	}
	beside("ZADD", "%exp{s3}:due:x", "1", "garbage", "2", "expiry:{b}{s3}:EXPTRIGGER:x:1", "3", "expiry:a{s4}:EXPTRIGGER:x:1", "-inf", "{", "1e300", "}{")
	beside("ZADD", "%exp{s3}:active:x", "1", "garbage")
	beside("HSET", "%exp{s3}:payloads:x", "-|garbage", "garbage", "garbage", "garbage", "-|expiry:a{s4}:EXPTRIGGER:x:1", "garbage")
	beside("HSET", "%exp{s3}:status:x", "else", "garbage")
	l, _ := f.listen(expiry.Config{Sweep: 50 * time.Millisecond}, handlers{"x": f.record})
	for _, key := range []string{"{b}{s3}:EXPTRIGGER:x:2", "}{s3}:EXPTRIGGER:x:2"} {
		f.redis("SET", key, "trigger:x", "PX", "100")
	}
	for i := range 50 {
		require.NoError(t, f.schedule().Set(ctx, "x", strconv.Itoa(i), time.Duration(i)*time.Millisecond))
	}
	f.eventually(func() bool { return len(f.ids()) >= 50 })
	f.eventually(func() bool { return l.Stats().Pending == 0 && l.Stats().Dead >= 7 })
	require.Zero(t, l.Stats().Errors)
	require.EqualValues(t, 9, f.redisInt("STRLEN", "{b}{s3}:EXPTRIGGER:x:1"))
}

// keysOfNodes iterates over the keys of each node.
func keysOfNodes(t *testing.T, p *pool.Pools) func(yield func([]string) bool) {
	t.Helper()
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	return func(yield func([]string) bool) {
		for _, node := range client.Nodes() {
			keys, err := node.Do(ctx, node.B().Keys().Pattern("*").Build()).AsStrSlice()
			require.NoError(t, err)
			if !yield(keys) {
				return
			}
		}
	}
}

func TestClusterNeedsShards(t *testing.T) {
	t.Parallel()
	p := pooltest.Redis(t, pool.Config{URL: redistest.Cluster(t).URL()})
	_, err := expiry.NewSchedule(p, pool.Expiry, keyspace.Default().Trigger, "acme")
	require.ErrorIs(t, err, expiry.ErrUnsupported)
	require.ErrorContains(t, err, "keyspace.Cluster()")
	r := expiry.NewRegistry()
	require.NoError(t, r.On("x", newFixture(t, p).record))
	_, err = expiry.NewListener(p, r, expiry.Config{Layout: keyspace.Python()})
	require.ErrorIs(t, err, expiry.ErrUnsupported)
	s, err := expiry.NewSchedule(p, pool.Expiry, p.Layout().Trigger, "acme")
	require.NoError(t, err)
	require.ErrorIs(t, s.Set(ctx, "x", "{1}", time.Second), expiry.ErrInvalidKey)
}

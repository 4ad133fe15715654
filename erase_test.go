package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// unusual is a record with indexes.
type unusual struct {
	Email string `redis:"email,unique"`
	Age   int    `redis:"age,index"`
}

// eraseTenants are names of tenants that are parts of each other, or have a
// meaning in a glob, an escape or a schedule.
var eraseTenants = []string{"acme", "acme2", "a", "*", "[acme]", "?", `\`, "%", "%25", "%3A", "a%3Ab", "1|acme", "=|acme", "pending_batches", "queue", "_"}

// Erase removes exactly what the tenant has: afterwards, Redis is as it was
// before the tenant had anything, whichever other tenants there are.
func TestEraseIsExact(t *testing.T) {
	erase := func(t *testing.T, p *pool.Pools, indexed bool, names []string) {
		var states [][]string
		for _, tenant := range names {
			states = append(states, contents(t, p))
			fill(t, p, tenant, indexed)
			require.NotEqual(t, states[len(states)-1], contents(t, p))
		}
		for _, tenant := range slices.Backward(names) {
			want := states[len(states)-1]
			states = states[:len(states)-1]
			before := contents(t, p)
			dry, err := symphony.Erase(ctx, p, tenant, symphony.DryRun())
			require.NoError(t, err)
			require.Nil(t, dry.Left)
			require.Equal(t, before, contents(t, p), "a dry run changes nothing")
			e, err := symphony.Erase(ctx, p, tenant)
			require.NoError(t, err)
			require.Empty(t, e.Left, "%q", tenant)
			require.Equal(t, dry.Removed, e.Removed, "%q", tenant)
			require.Equal(t, want, contents(t, p), "%q", tenant)
			requireFilled(t, p, e.Removed, indexed)
			again, err := symphony.Erase(ctx, p, tenant)
			require.NoError(t, err)
			require.Empty(t, again.Removed)
		}
	}
	hostile := func(names ...string) []string { return append(slices.Clone(eraseTenants), names...) }
	t.Run("default", func(t *testing.T) {
		pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // a cluster refuses braces
			erase(t, p, true, []string{"acme", "acme2", "a", "*", "%", "a:b", "1|acme", "{acme}", "pending_batches"})
		})
	})
	t.Run("hostile", func(t *testing.T) {
		pooltest.Long(t)
		names, p := hostile("a:b", ":", "{acme}", "{", "}"), pooltest.Redis(t, pool.Config{})
		erase(t, p, true, names)
		slices.Reverse(names)
		erase(t, p, true, names)
	})
	t.Run("prefixed", func(t *testing.T) {
		erase(t, pooltest.Redis(t, pool.Config{PrefixKeys: true}), true, hostile("a:b", "user", "user:acme", "{acme}"))
	})
	t.Run("python", func(t *testing.T) {
		erase(t, pooltest.Redis(t, pool.Config{Layout: keyspace.Python()}), true, hostile("{acme}"))
	})
	t.Run("one group", func(t *testing.T) {
		l := keyspace.Default()
		l.User = keyspace.MustCompile("app:{tenant}:user:{id}")
		l.Table = keyspace.MustCompile("app:{tenant}:row:{table}:{pk}")
		erase(t, pooltest.Redis(t, pool.Config{Layout: l}), true, hostile("a:b", "app"))
	})
	t.Run("by tenant", func(t *testing.T) {
		pooltest.Long(t)
		pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
			erase(t, p, true, []string{"acme", "acme2", "a:b", "*", "%", "user"})
		})
	})
	t.Run("spread", func(t *testing.T) {
		pooltest.Long(t)
		pooltest.Each(t, func(t *testing.T, p *pool.Pools) { erase(t, p, false, []string{"acme", "acme2", "a:b", "*", "s3"}) })
	})
}

// fill stores something of every kind for a tenant. With indexed, it has lists
// and indexes.
func fill(t *testing.T, p *pool.Pools, tenant string, indexed bool) {
	t.Helper()
	var listed []symphony.Option
	if indexed {
		listed = append(listed, symphony.Listed())
		users, err := symphony.NewUser[unusual](p, tenant)
		require.NoError(t, err)
		require.NoError(t, users.Upsert(ctx, "u1", unusual{"ann@example.com", 30}))
		require.NoError(t, users.Upsert(ctx, "u2", unusual{"bob@example.com", 40}))
		for _, err := range users.Reindex(ctx) {
			require.NoError(t, err)
		}
	} else {
		users, err := symphony.NewUser[profile](p, tenant)
		require.NoError(t, err)
		require.NoError(t, users.Upsert(ctx, "u1", profile{}))
	}
	state, err := symphony.NewStateHandler[profile](p, tenant, "chat", listed...)
	require.NoError(t, err)
	require.NoError(t, state.Upsert(ctx, "u1", profile{}))
	require.NoError(t, table[profile](t, p, tenant, "visits", listed...).Upsert(ctx, "7", profile{}))
	require.NoError(t, table[profile](t, p, tenant, "a b", symphony.NoTTL()).Upsert(ctx, "7", profile{}))
	shared, err := symphony.NewSharedState(p, tenant, "u1", listed...)
	require.NoError(t, err)
	require.NoError(t, shared.Upsert(ctx, "draft", symphony.Fields{"text": "hello"}))
	values, err := symphony.NewGeneric[string](p, tenant)
	require.NoError(t, err)
	require.NoError(t, values.Set(ctx, "user:u1", "a value with colons in its key"))
	lock := keyspace.Beside("load", p.Prefix(pool.Default)+genericKey(t, p, tenant, "lock"))
	require.NoError(t, pooltest.Do(t, p, pool.Default, "SET", lock, "a load that runs").Error())
	feeds, err := symphony.NewFeed[string](p, tenant, "answers")
	require.NoError(t, err)
	_, err = feeds.Append(ctx, "a:1", "", "\xff")
	require.NoError(t, err)
	require.NoError(t, feeds.End(ctx, "a:1"))
	_, err = feeds.Append(ctx, "a2", "1")
	require.NoError(t, err)
	limits, err := symphony.NewLimiter(p, tenant, symphony.Rate{Limit: 1, Per: time.Hour})
	require.NoError(t, err)
	_, err = limits.Take(ctx, "a:1", 1)
	require.NoError(t, err)
	fillQueues(t, p, tenant)
	fillTriggers(t, p, tenant)
}

func genericKey(t *testing.T, p *pool.Pools, tenant, key string) string {
	t.Helper()
	whole, err := p.Layout().Generic.Key(tenant, key)
	require.NoError(t, err)
	return whole
}

// fillQueues stores queues of a tenant with items that wait, that wait for a
// next attempt, that are in flight, that have an expired lease, and dead
// letters.
func fillQueues(t *testing.T, p *pool.Pools, tenant string) {
	t.Helper()
	batch, err := symphony.NewBatch[string](p, tenant)
	require.NoError(t, err)
	for _, service := range []string{"mail", "sms"} {
		q := symphony.Queue{Service: service, Entity: "u1", Action: "send"}
		_, err = batch.Enqueue(ctx, q, "1", "2", "3", "4", "5")
		require.NoError(t, err)
		_, err = batch.With(symphony.MaxAttempts(1)).Process(ctx, q, 1, func(context.Context, []listrepo.Item[string]) error { return errors.New("broken") })
		require.Error(t, err)
		_, err = batch.Claim(ctx, q, 2, time.Hour)
		require.NoError(t, err)
		_, err = batch.Process(ctx, q, 1, func(context.Context, []listrepo.Item[string]) error {
			return symphony.RetryAfter(time.Hour, errors.New("later"))
		})
		require.Error(t, err)
	}
	set, err := p.Layout().PendingSet.Key("mail")
	require.NoError(t, err)
	places := pending.PlacesKey(p.Prefix(pool.Handlers)+set, tenant)
	require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", places, "9000000000000", "x").Error())
	serial := symphony.Queue{Service: "mail", Entity: "u2", Action: "x:y"}
	_, err = batch.With(symphony.Serial()).Enqueue(ctx, serial, "1", "2")
	require.NoError(t, err)
	claim, err := batch.Claim(ctx, serial, 2, time.Hour)
	require.NoError(t, err)
	require.NoError(t, claim.Ack(ctx, claim.Items[0]))
	gone := symphony.Queue{Service: "mail", Entity: "u3", Action: "gone"}
	_, err = batch.Enqueue(ctx, gone, "1")
	require.NoError(t, err)
	_, err = batch.Process(ctx, gone, 1, func(context.Context, []listrepo.Item[string]) error { return nil })
	require.NoError(t, err)
}

// fillTriggers sets triggers of a tenant with and without payloads, firings
// that wait for a next attempt, and dead letters.
func fillTriggers(t *testing.T, p *pool.Pools, tenant string) {
	t.Helper()
	triggers, err := symphony.NewTrigger(p, tenant)
	require.NoError(t, err)
	registry := expiry.NewRegistry()
	var left []string // of the firings that must have run
	for action, result := range map[string]error{
		"wait": expiry.RetryAfter(time.Hour, errors.New("later")),
		"die":  expiry.GiveUp(errors.New("broken")),
	} {
		require.NoError(t, triggers.SetPayload(ctx, action, "u1", "payload", 0))
		left = append(left, action)
		require.NoError(t, registry.On(action, func(context.Context, expiry.Event) error { return result }))
	}
	listener, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- listener.Run(running) }()
	requireEventually(t, func() bool {
		s := listener.Stats()
		return s.Retried+s.DeadLettered >= int64(len(left)) && s.Running == 0
	})
	stop()
	require.NoError(t, <-done)
	ids, soon := []string{"u1", "a:b|c"}, time.Duration(0)
	if p.Layout() == keyspace.Python() {
		ids, soon = []string{"u1", "ab|c"}, time.Hour // a trigger that is due expires
	}
	for _, id := range ids {
		require.NoError(t, triggers.Set(ctx, "soon", id, soon))
		fillBacklog(t, p, triggers, id)
		require.NoError(t, triggers.SetPayload(ctx, "later", id, map[string]int{"n": 1}, time.Hour))
		require.NoError(t, triggers.Debounce(ctx, "wait", id, time.Hour, time.Hour))
	}
	due, err := triggers.Due(ctx, "soon", ids[1])
	require.NoError(t, err)
	requireEventually(t, func() bool { return soon > 0 || time.Now().After(due.Add(time.Millisecond)) })
}

// fillBacklog adds the trigger to the backlog of its tenant, as a claim does
// that does not take all that is due.
func fillBacklog(t *testing.T, p *pool.Pools, triggers *symphony.Trigger, id string) {
	t.Helper()
	key, err := triggers.Key("soon", id)
	require.NoError(t, err)
	tenant, shard := key[:strings.LastIndex(key, ":EXPTRIGGER:soon:")], ""
	if at := strings.LastIndexByte(tenant, '{'); len(p.Layout().Trigger.Params()) == 4 {
		tenant, shard = tenant[:at], tenant[at:]
	}
	client, err := p.Client(pool.Expiry)
	require.NoError(t, err)
	add := func(kind, member string) {
		set := p.Prefix(pool.Expiry) + "%exp" + shard + ":" + kind
		require.NoError(t, client.Do(ctx, client.B().Zadd().Key(set).ScoreMember().ScoreMember(1, member).Build()).Error())
	}
	member := "t" + p.Prefix(pool.Expiry) + key
	add("tenants:soon", tenant)
	add("ready:soon:"+tenant, member)
	add("earlier:soon", member)
	if shard == "" {
		add("running:"+tenant, "1|1|"+member)
		add("blocked:"+tenant, "%exp:wake:soon")
	}
}

// requireFilled fails the test unless an erasure has all that fill makes.
func requireFilled(t *testing.T, p *pool.Pools, found map[string]int64, indexed bool) {
	t.Helper()
	want := map[string]int64{
		symphony.KindUser: 1, symphony.KindState: 1, symphony.KindTable: 2, symphony.KindSharedState: 1, symphony.KindGeneric: 1, symphony.KindFeed: 2, symphony.KindLimit: 1,
		symphony.KindQueue: 2, symphony.KindWaiting: 4, symphony.KindInFlight: 5, symphony.KindDead: 2, symphony.KindPending: 2,
		symphony.KindTrigger: 6, symphony.KindTriggerDue: 2, symphony.KindTriggerWaiting: 1, symphony.KindTriggerDead: 1,
	}
	if indexed {
		want[symphony.KindUser] = 2
	}
	if p.Layout() == keyspace.Python() {
		want[symphony.KindTriggerDue] = 0
	}
	got := map[string]int64{}
	for kind := range want {
		got[kind] = found[kind]
	}
	require.Equal(t, want, got)
	require.Equal(t, indexed, found[symphony.KindIndex] > 0)
	require.Positive(t, found[symphony.KindBeside])
}

// contents returns all entries of all keys, sorted, without what passes by
// itself and belongs to no tenant.
func contents(t *testing.T, p *pool.Pools) (all []string) {
	t.Helper()
	for _, a := range p.Aliases() {
		for _, key := range pooltest.Keys(t, p, a) {
			if p.Prefix(a) != "" && a != pool.Default {
				break // the aliases share a database
			}
			if strings.Contains(key, ":swept:") || strings.Contains(key, ":sweeping:") || strings.Contains(key, ":fired:") || strings.Contains(key, ":handled:") {
				continue
			}
			for _, entry := range entriesOf(t, p, a, key) {
				all = append(all, fmt.Sprintf("%s %q %s", a, key, entry))
			}
		}
	}
	slices.Sort(all)
	return all
}

func entriesOf(t *testing.T, p *pool.Pools, a pool.Alias, key string) (entries []string) {
	t.Helper()
	c, err := p.Client(a)
	require.NoError(t, err)
	do := func(command, key string, args ...string) []string {
		r := c.Do(ctx, c.B().Arbitrary(command).Keys(key).Args(args...).Build())
		if text, err := r.ToString(); err == nil {
			return []string{text}
		}
		m, err := r.ToAny()
		require.NoError(t, err)
		if pairs, ok := m.(map[string]any); ok {
			var all []string
			for k, v := range pairs {
				all = append(all, fmt.Sprintf("%q=%q", k, v))
			}
			return all
		}
		var all []string
		for i, element := range m.([]any) {
			all = append(all, fmt.Sprintf("%d %q", i, element))
		}
		return all
	}
	kind := do("TYPE", key)[0]
	switch kind {
	case "string":
		entries = do("GET", key)
	case "hash":
		entries = do("HGETALL", key)
	case "list":
		entries = do("LRANGE", key, "0", "-1")
	case "set":
		for _, member := range do("SMEMBERS", key) {
			_, member, _ = strings.Cut(member, " ")
			entries = append(entries, member)
		}
	case "zset":
		for _, member := range do("ZRANGE", key, "0", "-1", "WITHSCORES") {
			_, member, _ = strings.Cut(member, " ")
			entries = append(entries, member)
		}
	case "stream":
		entries = do("XRANGE", key, "-", "+")
	default:
		t.Fatalf("%q is a %s", key, kind)
	}
	for i := range entries {
		entries[i] = kind + " " + entries[i]
	}
	return entries
}

// Work of the tenant that runs during Erase loses its lease, and what its
// handlers return is not recorded. Work of another tenant runs on.
func TestEraseEndsRunningWork(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant, other := pooltest.UniqueTenant(), pooltest.UniqueTenant()
		started, ended := make(chan string, 4), make(chan string, 4)
		release := make(chan struct{})
		work := func(ctx context.Context, tenant string) error {
			started <- tenant
			select {
			case <-ctx.Done():
				ended <- tenant + " lost"
				return context.Cause(ctx)
			case <-release:
				ended <- tenant + " done"
				return nil
			}
		}
		registry := expiry.NewRegistry()
		require.NoError(t, registry.On("send", func(ctx context.Context, e expiry.Event) error { return work(ctx, e.Tenant) }))
		listener, err := expiry.NewListener(p, registry, expiry.Config{Lease: time.Second, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- listener.Run(running) }()
		handle := func(ctx context.Context, tenant string, _ symphony.Queue, _ []listrepo.Item[int]) error {
			return work(ctx, tenant)
		}
		stopWorkers := startWorkers(t, p, "mail", handle, symphony.WorkConfig{Lease: time.Second, OnError: func(*symphony.WorkError) {}})
		for _, tenant := range []string{tenant, other} {
			triggers, err := symphony.NewTrigger(p, tenant)
			require.NoError(t, err)
			require.NoError(t, triggers.SetPayload(ctx, "send", "u1", "payload", 0))
			enqueue(t, p, tenant, queue, 1)
		}
		for range 4 {
			<-started
		}

		e, err := symphony.Erase(ctx, p, tenant)
		require.NoError(t, err)
		require.EqualValues(t, 1, e.Removed[symphony.KindTriggerInFlight])
		require.EqualValues(t, 1, e.Removed[symphony.KindInFlight])
		require.Empty(t, e.Left)
		require.Equal(t, []string{tenant + " lost", tenant + " lost"}, []string{<-ended, <-ended})
		close(release)
		require.Equal(t, []string{other + " done", other + " done"}, []string{<-ended, <-ended})
		stop()
		require.NoError(t, <-done)
		stopWorkers()
		e, err = symphony.Erase(ctx, p, tenant)
		require.NoError(t, err)
		require.Empty(t, e.Removed, "handlers that lost their leases wrote")
	})
}

// Erase refuses what it cannot do exactly, before it sends anything.
func TestEraseRefusals(t *testing.T) {
	p := pooltest.Embedded(t)
	ambiguous := keyspace.Default()
	ambiguous.State = keyspace.Python(keyspace.AllowAmbiguous).State
	for _, opts := range [][]symphony.Option{
		{symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous))},
		{symphony.Layout(ambiguous)},
		{symphony.IfExists()},
		{symphony.Listed()},
		{symphony.ReadReplicas()},
		{symphony.TTL(time.Hour)},
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
			_, err := symphony.Erase(ctx, p, "acme", opts...)
			return err
		})
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
			for _, err := range symphony.Tenants(ctx, p, opts...) {
				return err
			}
			return nil
		})
	}
	for tenant, opts := range map[string][]symphony.Option{
		"":      nil,
		"a\x00": nil,
		"a:b":   {symphony.Layout(keyspace.Python())},
		"{a}":   {symphony.Layout(keyspace.Cluster())},
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error {
			_, err := symphony.Erase(ctx, p, tenant, opts...)
			return err
		})
	}
	pooltest.RequireNothingSent(t, p, symphony.ErrUnknownPool, func() error {
		_, err := symphony.Erase(ctx, p, "acme", symphony.On("none"))
		return err
	})
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
		for _, err := range symphony.Tenants(ctx, p, symphony.DryRun()) {
			return err
		}
		return nil
	})
}

// Erase with On removes what every kind of repository has on that pool, and
// nothing elsewhere.
func TestEraseOnOnePool(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		value := func(opts ...symphony.Option) *symphony.Generic[string] {
			values, err := symphony.NewGeneric[string](p, tenant, opts...)
			require.NoError(t, err)
			require.NoError(t, values.Set(ctx, "k", "v"))
			return values
		}
		here, elsewhere := value(symphony.On(pool.User)), value()
		users, err := symphony.NewUser[profile](p, tenant)
		require.NoError(t, err)
		require.NoError(t, users.Upsert(ctx, "u1", profile{}))
		e, err := symphony.Erase(ctx, p, tenant, symphony.On(pool.User))
		require.NoError(t, err)
		require.Equal(t, map[string]int64{symphony.KindUser: 1, symphony.KindGeneric: 1}, e.Removed)
		_, err = here.Get(ctx, "k")
		require.ErrorIs(t, err, symphony.ErrNotFound)
		_, err = elsewhere.Get(ctx, "k")
		require.NoError(t, err)
	})
}

// A key of another type where the library has a set, a sorted set or a list
// does not keep Erase from removing the rest.
func TestEraseBesideKeysOfOtherTypes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		enqueue(t, p, tenant, queue, 1)
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		require.NoError(t, triggers.Set(ctx, "send", "u1", time.Hour))
		key, err := triggers.Key("send", "u1")
		require.NoError(t, err)
		shard := ""
		if _, rest, ok := strings.Cut(key, "{"); ok {
			shard, _, _ = strings.Cut(rest, "}")
			shard = "{" + shard + "}"
		}
		c, err := p.Client(pool.Expiry)
		require.NoError(t, err)
		require.NoError(t, c.Do(ctx, c.B().Set().Key(p.Prefix(pool.Expiry)+"%exp"+shard+":status:send").Value("x").Build()).Error())
		pooltest.Do(t, p, pool.Handlers, "SET", pendingSetKey(t, p, "other"), "x")
		e, err := symphony.Erase(ctx, p, tenant)
		require.NoError(t, err)
		require.Empty(t, e.Left)
		require.EqualValues(t, 1, e.Removed[symphony.KindTrigger])
		require.EqualValues(t, 1, e.Removed[symphony.KindWaiting])
		for s, err := range symphony.Tenants(ctx, p) {
			require.NoError(t, err)
			require.NotEqual(t, tenant, s.Tenant)
		}
	})
}

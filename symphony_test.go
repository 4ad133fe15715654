package symphony_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

var ctx = context.Background()

type profile struct {
	Name  string   `redis:"name"`
	Score int64    `redis:"score"`
	Tags  []string `redis:"tags"`
}

var queue = symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}

// Each repository writes to the documented key and database, with the
// documented default lifetime.
func TestKeysPoolsAndTTLs(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		const day = 24 * time.Hour
		tenant := pooltest.UniqueTenant()
		users, err := symphony.NewUser[profile](p, tenant)
		require.NoError(t, err)
		states, err := symphony.NewStateHandler[profile](p, tenant, "chat")
		require.NoError(t, err)
		rows, err := symphony.NewTable[profile](p, tenant, "orders")
		require.NoError(t, err)
		shared, err := symphony.NewSharedState(p, tenant, "u1")
		require.NoError(t, err)
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		batch, err := symphony.NewBatch[profile](p, tenant)
		require.NoError(t, err)
		generic, err := symphony.NewGeneric[profile](p, tenant)
		require.NoError(t, err)

		require.NoError(t, users.Upsert(ctx, "u1", profile{Name: "Alice"}))
		require.NoError(t, states.Upsert(ctx, "u1", profile{Name: "Alice"}))
		require.NoError(t, rows.Upsert(ctx, "7", profile{Name: "Alice"}))
		require.NoError(t, shared.Upsert(ctx, "search", symphony.Fields{"query": "cups"}))
		require.NoError(t, triggers.Set(ctx, "remind", "u1", time.Minute))
		_, err = batch.Enqueue(ctx, queue, profile{Name: "Alice"})
		require.NoError(t, err)
		require.NoError(t, generic.Set(ctx, "limits", profile{Name: "Alice"}))

		trigger, err := triggers.Key("remind", "u1")
		require.NoError(t, err)
		list, pending := tenant+":batch:mail:u1:send", "pending_batches:mail"
		onCluster := p.Prefix(pool.User) != ""
		if onCluster {
			list, pending = tenant+":batch:{mail}:u1:send", "pending_batches:{mail}"
			require.Regexp(t, "^"+tenant+`\{s[0-9]+}:EXPTRIGGER:remind:u1$`, trigger)
		} else {
			require.Equal(t, tenant+":EXPTRIGGER:remind:u1", trigger)
		}
		for _, c := range []struct {
			alias    pool.Alias
			db       string
			key      string
			kind     string
			lifetime time.Duration
		}{
			{pool.User, "11", tenant + ":user:u1", "hash", day},
			{pool.Handlers, "10", tenant + ":state:chat:u1", "hash", day},
			{pool.Handlers, "10", tenant + ":df:orders:pkid:7", "hash", day},
			{pool.SharedState, "9", tenant + ":SS:search:u1", "hash", day},
			{pool.Expiry, "8", trigger, "string", time.Hour + time.Minute},
			{pool.Handlers, "10", list, "list", -1},
			{pool.Handlers, "10", pending, "set", -1},
			{pool.Default, "15", tenant + ":limits", "string", -1},
		} {
			kind, err := pooltest.Do(t, p, c.alias, "TYPE", c.key).ToString()
			require.NoError(t, err)
			require.Equal(t, c.kind, kind, c.key)
			ms, err := pooltest.Do(t, p, c.alias, "PTTL", c.key).AsInt64()
			require.NoError(t, err)
			if c.lifetime < 0 {
				require.EqualValues(t, -1, ms, c.key)
			} else {
				require.InDelta(t, c.lifetime.Milliseconds(), ms, 10_000, c.key)
			}
			if !strings.HasSuffix(t.Name(), "redis") {
				continue
			}
			info, err := pooltest.Do(t, p, c.alias, "CLIENT", "INFO").ToString()
			require.NoError(t, err)
			require.Contains(t, info, " db="+c.db+" ", c.key)
		}
	})
}

// With returns a repository of the same type, and its options apply.
func TestWithReturnsTheSameType(t *testing.T) {
	p := pooltest.Embedded(t)
	opts := []symphony.Option{symphony.TTL(time.Hour)}
	users, err := symphony.NewUser[profile](p, "a")
	require.NoError(t, err)
	var u *symphony.User[profile] = users.With(opts...)
	require.NoError(t, u.Upsert(ctx, "u", profile{}))
	states, err := symphony.NewStateHandler[profile](p, "a", "h")
	require.NoError(t, err)
	var s *symphony.StateHandler[profile] = states.With(opts...)
	require.NoError(t, s.Upsert(ctx, "u", profile{}))
	rows, err := symphony.NewTable[profile](p, "a", "t")
	require.NoError(t, err)
	var r *symphony.Table[profile] = rows.With(opts...)
	require.NoError(t, r.Upsert(ctx, "u", profile{}))
	shared, err := symphony.NewSharedState(p, "a", "u")
	require.NoError(t, err)
	var ss *symphony.SharedState = shared.With(opts...)
	require.NoError(t, ss.Upsert(ctx, "s", symphony.Fields{"a": 1}))
	typed, err := symphony.StateOf[profile](ss)
	require.NoError(t, err)
	require.NoError(t, typed.UpdateField(ctx, "s", "score", 1))
	generic, err := symphony.NewGeneric[int](p, "a")
	require.NoError(t, err)
	var g *symphony.Generic[int] = generic.With(opts...)
	require.NoError(t, g.Set(ctx, "k", 1))
	batch, err := symphony.NewBatch[int](p, "a")
	require.NoError(t, err)
	var b *symphony.Batch[int] = batch.With(opts...)
	_, err = b.Enqueue(ctx, queue, 1)
	require.NoError(t, err)
	triggers, err := symphony.NewTrigger(p, "a")
	require.NoError(t, err)
	var tr *symphony.Trigger = triggers.With(symphony.On(pool.Default))
	require.NoError(t, tr.Set(ctx, "x", "y", time.Second))

	for key, a := range map[string]pool.Alias{
		"a:user:u": pool.User, "a:state:h:u": pool.Handlers, "a:df:t:pkid:u": pool.Handlers, "a:SS:s:u": pool.SharedState,
		"a:k": pool.Default, "a:batch:mail:u1:send": pool.Handlers,
	} {
		ms, err := pooltest.Do(t, p, a, "PTTL", key).AsInt64()
		require.NoError(t, err)
		require.InDelta(t, time.Hour.Milliseconds(), ms, 60_000, key)
	}
	n, err := pooltest.Do(t, p, pool.Default, "EXISTS", "a:EXPTRIGGER:x:y").AsInt64()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// A tenant neither reads nor deletes the records of another tenant, whatever
// characters their names have.
func TestTenantsAreIsolated(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		a, b := pooltest.UniqueTenant(), pooltest.UniqueTenant()
		for _, names := range [][2]string{{a, b}, {a + ":user:x", a}, {a, a + ":user:x"}, {"*", b}, {a + "%3A", a + ":"}} {
			one, err := symphony.NewUser[profile](p, names[0])
			require.NoError(t, err)
			two, err := symphony.NewUser[profile](p, names[1])
			require.NoError(t, err)
			require.NoError(t, one.Upsert(ctx, "u", profile{Name: "one"}))
			_, err = two.Get(ctx, "u")
			require.ErrorIs(t, err, symphony.ErrNotFound)
			require.NoError(t, two.Upsert(ctx, "u", profile{Name: "two"}))
			n, err := one.DeleteAll(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			got, err := two.Get(ctx, "u")
			require.NoError(t, err)
			require.Equal(t, "two", got.Name)
			_, err = two.DeleteAll(ctx)
			require.NoError(t, err)
		}
	})
}

// DeleteAllByPK deletes the rows with a primary key from all tables of the
// tenant, and no others.
func TestDeleteAllByPK(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant, other := pooltest.UniqueTenant(), pooltest.UniqueTenant()
		write := func(tenant, table, pk string) *symphony.Table[profile] {
			rows, err := symphony.NewTable[profile](p, tenant, table)
			require.NoError(t, err)
			require.NoError(t, rows.Upsert(ctx, pk, profile{}))
			return rows
		}
		write(tenant, "orders", "7")
		write(tenant, "a:b", "7")
		kept := []*symphony.Table[profile]{write(tenant, "x", "8"), write(other, "x", "7")}
		n, err := symphony.DeleteAllByPK(ctx, p, tenant, "7")
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		for i, pk := range []string{"8", "7"} {
			found, err := kept[i].Exists(ctx, pk)
			require.NoError(t, err)
			require.True(t, found)
		}
		n, err = symphony.DeleteAllByPK(ctx, p, tenant, "*")
		require.NoError(t, err)
		require.Zero(t, n)
		_, err = symphony.DeleteAllByPK(ctx, p, tenant, "")
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	})
}

// SharedState reads and writes values of any type, and deletes only the states
// of its user.
func TestSharedState(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) { testSharedState(t, p) })
}

func testSharedState(t *testing.T, p *pool.Pools, opts ...symphony.Option) {
	t.Helper()
	tenant := pooltest.UniqueTenant()
	ss, err := symphony.NewSharedState(p, tenant, "u1", opts...)
	require.NoError(t, err)
	other, err := symphony.NewSharedState(p, tenant, "u2", opts...)
	require.NoError(t, err)
	require.NoError(t, other.Upsert(ctx, "s", symphony.Fields{"a": 1}))
	// The SCAN pattern of u1's states matches the keys of x:u1 too.
	longer, err := symphony.NewSharedState(p, tenant, "x:u1", opts...)
	require.NoError(t, err)
	require.NoError(t, longer.Upsert(ctx, "s", symphony.Fields{"a": 1}))

	when := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	require.NoError(t, ss.Upsert(ctx, "s", symphony.Fields{
		"text": "1", "n": int8(7), "f": 1.5, "ok": true, "at": when, "list": []string{"a"}, "rec": profile{Name: "x"}, "gone": 1,
	}))
	require.NoError(t, ss.Upsert(ctx, "s", symphony.Fields{"n": 8, "gone": nil}))
	values, err := ss.Get(ctx, "s")
	require.NoError(t, err)
	require.Len(t, values, 7)
	require.Equal(t, "1", values["text"].String())
	n, err := values["n"].Int()
	require.NoError(t, err)
	require.EqualValues(t, 8, n)
	f, err := values["f"].Float()
	require.NoError(t, err)
	require.InDelta(t, 1.5, f, 0)
	ok, err := values["ok"].Bool()
	require.NoError(t, err)
	require.True(t, ok)
	var at time.Time
	require.NoError(t, values["at"].Decode(&at))
	require.True(t, when.Equal(at))
	var rec profile
	require.NoError(t, ss.GetField(ctx, "s", "rec", &rec))
	require.Equal(t, profile{Name: "x"}, rec)
	_, err = values["text"].Bool()
	require.NoError(t, err)
	_, err = values["list"].Int()
	var bad *codec.DecodeError
	require.ErrorAs(t, err, &bad)

	require.NoError(t, ss.UpdateField(ctx, "s", "text", "two"))
	require.NoError(t, ss.UpdateField(ctx, "s", "n", nil))
	var text string
	require.NoError(t, ss.GetField(ctx, "s", "text", &text))
	require.Equal(t, "two", text)
	count := 3
	require.NoError(t, ss.GetField(ctx, "s", "n", &count))
	require.Zero(t, count, "an absent field must be read as the zero value")
	require.ErrorIs(t, ss.GetField(ctx, "none", "n", &count), symphony.ErrNotFound)
	deleted, err := ss.DeleteField(ctx, "s", "ok", "nothing")
	require.NoError(t, err)
	require.EqualValues(t, 1, deleted)

	require.NoError(t, ss.Upsert(ctx, "t:u", symphony.Fields{}))
	names, err := ss.States(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"s", "t:u"}, names)
	found, err := ss.Exists(ctx, "t:u")
	require.NoError(t, err)
	require.True(t, found)
	touched, err := ss.Touch(ctx, "t:u")
	require.NoError(t, err)
	require.True(t, touched)
	ttl, err := ss.TTL(ctx, "t:u")
	require.NoError(t, err)
	require.InDelta(t, 24*time.Hour, ttl, float64(time.Minute))
	gone, err := ss.Delete(ctx, "t:u", "none")
	require.NoError(t, err)
	require.EqualValues(t, 1, gone)

	typed, err := symphony.StateOf[struct {
		Text string  `redis:"text"`
		F    float64 `redis:"f"`
	}](ss)
	require.NoError(t, err)
	got, err := typed.Get(ctx, "s")
	require.NoError(t, err)
	require.Equal(t, "two", got.Text)
	cleared, err := ss.Clear(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 1, cleared)
	_, err = other.Get(ctx, "s")
	require.NoError(t, err, "the state of another user was deleted")
	_, err = longer.Get(ctx, "s")
	require.NoError(t, err, "the state of a user whose id has the same ending was deleted")
}

// Set, Delete and DeleteAll change only the named triggers, and refuse invalid
// arguments before anything is sent.
func TestTriggers(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		ttl := func(action, id string) time.Duration {
			key, err := triggers.Key(action, id)
			require.NoError(t, err)
			ms, err := pooltest.Do(t, p, pool.Expiry, "PTTL", key).AsInt64()
			require.NoError(t, err)
			return time.Duration(ms) * time.Millisecond
		}
		require.NoError(t, triggers.Set(ctx, "a", "1", time.Hour))
		require.NoError(t, triggers.Set(ctx, "a", "1", time.Minute))
		require.InDelta(t, time.Hour+time.Minute, ttl("a", "1"), float64(10*time.Second), "the key must live until the trigger is due, and an hour longer")
		for _, id := range []string{"*", "1", "2", "x:y"} {
			require.NoError(t, triggers.Set(ctx, "a", id, time.Minute))
			require.NoError(t, triggers.Set(ctx, "b:c", id, time.Minute))
		}
		n, err := triggers.DeleteAll(ctx, "*")
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		require.Positive(t, ttl("b:c", "1"))
		deleted, err := triggers.Delete(ctx, "a", "1")
		require.NoError(t, err)
		require.True(t, deleted)
		deleted, err = triggers.Delete(ctx, "a", "1")
		require.NoError(t, err)
		require.False(t, deleted)

		require.NoError(t, triggers.Set(ctx, "soon", "1", time.Microsecond))
		for _, opt := range []symphony.Option{symphony.TTL(time.Hour), symphony.NoTTL(), symphony.KeepTTL()} {
			_, err := symphony.NewTrigger(p, tenant, opt)
			require.ErrorIs(t, err, symphony.ErrUnsupported)
			pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
				return triggers.With(opt).Set(ctx, "a", "1", time.Second)
			})
		}
		require.NoError(t, triggers.Set(ctx, "now", "1", 0))
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidTTL, func() error { return triggers.Set(ctx, "a", "1", -time.Second) })
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { return triggers.Set(ctx, "", "1", time.Second) })
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { _, err := triggers.DeleteAll(ctx, ""); return err })
		_, err = triggers.Key("a", "")
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	})
}

// A trigger that is set on another pool is delivered by a listener on that
// pool.
func TestTriggersFire(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		triggers, err := symphony.NewTrigger(p, tenant, symphony.On(pool.Handlers))
		require.NoError(t, err)
		running, stop := context.WithCancel(ctx)
		defer stop()
		registry := expiry.NewRegistry()
		require.NoError(t, expiry.OnPayload(registry, "greet", func(_ context.Context, e expiry.Event, who string) error {
			defer stop()
			if e.Tenant != tenant || e.ID != "u:1" || who != "Alice" {
				t.Errorf("%s %s greets %s", e.Tenant, e.ID, who)
			}
			return nil
		}))
		listener, err := expiry.NewListener(p, registry, expiry.Config{Pool: pool.Handlers})
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayload(ctx, "greet", "u:1", "Alice", time.Hour))
		require.NoError(t, triggers.Debounce(ctx, "greet", "u:1", time.Millisecond, time.Second))
		require.NoError(t, listener.Run(running))
		require.EqualValues(t, 1, listener.Stats().Succeeded)
	})
}

// Every constructor refuses invalid schemas, tenants, pools and options.
func TestConstructorErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	type bad struct{ C chan int }
	for name, c := range map[string]struct {
		want error
		make func(p *pool.Pools, tenant string, opts ...symphony.Option) error
	}{
		"User": {symphony.ErrInvalidSchema, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewUser[bad](p, tenant, opts...)
			return err
		}},
		"StateHandler": {symphony.ErrInvalidSchema, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewStateHandler[bad](p, tenant, "h", opts...)
			return err
		}},
		"Table": {symphony.ErrInvalidSchema, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewTable[bad](p, tenant, "t", opts...)
			return err
		}},
		"SharedState": {nil, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewSharedState(p, tenant, "u", opts...)
			return err
		}},
		"Trigger": {nil, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewTrigger(p, tenant, opts...)
			return err
		}},
		"Batch": {symphony.ErrInvalidSchema, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewBatch[bad](p, tenant, opts...)
			return err
		}},
		"Generic": {symphony.ErrInvalidSchema, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.NewGeneric[bad](p, tenant, opts...)
			return err
		}},
		"PendingTenants": {nil, func(p *pool.Pools, tenant string, opts ...symphony.Option) error {
			_, err := symphony.PendingTenants(ctx, p, tenant, opts...)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want != nil {
				require.ErrorIs(t, c.make(p, "a"), c.want)
			} else {
				require.NoError(t, c.make(p, "a"))
			}
			require.ErrorIs(t, c.make(p, ""), symphony.ErrInvalidKey)
			require.ErrorIs(t, c.make(p, "a\x00b"), symphony.ErrInvalidKey)
			require.ErrorIs(t, c.make(nil, "a"), symphony.ErrUnknownPool)
			require.ErrorIs(t, c.make(p, "a", symphony.On("nowhere")), symphony.ErrUnknownPool)
			want := symphony.ErrInvalidTTL
			if name == "Trigger" {
				want = symphony.ErrUnsupported
			}
			require.ErrorIs(t, c.make(p, "a", symphony.TTL(0)), want)
			require.ErrorIs(t, c.make(p, "a", symphony.IfExists(), symphony.IfAbsent()), symphony.ErrUnsupported)
			require.ErrorIs(t, c.make(p, "a", symphony.IfVersion(1)), symphony.ErrUnsupported)
		})
	}
	_, err := symphony.NewStateHandler[profile](p, "a", "")
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.NewTable[profile](p, "a", "")
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
	_, err = symphony.NewSharedState(p, "a", "")
	require.ErrorIs(t, err, symphony.ErrInvalidKey)
}

// A repository made with hashrepo.New takes the options of this package and
// returns its errors.
func TestOptionsApplyToOwnRepositories(t *testing.T) {
	p := pooltest.Embedded(t)
	keys := keyspace.MustCompile("{tenant}:limit:{id}")
	s, err := keys.Bind("a")
	require.NoError(t, err)
	repo, err := hashrepo.New[profile](p, pool.Default, s, symphony.TTL(time.Minute), hashrepo.KeepTTL())
	require.NoError(t, err)
	require.ErrorIs(t, repo.With(symphony.IfExists()).Upsert(ctx, "x", profile{}), symphony.ErrNotFound)
}

// A sentinel error is the same value in every package that exports it.
func TestSentinelErrorsAreIdentical(t *testing.T) {
	for _, names := range [][]error{
		{symphony.ErrNotFound, hashrepo.ErrNotFound, kvrepo.ErrNotFound, listrepo.ErrNotFound, expiry.ErrNotFound},
		{symphony.ErrExists, hashrepo.ErrExists, kvrepo.ErrExists, listrepo.ErrExists, expiry.ErrExists},
		{symphony.ErrConflict, hashrepo.ErrConflict, kvrepo.ErrConflict},
		{symphony.ErrUnknownField, hashrepo.ErrUnknownField},
		{symphony.ErrInvalidPage, hashrepo.ErrInvalidPage},
		{symphony.ErrFieldType, hashrepo.ErrFieldType},
		{symphony.ErrWrongType, hashrepo.ErrWrongType, kvrepo.ErrWrongType, listrepo.ErrWrongType, expiry.ErrWrongType},
		{symphony.ErrInvalidKey, hashrepo.ErrInvalidKey, kvrepo.ErrInvalidKey, listrepo.ErrInvalidKey, expiry.ErrInvalidKey, keyspace.ErrInvalidKey},
		{symphony.ErrInvalidTTL, hashrepo.ErrInvalidTTL, kvrepo.ErrInvalidTTL, listrepo.ErrInvalidTTL, expiry.ErrInvalidTTL},
		{symphony.ErrInvalidSchema, hashrepo.ErrInvalidSchema, kvrepo.ErrInvalidSchema, listrepo.ErrInvalidSchema},
		{symphony.ErrOverflow, hashrepo.ErrOverflow},
		{symphony.ErrTooLarge, hashrepo.ErrTooLarge, kvrepo.ErrTooLarge, listrepo.ErrTooLarge, expiry.ErrTooLarge},
		{symphony.ErrFull, listrepo.ErrFull},
		{symphony.ErrUnknownPool, hashrepo.ErrUnknownPool, kvrepo.ErrUnknownPool, listrepo.ErrUnknownPool, expiry.ErrUnknownPool, pool.ErrUnknownPool},
		{symphony.ErrUnsupported, hashrepo.ErrUnsupported, kvrepo.ErrUnsupported, listrepo.ErrUnsupported, expiry.ErrUnsupported},
		{symphony.ErrLeaseLost, listrepo.ErrLeaseLost, expiry.ErrLeaseLost},
		{symphony.ErrClosed, hashrepo.ErrClosed, kvrepo.ErrClosed, listrepo.ErrClosed, expiry.ErrClosed, pool.ErrClosed},
	} {
		for _, err := range names {
			require.Same(t, names[0], err)
		}
	}
}

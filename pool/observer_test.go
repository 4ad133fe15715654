package pool_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// observer keeps the calls that it is told of.
type observer struct {
	mu     sync.Mutex
	calls  []pool.Call
	errs   []error
	open   int
	opened []*pool.Pools
	closed []*pool.Pools
}

type observedKey struct{}

func (o *observer) Opened(p *pool.Pools) { o.opened = append(o.opened, p) }
func (o *observer) Closed(p *pool.Pools) { o.closed = append(o.closed, p) }

func (o *observer) Begin(ctx context.Context, c pool.Call) (context.Context, func(error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open++
	return context.WithValue(ctx, observedKey{}, true), func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.open--
		o.calls, o.errs = append(o.calls, c), append(o.errs, err)
	}
}

// take returns the calls that ended since the last take. All calls that began
// must have ended.
func (o *observer) take(t *testing.T) (calls []pool.Call, errs []error) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	require.Zero(t, o.open)
	calls, errs = o.calls, o.errs
	o.calls, o.errs = nil, nil
	for i := range calls {
		require.NotEmpty(t, calls[i].Addr)
		calls[i].Addr = ""
	}
	return calls, errs
}

type observedRecord struct {
	Name  string `redis:"name"`
	Score int64  `redis:"score"`
}

// An observer sees each call once, with the operation that sent it.
func TestObserver(t *testing.T) {
	var seen observer
	ctx := withTimeout(t)
	p := pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL(), Observer: &seen})
	require.Equal(t, []*pool.Pools{p}, seen.opened)
	_, _ = seen.take(t)

	users, err := symphony.NewUser[observedRecord](p, "acme")
	require.NoError(t, err)
	cached := users.With(symphony.Cached(time.Minute))
	values, err := symphony.NewGeneric[string](p, "acme")
	require.NoError(t, err)
	batch, err := symphony.NewBatch[string](p, "acme")
	require.NoError(t, err)
	trigger, err := symphony.NewTrigger(p, "acme")
	require.NoError(t, err)
	score := hashrepo.NumberOf(func(r *observedRecord) *int64 { return &r.Score })
	queue := symphony.Queue{Service: "s", Entity: "u1", Action: "a"}
	user := func(operation, command string, commands, keys int) pool.Call {
		return pool.Call{
			Repository: "User", Operation: operation, Attempt: 1, Tenant: "acme", Pool: pool.User, Database: 11,
			Command: command, Commands: commands, Keys: keys,
		}
	}
	for _, c := range []struct {
		name string
		call func() error
		want []pool.Call
	}{
		{"a write", func() error { return users.Upsert(ctx, "u1", observedRecord{Name: "Al"}) },
			[]pool.Call{user("Upsert", "EVALSHA", 1, 1), user("Upsert", "EVAL", 1, 1)}},
		{"a read", func() error { _, err := users.Get(ctx, "u1"); return err }, []pool.Call{user("Get", "HMGET", 1, 1)}},
		{"a miss of the cache", func() error { _, err := cached.Get(ctx, "u1"); return err }, []pool.Call{user("Get", "HMGET", 1, 1)}},
		{"a hit of the cache", func() error { _, err := cached.Get(ctx, "u1"); return err }, nil},
		{"many", func() error { _, err := users.GetMany(ctx, "u1", "u2", "u3"); return err },
			[]pool.Call{user("GetMany", "HMGET", 3, 3), user("GetMany", "EXISTS", 2, 2)}},
		{"exists", func() error { _, err := users.Exists(ctx, "u1"); return err }, []pool.Call{user("Exists", "EXISTS", 1, 1)}},
		{"delete", func() error { _, err := users.Delete(ctx, "u1"); return err }, []pool.Call{user("Delete", "UNLINK", 1, 1)}},
		{"a value", func() error { return values.Set(ctx, "k", "v") },
			[]pool.Call{{Repository: "Generic", Operation: "Set", Attempt: 1, Tenant: "acme", Pool: pool.Default, Database: 15, Command: "SET", Commands: 1, Keys: 1}}},
		{"a ping", func() error { return mustPing(ctx, p, pool.Expiry) },
			[]pool.Call{{Attempt: 1, Pool: pool.Expiry, Database: 8, Command: "PING", Commands: 1}}},
		{"a raw transaction", func() error {
			raw, err := p.Client(pool.PubSub)
			for _, r := range raw.DoMulti(ctx, raw.B().Multi().Build(), raw.B().Set().Key("a").Value("1").Build(),
				raw.B().Get().Key("a").Build(), raw.B().Mget().Key("a", "b").Build(), raw.B().Exec().Build()) {
				require.NoError(t, r.Error())
			}
			return err
		}, []pool.Call{{Attempt: 1, Pool: pool.PubSub, Database: 7, Command: "MULTI", Commands: 5, Keys: 2}}},
		{"nothing", func() error {
			raw, err := p.Client(pool.PubSub)
			require.Empty(t, raw.DoMulti(ctx))
			return err
		}, nil},
	} {
		require.NoError(t, c.call(), c.name)
		calls, errs := seen.take(t)
		require.Equal(t, c.want, calls, c.name)
		for _, err := range errs {
			require.NoError(t, err, c.name)
		}
	}

	_, err = batch.Enqueue(ctx, queue, "x")
	require.NoError(t, err)
	requireOperation(t, &seen, "Batch", "Enqueue")
	require.NoError(t, trigger.Set(ctx, "remind", "i1", time.Hour))
	requireOperation(t, &seen, "Trigger", "Set")
	require.NoError(t, users.Update(ctx, "u2", score.Add(1)))
	requireOperation(t, &seen, "User", "Update")
	for _, err := range users.All(ctx) {
		require.NoError(t, err)
	}
	requireOperation(t, &seen, "User", "All")

	require.NoError(t, pooltest.Do(t, p, pool.User, "SET", "acme:user:text", "x").Error())
	_, _ = seen.take(t)
	_, err = users.Get(ctx, "text")
	require.ErrorIs(t, err, symphony.ErrWrongType)
	_, errs := seen.take(t)
	require.Len(t, errs, 1)
	_, refused := rueidis.IsRedisErr(errs[0])
	require.True(t, refused)

	p.Close()
	p.Close()
	require.Equal(t, []*pool.Pools{p}, seen.closed)
	_, err = users.Get(ctx, "u2")
	require.ErrorIs(t, err, pool.ErrClosed)
	calls, _ := seen.take(t)
	require.Empty(t, calls, "nothing was sent")
}

// An operation that competes with other writers counts its attempts.
func TestObserverCountsAttempts(t *testing.T) {
	var seen observer
	ctx := withTimeout(t)
	p := pooltest.Redis(t, pool.Config{URL: redistest.Server(t).URL(), Observer: &seen})
	users, err := symphony.NewUser[observedRecord](p, "acme")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u1", observedRecord{}))
	_, _ = seen.take(t)

	overtaken := false
	_, err = users.Mutate(ctx, "u1", func(r *observedRecord) error {
		if !overtaken {
			overtaken = true
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", "acme:user:u1", "score", "7").Error())
		}
		r.Score++
		return nil
	})
	require.NoError(t, err)
	calls, _ := seen.take(t)
	var attempts []int
	for _, c := range calls {
		if c.Operation == "Mutate" {
			attempts = append(attempts, c.Attempt)
		}
	}
	require.Equal(t, 1, attempts[0])
	require.Equal(t, 2, attempts[len(attempts)-1])
}

func requireOperation(t *testing.T, o *observer, repository, operation string) {
	t.Helper()
	calls, _ := o.take(t)
	require.NotEmpty(t, calls)
	for _, c := range calls {
		require.Equal(t, [3]string{repository, operation, "acme"}, [3]string{c.Repository, c.Operation, c.Tenant}, c)
	}
}

func mustPing(ctx context.Context, p *pool.Pools, a pool.Alias) error {
	c, err := p.Client(a)
	if err != nil {
		return err
	}
	return c.Do(ctx, c.B().Ping().Build()).Error()
}

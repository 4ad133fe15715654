package symphony_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// The option Layout sets the keys of a repository.
func TestLayouts(t *testing.T) {
	p := pooltest.Embedded(t)
	users, err := symphony.NewUser[profile](p, "a:b", symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous)))
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u", profile{Name: "x"}))
	require.Equal(t, "x", pooltest.Hash(t, p, pool.User, "a:b:user:u")["name"])
	users, err = symphony.NewUser[profile](p, "a:b")
	require.NoError(t, err)
	require.NoError(t, users.Upsert(ctx, "u", profile{Name: "y"}))
	require.Equal(t, "y", pooltest.Hash(t, p, pool.User, "a%3Ab:user:u")["name"])
}

// With ClusterByTenant, the records of a tenant are written, read, listed and
// deleted, and those of another tenant remain. On a cluster all of them are in
// the slot of the tenant.
func TestRecordsByTenant(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		tenant, other := "acme:"+pooltest.UniqueTenant(), pooltest.UniqueTenant()
		mine, theirs := newRecordRepos(t, p, tenant), newRecordRepos(t, p, other)
		mine.write(t)
		theirs.write(t)

		slots := []uint16{keyspace.Slot(strings.Replace(tenant, ":", "%3A", 1)), keyspace.Slot(other)}
		for _, a := range []pool.Alias{pool.User, pool.Handlers, pool.SharedState, pool.Default} {
			keys := pooltest.Keys(t, p, a)
			require.NotEmpty(t, keys)
			for _, key := range keys {
				require.Contains(t, slots, keyspace.Slot(key), key)
			}
		}
		mine.requireRecords(t)
		rows, err := symphony.DeleteAllByPK(ctx, p, tenant, "u2")
		require.NoError(t, err)
		require.EqualValues(t, 1, rows)
		mine.deleteAll(t)
		theirs.requireRecords(t)
	})
}

// recordRepos has a repository of each kind whose keys have the tenant as their
// hash tag in ClusterByTenant.
type recordRepos struct {
	users   *symphony.User[profile]
	states  *symphony.StateHandler[profile]
	rows    *symphony.Table[profile]
	shared  *symphony.SharedState
	generic *symphony.Generic[int]
}

func newRecordRepos(t *testing.T, p *pool.Pools, tenant string, opts ...symphony.Option) *recordRepos {
	t.Helper()
	var r recordRepos
	var errs [5]error
	r.users, errs[0] = symphony.NewUser[profile](p, tenant, opts...)
	r.states, errs[1] = symphony.NewStateHandler[profile](p, tenant, "chat", opts...)
	r.rows, errs[2] = symphony.NewTable[profile](p, tenant, "orders", opts...)
	r.shared, errs[3] = symphony.NewSharedState(p, tenant, "u1", opts...)
	r.generic, errs[4] = symphony.NewGeneric[int](p, tenant, opts...)
	require.NoError(t, errors.Join(errs[:]...))
	return &r
}

func (r *recordRepos) hashes() []*hashrepo.HashRepo[profile] {
	return []*hashrepo.HashRepo[profile]{r.users.HashRepo, r.states.HashRepo, r.rows.HashRepo}
}

var (
	aliceBefore = profile{Name: "Alice", Score: 1}
	alice       = profile{Name: "Alice", Score: 12}
	bob         = profile{Name: "Bob"}
)

// write writes records in several ways, so that alice, bob and the values of
// requireRecords remain.
func (r *recordRepos) write(t *testing.T) {
	t.Helper()
	for _, repo := range r.hashes() {
		require.NoError(t, repo.UpsertMany(ctx, hashrepo.Record[profile]{ID: "u:1", Value: aliceBefore}, hashrepo.Record[profile]{ID: "u2", Value: bob}))
		require.NoError(t, repo.With(symphony.IfExists()).Update(ctx, "u:1", hashrepo.At[profile]("score").Set(11)))
		got, err := repo.Mutate(ctx, "u:1", func(p *profile) error { p.Score++; return nil })
		require.NoError(t, err)
		require.Equal(t, alice, got)
	}
	require.NoError(t, r.shared.Upsert(ctx, "a:b", symphony.Fields{"n": 1}))
	require.NoError(t, r.shared.UpdateField(ctx, "c", "n", 2))
	require.NoError(t, r.generic.Set(ctx, "a:b", 1))
	loaded, err := r.generic.GetOrLoad(ctx, "c", func(context.Context) (int, error) { return 2, nil })
	require.NoError(t, err)
	require.Equal(t, 2, loaded)
}

func (r *recordRepos) requireRecords(t *testing.T) {
	t.Helper()
	both := []hashrepo.Record[profile]{{ID: "u2", Value: bob}, {ID: "u:1", Value: alice}}
	for _, repo := range r.hashes() {
		got, err := repo.Get(ctx, "u:1")
		require.NoError(t, err)
		require.Equal(t, alice, got)
		many, err := repo.GetMany(ctx, "u2", "nobody", "u:1")
		require.NoError(t, err)
		require.Equal(t, both, many)
		var all []hashrepo.Record[profile]
		for record, err := range repo.All(ctx) {
			require.NoError(t, err)
			all = append(all, record)
		}
		require.ElementsMatch(t, both, all)
		found, err := repo.FindByField(ctx, "name", "Bob")
		require.NoError(t, err)
		require.Equal(t, both[0], found)
	}
	states, err := r.shared.States(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"a:b", "c"}, states)
	var n int
	require.NoError(t, r.shared.GetField(ctx, "a:b", "n", &n))
	require.Equal(t, 1, n)
	values, err := r.generic.GetMany(ctx, "a:b", "c")
	require.NoError(t, err)
	require.Len(t, values, 2)
	var ids []string
	for id, err := range r.generic.IDs(ctx) {
		require.NoError(t, err)
		ids = append(ids, id)
	}
	require.ElementsMatch(t, []string{"a:b", "c"}, ids)
}

// deleteAll deletes all records. One row is gone already.
func (r *recordRepos) deleteAll(t *testing.T) {
	t.Helper()
	for i, repo := range r.hashes() {
		n, err := repo.DeleteAll(ctx)
		require.NoError(t, err)
		require.EqualValues(t, []int{2, 2, 1}[i], n)
		_, err = repo.Get(ctx, "u:1")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	}
	n, err := r.shared.Clear(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	n, err = r.generic.DeleteAll(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
}

// With ClusterByTenant, queues and triggers work as with Cluster, beside the
// records of their tenant.
func TestWorkByTenant(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		q := symphony.Queue{Service: pooltest.UniqueTenant(), Entity: "e:1", Action: "a"}
		users, err := symphony.NewUser[profile](p, tenant)
		require.NoError(t, err)

		b := enqueue(t, p, tenant, q, 1, 2, 3)
		c, err := b.Claim(ctx, q, 1, time.Minute)
		require.NoError(t, err)
		require.NoError(t, c.Release(ctx))
		n, err := b.Process(ctx, q, 1, func(_ context.Context, items []listrepo.Item[int]) error {
			require.Equal(t, 1, items[0].Value)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, []string{tenant}, pendingTenants(t, p, q.Service))
		stop := startWorkers(t, p, q.Service, func(ctx context.Context, tenant string, _ symphony.Queue, items []listrepo.Item[int]) error {
			return errorOf(users.IncrementField(ctx, "worker", "score", int64(len(items))))
		}, symphony.WorkConfig{})
		requireEventually(t, func() bool { return len(pendingTenants(t, p, q.Service)) == 0 })
		stop()

		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		require.NoError(t, triggers.SetPayload(ctx, "greet", "u:1", 5, time.Millisecond))
		require.NoError(t, triggers.Set(ctx, "greet", "later", time.Hour))
		due, err := triggers.Due(ctx, "greet", "later")
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(time.Hour), due, time.Minute)
		deleted, err := triggers.DeleteAll(ctx, "later")
		require.NoError(t, err)
		require.EqualValues(t, 1, deleted)
		running, cancel := context.WithCancel(ctx)
		defer cancel()
		registry := expiry.NewRegistry()
		require.NoError(t, expiry.OnPayload(registry, "greet", func(ctx context.Context, e expiry.Event, by int64) error {
			defer cancel()
			return errorOf(users.IncrementField(ctx, "worker", "score", by))
		}))
		listener, err := expiry.NewListener(p, registry, expiry.Config{})
		require.NoError(t, err)
		require.NoError(t, listener.Run(running))
		got, err := users.Get(ctx, "worker")
		require.NoError(t, err)
		require.EqualValues(t, 7, got.Score, "two items and a trigger of five")
	})
}

func errorOf[T any](_ T, err error) error { return err }

// The shared state of a request has the layout of the pools. A user with a
// brace is refused with the status 400.
func TestBindSharedStateByTenant(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if ss, ok := symphony.SharedStateFrom(r.Context()); assert.True(t, ok) {
				assert.NoError(t, ss.UpdateField(r.Context(), "search", "n", 1))
			}
		})
		for user, want := range map[string]int{"u": http.StatusOK, "{u}": http.StatusBadRequest} {
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header.Set("X-Tenant", tenant)
			r.Header.Set("X-User", user)
			w := httptest.NewRecorder()
			scope.Middleware(byHeader, symphony.BindSharedState(p))(handler).ServeHTTP(w, r)
			require.Equal(t, want, w.Code, w.Body)
		}
		require.Equal(t, []string{p.Prefix(pool.SharedState) + "{" + tenant + "}:SS:search:u"}, pooltest.Keys(t, p, pool.SharedState))
	})
}

// The option Layout gives single repositories the layout by tenant. Names with
// braces are refused before anything is sent.
func TestOptionLayoutByTenant(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		repos := newRecordRepos(t, p, tenant, symphony.Layout(keyspace.ClusterByTenant()))
		repos.write(t)
		repos.requireRecords(t)
		require.Contains(t, pooltest.Keys(t, p, pool.User), p.Prefix(pool.User)+"{"+tenant+"}:user:u:1")
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { return repos.users.Upsert(ctx, "{u}", profile{}) })
		_, err := symphony.NewUser[profile](p, "{a}", symphony.Layout(keyspace.ClusterByTenant()))
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	})
}

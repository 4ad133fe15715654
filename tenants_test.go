package symphony_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Tenants finds the very things that Erase would remove, and each tenant once
// and in order.
func TestTenants(t *testing.T) {
	check := func(t *testing.T, p *pool.Pools, indexed bool, names ...string) {
		for _, tenant := range names {
			fill(t, p, tenant, indexed)
		}
		var found []string
		for s, err := range symphony.Tenants(ctx, p) {
			require.NoError(t, err)
			found = append(found, s.Tenant)
			require.EqualValues(t, 2, s.Keys[symphony.KindPermanent], "a row with NoTTL and a value")
			delete(s.Keys, symphony.KindPermanent)
			dry, err := symphony.Erase(ctx, p, s.Tenant, symphony.DryRun())
			require.NoError(t, err)
			// Tenants does not read the registries of lists.
			require.GreaterOrEqual(t, dry.Removed[symphony.KindIndex], s.Keys[symphony.KindIndex])
			delete(dry.Removed, symphony.KindIndex)
			delete(s.Keys, symphony.KindIndex)
			require.Equal(t, dry.Removed, s.Keys, "%q", s.Tenant)
		}
		slices.Sort(names)
		require.Equal(t, names, found)
	}
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		check(t, p, true, "acme", "acme2", "*", "%", "a:b", "1|acme", "pending_batches")
	})
	t.Run("prefixed", func(t *testing.T) {
		check(t, pooltest.Redis(t, pool.Config{PrefixKeys: true}), true, "acme", "user", "{acme}")
	})
	t.Run("python", func(t *testing.T) {
		check(t, pooltest.Redis(t, pool.Config{Layout: keyspace.Python()}), true, "acme", "acme2")
	})
}

// A tenant that only a pending set names is found, and a loop that ends early
// is no error.
func TestTenantsOfAPendingSet(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SADD", pendingSetKey(t, p, "mail"), "acme", "other").Error())
		var found []symphony.TenantStats
		for s, err := range symphony.Tenants(ctx, p) {
			require.NoError(t, err)
			found = append(found, s)
			break
		}
		require.Equal(t, []symphony.TenantStats{{Tenant: "acme", Keys: map[string]int64{symphony.KindPending: 1}}}, found)
		e, err := symphony.Erase(ctx, p, "acme")
		require.NoError(t, err)
		require.Equal(t, map[string]int64{symphony.KindPending: 1}, e.Removed)
		require.Equal(t, []string{"other"}, pendingTenants(t, p, "mail"))
	})
}

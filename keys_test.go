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

// Keys yields the keys that Tenants counts, each once.
func TestKeys(t *testing.T) {
	check := func(t *testing.T, p *pool.Pools) {
		tenants := []string{"acme", "a:b", "%", "*"}
		for _, tenant := range tenants {
			fill(t, p, tenant, true)
		}
		counts := map[string]map[string]int64{}
		seen := map[string]bool{}
		for k, err := range symphony.Keys(ctx, p) {
			require.NoError(t, err)
			name := k.Name
			if p.Prefix(k.Pool) == "" {
				name = string(k.Pool) + name // pools have databases of their own
			}
			require.False(t, seen[name], k.Name)
			seen[name] = true
			if k.Beside == "" && k.Tenant != "" && k.Kind != symphony.KindTrigger {
				require.Equal(t, k.Name, k.Record)
				if counts[k.Tenant] == nil {
					counts[k.Tenant] = map[string]int64{}
				}
				counts[k.Tenant][k.Kind]++
			}
			if k.Kind == symphony.KindUser && k.Beside == "" {
				key, err := p.Layout().User.Key(append([]string{k.Tenant}, k.Parts...)...)
				require.NoError(t, err)
				require.Equal(t, k.Name, p.Prefix(k.Pool)+key)
			}
		}
		for s, err := range symphony.Tenants(ctx, p) {
			require.NoError(t, err)
			for _, kind := range []string{symphony.KindUser, symphony.KindState, symphony.KindTable, symphony.KindSharedState, symphony.KindGeneric, symphony.KindQueue} {
				require.Equal(t, s.Keys[kind], counts[s.Tenant][kind], "%q %s", s.Tenant, kind)
			}
		}
		require.Len(t, counts, len(tenants))
	}
	pooltest.EachByTenant(t, check)
	t.Run("prefixed", func(t *testing.T) { check(t, pooltest.Redis(t, pool.Config{PrefixKeys: true})) })
}

// The keys beside a record, a space and the triggers of all tenants name what
// they belong to.
func TestKeysBeside(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	fill(t, p, "acme", true)
	require.NoError(t, pooltest.Do(t, p, pool.User, "SET", "of another program", "x").Error())
	found := map[string]symphony.Key{}
	for k, err := range symphony.Keys(ctx, p) {
		require.NoError(t, err)
		found[k.Name] = k
	}
	require.Equal(t, symphony.Key{Name: "of another program", Pool: pool.User}, found["of another program"])
	for name, want := range map[string]symphony.Key{
		"%ids:{acme:user:}": {Pool: pool.User, Tenant: "acme", Kind: symphony.KindUser, Parts: []string{""}, Beside: "ids", Record: "acme:user:"},
		"%spaces:{acme}":    {Pool: pool.User, Kind: symphony.KindIndex, Beside: "spaces", Record: "acme"},
	} {
		want.Name = name
		require.Equal(t, want, found[name])
	}
	kinds := []string{}
	for _, k := range found {
		if k.Pool == pool.Expiry && k.Kind == symphony.KindTrigger && k.Tenant == "" {
			kinds = append(kinds, k.Beside)
			require.Len(t, k.Parts, 1)
		}
	}
	for _, kind := range []string{"due", "status"} {
		require.True(t, slices.Contains(kinds, kind), kinds)
	}
}

func TestKeysRefuses(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	for _, err := range symphony.Keys(ctx, p, symphony.DryRun()) {
		require.ErrorIs(t, err, symphony.ErrUnsupported)
	}
	for _, err := range symphony.Keys(ctx, p, symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous))) {
		require.ErrorIs(t, err, symphony.ErrUnsupported)
	}
	for range symphony.Keys(ctx, p) {
		break
	}
}

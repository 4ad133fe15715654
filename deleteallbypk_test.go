package symphony_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// order is a row of a table with an index.
type order struct {
	Buyer string `redis:"buyer,index"`
}

func table[T any](t *testing.T, p *pool.Pools, tenant, name string, opts ...symphony.Option) *symphony.Table[T] {
	t.Helper()
	rows, err := symphony.NewTable[T](p, tenant, name, opts...)
	require.NoError(t, err)
	return rows
}

// keysBeside returns the keys beside the rows of a table: its list and its
// indexes.
func keysBeside(t *testing.T, p *pool.Pools, tenant, table string) (keys []string) {
	t.Helper()
	for _, key := range pooltest.Keys(t, p, pool.Handlers) {
		if strings.HasPrefix(key, "%") && strings.Contains(key, tenant) && strings.Contains(key, ":df:"+table+":pkid:") {
			keys = append(keys, key)
		}
	}
	return keys
}

// A row that DeleteAllByPK removes leaves the list and the indexes of its
// table. With Listed, only tables with a list are known.
func TestDeleteAllByPKLeavesListsAndIndexes(t *testing.T) {
	for _, listed := range []bool{false, true} {
		t.Run(fmt.Sprintf("Listed=%v", listed), func(t *testing.T) {
			pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
				tenant, other := pooltest.UniqueTenant(), pooltest.UniqueTenant()
				require.NoError(t, table[order](t, p, tenant, "orders").Upsert(ctx, "7", order{"ann"}))
				require.NoError(t, table[order](t, p, tenant, "a%b").Upsert(ctx, "7", order{"ann"}))
				visits := table[profile](t, p, tenant, "visits", symphony.Listed())
				require.NoError(t, visits.UpsertMany(ctx, hashrepo.Record[profile]{ID: "7"}, hashrepo.Record[profile]{ID: "8"}))
				foreign := table[order](t, p, other, "orders")
				require.NoError(t, foreign.Upsert(ctx, "7", order{"bob"}))
				state, err := symphony.NewStateHandler[profile](p, tenant, "7", symphony.Listed())
				require.NoError(t, err)
				require.NoError(t, state.Upsert(ctx, "7", profile{}))
				plain := table[profile](t, p, tenant, "plain")
				require.NoError(t, plain.Upsert(ctx, "7", profile{}))

				require.NotEmpty(t, keysBeside(t, p, tenant, "orders"))
				require.NotEmpty(t, keysBeside(t, p, tenant, "a%25b"))

				var opts []symphony.Option
				if listed {
					opts = append(opts, symphony.Listed())
				}
				n, err := symphony.DeleteAllByPK(ctx, p, tenant, "7", opts...)
				require.NoError(t, err)
				found, err := plain.Exists(ctx, "7")
				require.NoError(t, err)
				if listed {
					require.EqualValues(t, 3, n)
					require.True(t, found)
				} else {
					require.EqualValues(t, 4, n)
					require.False(t, found)
				}
				require.Empty(t, keysBeside(t, p, tenant, "orders"))
				require.Empty(t, keysBeside(t, p, tenant, "a%25b"))
				require.NotEmpty(t, keysBeside(t, p, other, "orders"))
				requireIDs(t, visits.HashRepo, "8")
				requireIDs(t, state.HashRepo, "7")
				requireIDs(t, foreign.HashRepo, "7")
			})
		})
	}
}

func requireIDs[T any](t *testing.T, r *hashrepo.HashRepo[T], want ...string) {
	t.Helper()
	var ids []string
	for id, err := range r.IDs(ctx) {
		require.NoError(t, err)
		ids = append(ids, id)
	}
	require.ElementsMatch(t, want, ids)
}

// DeleteAllByPK with Listed reads no more than the registry and the rows,
// whatever the size of the database.
func TestDeleteAllByPKWithListedSendsNoScan(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		visits := table[profile](t, p, tenant, "visits", symphony.Listed())
		require.NoError(t, visits.UpsertMany(ctx, hashrepo.Record[profile]{ID: "7"}, hashrepo.Record[profile]{ID: "8"}))
		others := make([]hashrepo.Record[profile], 2500)
		for i := range others {
			others[i].ID = fmt.Sprint(i)
		}
		require.NoError(t, table[profile](t, p, pooltest.UniqueTenant(), "visits").UpsertMany(ctx, others...))
		for _, pk := range []string{"7", "8"} {
			before := p.Stats()[pool.Handlers].Commands
			n, err := symphony.DeleteAllByPK(ctx, p, tenant, pk, symphony.Listed())
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
			if pk == "8" { // the script is loaded
				require.EqualValues(t, 2, p.Stats()[pool.Handlers].Commands-before)
			}
		}
	})
}

// In a layout without hash tags, braces in the names of tables have no meaning.
func TestDeleteAllByPKOfTablesWithBraces(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // a cluster refuses braces
		tenant := pooltest.UniqueTenant()
		for _, name := range []string{"{a}", "b", "{}", "}c{"} {
			require.NoError(t, table[order](t, p, tenant, name).Upsert(ctx, "7", order{"ann"}))
		}
		n, err := symphony.DeleteAllByPK(ctx, p, tenant, "7", symphony.Listed())
		require.NoError(t, err)
		require.EqualValues(t, 4, n)
	})
}

// A key of another type stays, also if its table is listed.
func TestDeleteAllByPKLeavesOtherTypes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		layout := symphony.Layout(keyspace.ClusterByTenant())
		tenant := pooltest.UniqueTenant()
		require.NoError(t, table[order](t, p, tenant, "orders", layout).Upsert(ctx, "8", order{"ann"}))
		key := "{" + tenant + "}:df:orders:pkid:7"
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key, "x").Error())
		for _, opts := range [][]symphony.Option{{layout}, {layout, symphony.Listed()}} {
			n, err := symphony.DeleteAllByPK(ctx, p, tenant, "7", opts...)
			require.NoError(t, err)
			require.Zero(t, n)
			kept, err := pooltest.Do(t, p, pool.Handlers, "EXISTS", key).AsInt64()
			require.NoError(t, err)
			require.EqualValues(t, 1, kept)
		}
	})
}

// DeleteAllByPK refuses options that do not apply before it sends anything.
func TestDeleteAllByPKRefusesOptions(t *testing.T) {
	p := pooltest.Embedded(t)
	for _, opts := range [][]symphony.Option{
		{symphony.IfAbsent()},
		{symphony.IfVersion(1)},
		{symphony.Serial()},
		{symphony.Listed(), symphony.Layout(keyspace.Cluster())},
		{symphony.Listed(), symphony.Layout(tablesBySlot())},
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
			_, err := symphony.DeleteAllByPK(ctx, p, "acme", "7", opts...)
			return err
		})
	}
}

// tablesBySlot returns a layout in which a table shares a slot with its rows
// and not with the other tables of its tenant.
func tablesBySlot() keyspace.Layout {
	l := keyspace.ClusterByTenant()
	l.Table = keyspace.MustCompile("{tenant}:df:{{table}}:pkid:{pk}")
	return l
}

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

func TestMain(m *testing.M) { pooltest.Main(m) }

// Every tool found what those before it left, none of those that ran at the
// same time lost what another wrote, and two users at once stay apart.
func TestAgent(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		for _, user := range []string{"alice", "bob"} {
			t.Run(user, func(t *testing.T) {
				t.Parallel()
				ctx, err := scope.Bind(t.Context(), scope.Identity{Tenant: tenant, User: user}, symphony.BindSharedState(p))
				require.NoError(t, err)
				var log bytes.Buffer
				require.NoError(t, agent(ctx, &log, "the city of "+user))

				trips, err := shared(ctx)
				require.NoError(t, err)
				trip, err := trips.Get(ctx, state)
				require.NoError(t, err)
				require.EqualValues(t, 6, trip.Calls)
				require.Equal(t, "the city of "+user+", 4.7 N 74.1 W", trip.Location)
				require.Equal(t, "rain in the afternoon at "+trip.Location, trip.Weather)
				require.ElementsMatch(t, []string{
					"the gold museum", "the museum of art", "ajiaco in La Candelaria", "Monserrate", "the botanical garden",
				}, trip.Ideas)
				require.Contains(t, log.String(), "after 6 calls: a day in the city of "+user)
				for _, idea := range trip.Ideas {
					require.Contains(t, trip.Plan, idea)
				}
			})
		}
	})
}

func TestAgentWithoutState(t *testing.T) {
	require.ErrorIs(t, agent(t.Context(), t.Output(), "nowhere"), errNoState)
	for name, tool := range tools {
		require.ErrorIs(t, tool(t.Context()), errNoState, name)
	}
}

func TestUnknownTool(t *testing.T) {
	ctx, err := scope.Bind(t.Context(), scope.Identity{Tenant: "acme", User: "u"}, symphony.BindSharedState(pooltest.Embedded(t)))
	require.NoError(t, err)
	require.ErrorContains(t, callAll(ctx, []string{"fly"}), `"fly"`)
}

package symphony_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// A SharedState with a list behaves like one without, also before Reindex.
func TestSharedStateListed(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		testSharedState(t, p, symphony.Listed())
	})
}

// States and Clear read the list, in which StateOf keeps its records too.
func TestSharedStateReadsItsList(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		plain, err := symphony.NewSharedState(p, tenant, "u1")
		require.NoError(t, err)
		require.NoError(t, plain.Upsert(ctx, "before", symphony.Fields{"a": 1}))
		others, err := symphony.NewSharedState(p, tenant, "u2")
		require.NoError(t, err)
		typedOthers, err := symphony.StateOf[profile](others)
		require.NoError(t, err)
		records := make([]hashrepo.Record[profile], 5000)
		for i := range records {
			records[i].ID = fmt.Sprint(i)
		}
		require.NoError(t, typedOthers.UpsertMany(ctx, records...))

		ss, err := symphony.NewSharedState(p, tenant, "u1", symphony.Listed())
		require.NoError(t, err)
		requireStates(t, ss, "before")
		var last hashrepo.Progress
		for progress, err := range ss.Reindex(ctx) {
			require.NoError(t, err)
			last = progress
		}
		require.Equal(t, hashrepo.Progress{Seen: 1, Indexed: 1}, last)
		typed, err := symphony.StateOf[profile](ss)
		require.NoError(t, err)
		require.NoError(t, typed.Upsert(ctx, "typed", profile{}))
		requireStates(t, ss, "before", "typed") // asks whether the list is complete

		require.NoError(t, ss.With(symphony.TTL(5*time.Millisecond)).Upsert(ctx, "short", symphony.Fields{"a": 1}))
		require.Eventually(t, func() bool {
			found, err := ss.Exists(ctx, "short")
			return err == nil && !found
		}, 10*time.Second, time.Millisecond)
		before := p.Stats()[pool.SharedState].Commands
		requireStates(t, ss, "before", "typed")
		n, err := ss.Clear(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		require.LessOrEqual(t, p.Stats()[pool.SharedState].Commands-before, int64(4), "States or Clear sent SCAN")
		requireStates(t, ss)
	})
}

func requireStates(t *testing.T, ss *symphony.SharedState, want ...string) {
	t.Helper()
	states, err := ss.States(ctx)
	require.NoError(t, err)
	require.Equal(t, want, states)
}

// Sweep removes the names of states that have expired, and leaves no key of the
// list of a user who has none.
func TestSharedStateSweep(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		ss, err := symphony.NewSharedState(p, pooltest.UniqueTenant(), "u1", symphony.Listed())
		require.NoError(t, err)
		short := ss.With(symphony.TTL(5 * time.Millisecond))
		require.NoError(t, short.Upsert(ctx, "a", symphony.Fields{"a": 1}))
		require.Eventually(t, func() bool {
			found, err := ss.Exists(ctx, "a")
			return err == nil && !found
		}, 10*time.Second, time.Millisecond)
		require.NotEmpty(t, pooltest.Keys(t, p, pool.SharedState))
		n, err := ss.Sweep(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.Empty(t, pooltest.Keys(t, p, pool.SharedState))
	})
}

// Without a list there is nothing to reindex or to sweep.
func TestSharedStateWithoutAList(t *testing.T) {
	p := pooltest.Embedded(t)
	ss, err := symphony.NewSharedState(p, "acme", "u1")
	require.NoError(t, err)
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
		_, err := ss.Sweep(ctx)
		return err
	})
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
		for _, err := range ss.Reindex(ctx) {
			return err
		}
		return nil
	})
}

// The fields of a state are JSON for encoding/json, and plain Go values for
// Map.
func TestValuesAsJSON(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		ss, err := symphony.NewSharedState(p, pooltest.UniqueTenant(), "u1")
		require.NoError(t, err)
		require.NoError(t, ss.Upsert(ctx, "cart", symphony.Fields{
			"n": 12, "q": "lamp", "price": 9.5, "tags": []string{"a"}, "open": true, "note": "",
		}))
		values, err := ss.Get(ctx, "cart")
		require.NoError(t, err)
		data, err := json.Marshal(values)
		require.NoError(t, err)
		require.Equal(t, `{"n":12,"note":"","open":1,"price":9.5,"q":"lamp","tags":["a"]}`, string(data))
		plain, err := values.Map()
		require.NoError(t, err)
		require.Equal(t, map[string]any{
			"n": int64(12), "q": "lamp", "price": 9.5, "tags": []any{"a"}, "open": int64(1), "note": "",
		}, plain)

		var back symphony.Values
		require.NoError(t, json.Unmarshal(data, &back))
		for field, value := range values {
			require.Equal(t, value.String(), back[field].String(), field)
		}
	})
}

// An error of Map names the field.
func TestValuesMapError(t *testing.T) {
	values := symphony.Values{"ok": codec.NewValue(codec.JSON, []byte("1")), "bad": codec.NewValue(codec.JSON, []byte("{"))}
	plain, err := values.Map()
	var bad *codec.DecodeError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "bad", bad.Field)
	require.Nil(t, plain)
}

package symphony_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Merge writes the name of the handler and the time of the change, whether or
// not the type has fields for them.
func TestStateHandlerMerge(t *testing.T) {
	type plain struct {
		Step string `redis:"step"`
	}
	type stamped struct {
		Step    string    `redis:"step"`
		Handler string    `redis:"handler_type"`
		At      time.Time `redis:"timestamp"`
	}
	type texts struct {
		Handler string `redis:"handler_type"`
		At      string `redis:"timestamp"`
	}
	type renamed struct {
		Kind string    `redis:"kind,was=handler_type"`
		At   time.Time `redis:"timestamp,was=changed"`
	}
	type unixTimestamp struct {
		At int64 `redis:"timestamp"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
			tenant := pooltest.UniqueTenant()
			before := time.Now()
			handler, err := symphony.NewStateHandler[plain](p, tenant, "greet", symphony.Codec(c))
			require.NoError(t, err)
			step := hashrepo.FieldOf(func(s *plain) *string { return &s.Step })
			got, err := handler.With(symphony.TTL(time.Hour)).Merge(ctx, "u", step.Set("asked"))
			require.NoError(t, err)
			require.Equal(t, plain{"asked"}, got)
			require.Contains(t, pooltest.Hash(t, p, pool.Handlers, tenant+":state:greet:u"), "timestamp")

			typed, err := symphony.NewStateHandler[stamped](p, tenant, "greet", symphony.Codec(c))
			require.NoError(t, err)
			full, err := typed.Get(ctx, "u")
			require.NoError(t, err)
			require.Equal(t, "greet", full.Handler)
			require.WithinRange(t, full.At, before, time.Now())
			full, err = typed.Merge(ctx, "u", hashrepo.FieldOf(func(s *stamped) *string { return &s.Handler }).Set("another"))
			require.NoError(t, err)
			require.Equal(t, "greet", full.Handler)

			strings, err := symphony.NewStateHandler[texts](p, pooltest.UniqueTenant(), "greet", symphony.Codec(c))
			require.NoError(t, err)
			text, err := strings.Merge(ctx, "u", hashrepo.FieldOf(func(s *texts) *string { return &s.At }).Clear())
			require.NoError(t, err)
			at, err := time.Parse(time.RFC3339, text.At)
			require.NoError(t, err)
			require.WithinRange(t, at, before, time.Now())
			require.Equal(t, time.UTC, at.Location())

			other, err := symphony.NewStateHandler[renamed](p, tenant, "greet", symphony.Codec(c))
			require.NoError(t, err)
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", tenant+":state:greet:u", "changed", "stale").Error())
			moved, err := other.Merge(ctx, "u", hashrepo.FieldOf(func(s *renamed) *string { return &s.Kind }).Clear())
			require.NoError(t, err)
			require.Equal(t, "greet", moved.Kind)
			require.WithinRange(t, moved.At, before, time.Now())
			stored := pooltest.Hash(t, p, pool.Handlers, tenant+":state:greet:u")
			require.Contains(t, stored, "kind")
			require.NotContains(t, stored, "handler_type")
			require.NotContains(t, stored, "changed")

			unstampedTenant := pooltest.UniqueTenant()
			unstamped, err := symphony.NewStateHandler[profile](p, unstampedTenant, "greet", symphony.Codec(c))
			require.NoError(t, err)
			require.NoError(t, unstamped.Upsert(ctx, "u", profile{}))
			require.NoError(t, unstamped.Update(ctx, "u", hashrepo.FieldOf(func(p *profile) *string { return &p.Name }).Set("Alice")))
			stored = pooltest.Hash(t, p, pool.Handlers, unstampedTenant+":state:greet:u")
			require.Contains(t, stored, "name")
			require.NotContains(t, stored, "handler_type")
			require.NotContains(t, stored, "timestamp")
		}
		numbers, err := symphony.NewStateHandler[unixTimestamp](p, pooltest.UniqueTenant(), "greet")
		require.NoError(t, err)
		pooltest.RequireNothingSent(t, p, symphony.ErrFieldType, func() error {
			_, err := numbers.Merge(ctx, "u", hashrepo.NumberOf(func(o *unixTimestamp) *int64 { return &o.At }).Set(1))
			return err
		})
		_, err = numbers.Merge(ctx, "gone")
		require.ErrorIs(t, err, symphony.ErrNotFound)
	})
}

package expiry_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

func TestAnActionHasOneHandler(t *testing.T) {
	r := expiry.NewRegistry()
	nothing := func(context.Context, expiry.Event) error { return nil }
	require.NoError(t, r.On("x", nothing))
	err := r.On("x", nothing)
	require.ErrorIs(t, err, expiry.ErrRegistered)
	require.ErrorIs(t, err, expiry.ErrExists)
	require.EqualError(t, err, `expiry: On "x": the action already has a handler; do all of its work in that one`)
	require.ErrorIs(t, expiry.OnPayload(r, "x", func(context.Context, expiry.Event, int) error { return nil }), expiry.ErrExists)
	require.NoError(t, new(expiry.Registry).On("x", nothing), "a zero Registry is empty")
	require.ErrorIs(t, (*expiry.Registry)(nil).On("x", nothing), expiry.ErrInvalidArgument)
	require.Error(t, r.On("", nothing))
	require.Error(t, r.On("y", nil))
	require.Error(t, expiry.OnPayload[int](r, "y", nil))
}

func TestTypedPayloads(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		type order struct{ Number int }
		got := make(chan order, 1)
		r := expiry.NewRegistry()
		require.NoError(t, expiry.OnPayload(r, "x", func(_ context.Context, e expiry.Event, o order) error {
			_ = f.record(ctx, e)
			got <- o
			return nil
		}))
		l, err := expiry.NewListener(p, r, expiry.Config{MaxAttempts: 1, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		f.run(l)
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "1", order{42}, time.Millisecond))
		require.Equal(t, order{42}, <-got)
		require.NoError(t, f.schedule().Set(ctx, "x", "none", time.Millisecond))
		require.NoError(t, f.schedule().SetPayload(ctx, "x", "another", "text", time.Millisecond))
		f.eventually(func() bool { return l.Stats().Dead == 2 })
		require.Len(t, f.events(), 1)

		seen := 0
		for dead, err := range l.Dead(ctx) {
			require.NoError(t, err)
			if dead.ID == "another" {
				require.Contains(t, dead.LastError, "to see its bytes, decode it into a codec.Value")
				var raw codec.Value
				require.NoError(t, dead.Decode(&raw))
				require.Equal(t, "text", string(raw.Bytes()))
				seen++
			}
		}
		require.Equal(t, 1, seen)
	})
}

func TestConfigErrorsAreJoined(t *testing.T) {
	p := pooltest.Embedded(t)
	r := expiry.NewRegistry()
	_, err := expiry.NewListener(p, r, expiry.Config{})
	require.ErrorIs(t, err, expiry.ErrInvalidArgument, "a registry without handlers")
	require.NoError(t, r.On("x", func(context.Context, expiry.Event) error { return nil }))
	_, err = expiry.NewListener(p, r, expiry.Config{Workers: -1, Batch: -1, MaxAttempts: -1, MaxExpiredLeases: -1, Lease: -1, StopTimeout: -1, Sweep: -1})
	for _, field := range []string{"Workers", "Batch", "MaxAttempts", "MaxExpiredLeases", "Lease", "StopTimeout", "Sweep"} {
		require.ErrorContains(t, err, "Config."+field+": ")
	}
	_, err = expiry.NewListener(p, r, expiry.Config{Lease: time.Millisecond})
	var mistake *expiry.ConfigError
	require.ErrorAs(t, err, &mistake)
	require.Equal(t, "Lease", mistake.Field)
	_, err = expiry.NewListener(p, r, expiry.Config{Pool: "nowhere"})
	require.ErrorIs(t, err, expiry.ErrUnknownPool)
	_, err = expiry.NewListener(nil, r, expiry.Config{})
	require.ErrorIs(t, err, expiry.ErrUnknownPool)
	_, err = expiry.NewListener(p, nil, expiry.Config{})
	require.ErrorIs(t, err, expiry.ErrInvalidArgument)
	require.NoError(t, r.On("a\x00b", func(context.Context, expiry.Event) error { return nil }))
	_, err = expiry.NewListener(p, r, expiry.Config{})
	require.ErrorIs(t, err, expiry.ErrInvalidKey)
}

// Two actions with the same keys, as the Python package's patterns allow,
// cannot both have a handler.
func TestActionsWithTheSameKey(t *testing.T) {
	r := expiry.NewRegistry()
	for _, action := range []string{"send:mail", "send_mail"} {
		require.NoError(t, r.On(action, func(context.Context, expiry.Event) error { return errors.New("never") }))
	}
	p := pooltest.Embedded(t)
	_, err := expiry.NewListener(p, r, expiry.Config{Layout: keyspace.Python(keyspace.AllowAmbiguous)})
	require.ErrorIs(t, err, expiry.ErrExists)
	_, err = expiry.NewListener(p, r, expiry.Config{})
	require.NoError(t, err)
}

func TestTheDefaultBackoffGrowsWithJitter(t *testing.T) {
	f := newFixture(t, pooltest.Embedded(t))
	r := expiry.NewRegistry()
	require.NoError(t, r.On("x", func(context.Context, expiry.Event) error { return errors.New("no") }))
	l, err := expiry.NewListener(f.pools, r, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	f.run(l)
	require.NoError(t, f.schedule().Set(ctx, "x", "1", time.Millisecond))
	f.eventually(func() bool { return l.Stats().Retried == 1 })
	members, err := pooltest.Do(t, f.pools, pool.Expiry, "ZRANGE", "%exp:active:x", "0", "-1").AsStrSlice()
	require.NoError(t, err)
	require.InDelta(t, 1000, f.redisInt("ZSCORE", "%exp:active:x", members[0])-now(), 700)
}

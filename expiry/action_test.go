package expiry_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

type invoice struct {
	Cents int64 `json:"cents"`
}

// One Action sets triggers, on a Schedule or a Trigger, and handles them.
func TestAction(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		pay := expiry.NewAction[invoice]("pay")
		require.Equal(t, "pay", pay.Name())
		got := make(chan string, 2)
		r := expiry.NewRegistry()
		require.NoError(t, pay.On(r, func(_ context.Context, e expiry.Event, i invoice) error {
			require.EqualValues(t, 995, i.Cents)
			got <- e.Action + " " + e.ID
			return nil
		}))
		f.runRegistry(r, expiry.Config{})

		triggers, err := symphony.NewTrigger(p, f.tenant)
		require.NoError(t, err)
		require.NoError(t, pay.Set(ctx, triggers, "u1", invoice{995}, 0))
		require.Equal(t, "pay u1", <-got)
		require.NoError(t, pay.Set(ctx, f.schedule(), "u2", invoice{995}, 0))
		require.Equal(t, "pay u2", <-got)
	})
}

func TestActionErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	f := newFixture(t, p)
	pay, unnamed := expiry.NewAction[invoice]("pay"), expiry.NewAction[invoice]("")
	pooltest.RequireNothingSent(t, p, expiry.ErrInvalidArgument, func() error { return pay.Set(ctx, nil, "u1", invoice{}, time.Hour) })
	pooltest.RequireNothingSent(t, p, expiry.ErrInvalidKey, func() error { return unnamed.Set(ctx, f.schedule(), "u1", invoice{}, time.Hour) })
	require.ErrorContains(t, pay.Set(ctx, f.schedule(), "", invoice{}, time.Hour), "symphony: Set")

	r := expiry.NewRegistry()
	require.ErrorIs(t, pay.On(r, nil), expiry.ErrInvalidArgument)
	require.ErrorIs(t, unnamed.On(r, func(context.Context, expiry.Event, invoice) error { return nil }), expiry.ErrInvalidArgument)
}

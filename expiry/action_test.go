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

// An Action sets triggers for a time and recurring ones, with the payload.
func TestActionSets(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		f := newFixture(t, p)
		s := f.schedule()
		triggers, err := symphony.NewTrigger(p, f.tenant)
		require.NoError(t, err)
		pay := expiry.NewAction[invoice]("pay")
		at := time.Now().Add(time.Hour).Truncate(time.Millisecond)
		rules := map[string]expiry.Rule{
			"at": {}, "every": {Every: time.Hour}, "cron": {Cron: "30 2 29 FEB *", Zone: "Europe/Berlin"},
		}
		for _, setter := range []expiry.PayloadSetter{s, triggers} {
			require.NoError(t, pay.SetAt(ctx, setter, "at", invoice{1}, at))
			require.NoError(t, pay.SetEvery(ctx, setter, "every", invoice{2}, time.Hour))
			require.NoError(t, pay.SetCron(ctx, setter, "cron", invoice{3}, "30 2 29 FEB *", "Europe/Berlin"))
			cents := map[string]int64{}
			for l, err := range s.List(ctx) {
				require.NoError(t, err)
				var i invoice
				require.NoError(t, l.Decode(&i))
				cents[l.ID] = i.Cents
				require.Equal(t, rules[l.ID], l.Rule)
				if l.ID == "at" {
					require.True(t, at.Equal(l.DueAt))
				}
				deleted, err := s.Delete(ctx, pay.Name(), l.ID)
				require.NoError(t, err)
				require.True(t, deleted)
			}
			require.Equal(t, map[string]int64{"at": 1, "every": 2, "cron": 3}, cents)
		}
	})
}

func TestActionErrors(t *testing.T) {
	p := pooltest.Embedded(t)
	f := newFixture(t, p)
	pay, unnamed := expiry.NewAction[invoice]("pay"), expiry.NewAction[invoice]("")
	at, s := time.Now().Add(time.Hour), f.schedule()
	for name, set := range map[string]func(a expiry.Action[invoice], s expiry.PayloadSetter, id string) error{
		"Set": func(a expiry.Action[invoice], s expiry.PayloadSetter, id string) error {
			return a.Set(ctx, s, id, invoice{}, time.Hour)
		},
		"SetAt": func(a expiry.Action[invoice], s expiry.PayloadSetter, id string) error {
			return a.SetAt(ctx, s, id, invoice{}, at)
		},
		"SetEvery": func(a expiry.Action[invoice], s expiry.PayloadSetter, id string) error {
			return a.SetEvery(ctx, s, id, invoice{}, time.Hour)
		},
		"SetCron": func(a expiry.Action[invoice], s expiry.PayloadSetter, id string) error {
			return a.SetCron(ctx, s, id, invoice{}, "@daily", "")
		},
	} {
		pooltest.RequireNothingSent(t, p, expiry.ErrInvalidArgument, func() error { return set(pay, nil, "u1") })
		pooltest.RequireNothingSent(t, p, expiry.ErrInvalidKey, func() error { return set(unnamed, s, "u1") })
		require.ErrorContains(t, set(pay, nil, "u1"), "symphony: "+name+":")
		require.ErrorContains(t, set(pay, s, ""), "symphony: "+name+" ")
	}
	pooltest.RequireNothingSent(t, p, expiry.ErrInvalidArgument, func() error { return pay.SetAt(ctx, s, "u1", invoice{}, time.Time{}) })
	pooltest.RequireNothingSent(t, p, expiry.ErrInvalidSchedule, func() error { return pay.SetEvery(ctx, s, "u1", invoice{}, 0) })
	pooltest.RequireNothingSent(t, p, expiry.ErrInvalidSchedule, func() error { return pay.SetCron(ctx, s, "u1", invoice{}, "61 * * * *", "") })

	r := expiry.NewRegistry()
	require.ErrorIs(t, pay.On(r, nil), expiry.ErrInvalidArgument)
	require.ErrorIs(t, unnamed.On(r, func(context.Context, expiry.Event, invoice) error { return nil }), expiry.ErrInvalidArgument)
}

package symphony_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/scope"
)

// Pools that pool.Open did not make are refused everywhere with one text,
// whether they are nil or the zero value.
func TestUnopenedPools(t *testing.T) {
	ctx := t.Context()
	layout := keyspace.Default()
	space, err := layout.User.Bind("acme")
	require.NoError(t, err)
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("send", func(context.Context, expiry.Event) error { return nil }))
	handle := func(context.Context, string, symphony.Queue, []listrepo.Item[int]) error { return nil }
	for name, use := range map[string]func(p *pool.Pools) error{
		"NewUser":         func(p *pool.Pools) error { _, err := symphony.NewUser[member](p, "acme"); return err },
		"NewStateHandler": func(p *pool.Pools) error { _, err := symphony.NewStateHandler[member](p, "acme", "h"); return err },
		"NewTable":        func(p *pool.Pools) error { _, err := symphony.NewTable[member](p, "acme", "t"); return err },
		"NewSharedState":  func(p *pool.Pools) error { _, err := symphony.NewSharedState(p, "acme", "u"); return err },
		"NewTrigger":      func(p *pool.Pools) error { _, err := symphony.NewTrigger(p, "acme"); return err },
		"NewBatch":        func(p *pool.Pools) error { _, err := symphony.NewBatch[int](p, "acme"); return err },
		"NewGeneric":      func(p *pool.Pools) error { _, err := symphony.NewGeneric[int](p, "acme"); return err },
		"NewFeed":         func(p *pool.Pools) error { _, err := symphony.NewFeed[int](p, "acme", "f"); return err },
		"NewTopic":        func(p *pool.Pools) error { _, err := symphony.NewTopic[int](p, "acme", "t"); return err },
		"NewLimiter": func(p *pool.Pools) error {
			_, err := symphony.NewLimiter(p, "acme", symphony.Rate{Limit: 1, Per: time.Second})
			return err
		},
		"DeleteAllByPK":     func(p *pool.Pools) error { _, err := symphony.DeleteAllByPK(ctx, p, "acme", "1"); return err },
		"WorkBatches":       func(p *pool.Pools) error { return symphony.WorkBatches(ctx, p, "s", handle, symphony.WorkConfig{}) },
		"PendingTenants":    func(p *pool.Pools) error { _, err := symphony.PendingTenants(ctx, p, "s"); return err },
		"RemoveFromPending": func(p *pool.Pools) error { _, err := symphony.RemoveFromPending(ctx, p, "s", "acme"); return err },
		"BindSharedState": func(p *pool.Pools) error {
			_, err := symphony.BindSharedState(p)(ctx, scope.Identity{Tenant: "acme", User: "u"})
			return err
		},
		"hashrepo.New":       func(p *pool.Pools) error { _, err := hashrepo.New[member](p, pool.User, space); return err },
		"kvrepo.New":         func(p *pool.Pools) error { _, err := kvrepo.New[int](p, pool.User, space); return err },
		"listrepo.New":       func(p *pool.Pools) error { _, err := listrepo.New[int](p, pool.User, space); return err },
		"expiry.NewListener": func(p *pool.Pools) error { _, err := expiry.NewListener(p, registry, expiry.Config{}); return err },
		"expiry.NewSchedule": func(p *pool.Pools) error {
			_, err := expiry.NewSchedule(p, pool.Expiry, layout.Trigger, "acme")
			return err
		},
		"expiry.NewDeadLetters": func(p *pool.Pools) error {
			_, err := expiry.NewDeadLetters(p, pool.Expiry, layout.Trigger)
			return err
		},
		"Pools.Client": func(p *pool.Pools) error { _, err := p.Client(pool.User); return err },
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range []*pool.Pools{nil, {}} {
				err := use(p)
				require.ErrorIs(t, err, symphony.ErrUnknownPool)
				require.True(t, strings.HasSuffix(err.Error(), "unknown pool: the Pools are nil or were not opened; open them with pool.Open"), err.Error())
			}
		})
	}
}

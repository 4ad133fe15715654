package recipes_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Summary is the payload of the job. Its action serves those who set the job
// and the handler.
type Summary struct {
	Days int `json:"days"`
}

var Summarize = expiry.NewAction[Summary]("summarize")

// enrol begins the job of a tenant, every morning in the zone of the tenant.
// The code that creates a tenant calls it, and so may every start of the
// service: if the rule is the same, the next time does not change.
func enrol(ctx context.Context, pools *pool.Pools, tenant, zone string) error {
	triggers, err := symphony.NewTrigger(pools, tenant)
	if err != nil {
		return err
	}
	return Summarize.SetCron(ctx, triggers, "daily", Summary{Days: 1}, "0 7 * * *", zone)
}

// leave ends the job of a tenant.
func leave(ctx context.Context, pools *pool.Pools, tenant string) error {
	triggers, err := symphony.NewTrigger(pools, tenant)
	if err != nil {
		return err
	}
	_, err = triggers.Delete(ctx, Summarize.Name(), "daily")
	return err
}

// A recurring job for each tenant: any process of the service runs it, no
// process schedules, and one that was missed runs once.
func TestJobOfEachTenant(t *testing.T) {
	ctx := t.Context()
	pools, clock := embedded.New(t)
	runs := map[string]int{}
	registry := expiry.NewRegistry()
	require.NoError(t, Summarize.On(registry, func(_ context.Context, e expiry.Event, s Summary) error {
		runs[e.Tenant] += s.Days // a real handler must be idempotent: use e.DueAt as its key
		return nil
	}))
	listener, err := expiry.NewListener(pools, registry, expiry.Config{Workers: 1})
	require.NoError(t, err)
	clock.Go(listener.Run)

	for tenant, zone := range map[string]string{"acme": "Europe/Berlin", "globex": "America/New_York"} {
		require.NoError(t, enrol(ctx, pools, tenant, zone))
		require.NoError(t, enrol(ctx, pools, tenant, zone)) // the next start of the service
	}
	day := func() {
		clock.Advance(24 * time.Hour)
		require.NoError(t, clock.Settle(ctx))
	}
	day()
	require.Equal(t, map[string]int{"acme": 1, "globex": 1}, runs)
	require.NoError(t, leave(ctx, pools, "globex"))
	day()
	day()
	require.Equal(t, map[string]int{"acme": 3, "globex": 1}, runs)
}

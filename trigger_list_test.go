package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// List yields every trigger of the tenant once, with its state, time, counters
// and payload, and no trigger of another tenant.
func TestTriggerList(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		registry := expiry.NewRegistry()
		release := make(chan struct{})
		for action, handle := range map[string]expiry.Handler{
			"wait": func(context.Context, expiry.Event) error { return expiry.RetryAfter(time.Hour, errors.New("later")) },
			"die":  func(context.Context, expiry.Event) error { return expiry.GiveUp(errors.New("broken")) },
			"run":  func(context.Context, expiry.Event) error { <-release; return nil },
		} {
			require.NoError(t, registry.On(action, handle))
		}
		before := time.Now()
		for _, name := range []string{tenant, "1|" + tenant, tenant + "2"} {
			triggers, err := symphony.NewTrigger(p, name)
			require.NoError(t, err)
			for _, action := range []string{"wait", "die", "run"} {
				require.NoError(t, triggers.SetPayload(ctx, action, "u:1", "of "+action, 0))
			}
		}
		listener, err := expiry.NewListener(p, registry, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		running, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- listener.Run(running) }()
		requireEventually(t, func() bool {
			s := listener.Stats()
			return s.Retried+s.DeadLettered >= 6 && s.Running == 3
		})
		triggers, err := symphony.NewTrigger(p, tenant)
		require.NoError(t, err)
		require.NoError(t, triggers.Set(ctx, "wait", "u:1", time.Hour))
		require.NoError(t, triggers.SetPayload(ctx, "other", "|", "of other", time.Hour))

		list := func(states ...expiry.State) map[string]expiry.Entry {
			found := map[string]expiry.Entry{}
			for e, err := range triggers.List(ctx, states...) {
				require.NoError(t, err)
				require.Equal(t, tenant, e.Tenant)
				name := fmt.Sprint(e.State, " ", e.Action, " ", e.ID)
				require.NotContains(t, found, name)
				found[name] = e
			}
			return found
		}
		all := list()
		require.Len(t, all, 5)
		for name, late := range map[string]time.Duration{
			"pending wait u:1": time.Hour, "pending other |": time.Hour, "running run u:1": 30 * time.Second, "waiting wait u:1": time.Hour, "dead die u:1": 0,
		} {
			require.Contains(t, all, name)
			require.WithinDuration(t, before.Add(late), all[name].At, 20*time.Second, name)
			if state, _, _ := strings.Cut(name, " "); state != "pending" {
				require.WithinDuration(t, before, all[name].DueAt, 20*time.Second)
				require.Equal(t, 1, all[name].Attempt)
			}
			var payload string
			if name == "pending wait u:1" {
				require.False(t, all[name].HasPayload())
				continue
			}
			require.NoError(t, all[name].Decode(&payload))
			require.Equal(t, "of "+all[name].Action, payload)
		}
		require.Equal(t, "broken", all["dead die u:1"].LastError)
		require.Len(t, list(expiry.StatePending), 2)
		require.Len(t, list(expiry.StateRunning, expiry.StateDead), 2)
		for range triggers.List(ctx) {
			break
		}
		// A dead letter of the list can be passed to the listener.
		require.NoError(t, listener.Discard(ctx, all["dead die u:1"].Event))
		require.Empty(t, list(expiry.StateDead))
		close(release)
		stop()
		require.NoError(t, <-done)

		for _, err := range triggers.List(ctx, "gone") {
			require.ErrorIs(t, err, symphony.ErrInvalidArgument)
		}
		var none *symphony.Trigger
		for _, err := range none.List(ctx) {
			require.ErrorIs(t, err, symphony.ErrInvalidArgument)
		}
	})
}

package recipes_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Testing with a clock: a reminder of tomorrow fires when the test says that it
// is tomorrow, and nothing waits.
func TestReminder(t *testing.T) {
	pools, clock := embedded.New(t)
	var reminded []string
	registry := expiry.NewRegistry()
	require.NoError(t, registry.On("remind", func(_ context.Context, e expiry.Event) error {
		reminded = append(reminded, e.ID)
		return nil
	}))
	listener, err := expiry.NewListener(pools, registry, expiry.Config{})
	require.NoError(t, err)
	clock.Go(listener.Run)

	triggers, err := symphony.NewTrigger(pools, "acme")
	require.NoError(t, err)
	require.NoError(t, triggers.Set(t.Context(), "remind", "u1", 24*time.Hour))

	clock.Advance(24*time.Hour - time.Second)
	require.NoError(t, clock.Settle(t.Context()))
	require.Empty(t, reminded)
	clock.Advance(time.Second)
	require.NoError(t, clock.Settle(t.Context()))
	require.Equal(t, []string{"u1"}, reminded)
}

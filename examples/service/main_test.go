package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Messages are answered together when the customer stops writing. The clock
// moves when the test says so: nothing waits.
func TestDesk(t *testing.T) {
	pools, clock := embedded.New(t)
	d, err := newDesk(pools, "acme")
	require.NoError(t, err)
	require.NoError(t, d.create(t.Context()))
	clock.Go(func(ctx context.Context) error { return work(ctx, pools) })

	require.NoError(t, d.say(t.Context(), "u1", "my cup is broken"))
	clock.Advance(time.Second)
	require.NoError(t, d.say(t.Context(), "u1", "can I have another one?")) // puts the answer off
	clock.Advance(time.Second)
	require.NoError(t, clock.Settle(t.Context()))
	n, err := d.tickets.Count(t.Context(), customer.Eq("u1"))
	require.NoError(t, err)
	require.Zero(t, n)

	clock.Advance(time.Second)
	require.NoError(t, clock.Settle(t.Context()))
	ticket, err := d.tickets.FindOne(t.Context(), customer.Eq("u1"))
	require.NoError(t, err)
	require.Equal(t, "my cup is broken\ncan I have another one?\n", ticket.Value.Text)
	dialog, err := d.dialogs.Get(t.Context(), "u1")
	require.NoError(t, err)
	require.Equal(t, Dialog{Ticket: ticket.ID}, dialog)

	clock.Advance(24 * time.Hour)
	_, err = d.dialogs.Get(t.Context(), "u1")
	require.ErrorIs(t, err, symphony.ErrNotFound, "a dialog lives for a day")
}

// A customer can send ten messages a minute, counted from the first one.
func TestTooManyMessages(t *testing.T) {
	pools, clock := embedded.New(t)
	d, err := newDesk(pools, "acme")
	require.NoError(t, err)
	for range 10 {
		require.NoError(t, d.say(t.Context(), "u1", "hello"))
		clock.Advance(5 * time.Second)
	}
	require.ErrorIs(t, d.say(t.Context(), "u1", "hello"), errTooMany)
	require.NoError(t, d.say(t.Context(), "u2", "hello"))
	clock.Advance(10 * time.Second)
	require.NoError(t, d.say(t.Context(), "u1", "hello"))
}

// No two customers of a tenant have one email.
func TestEmailIsTaken(t *testing.T) {
	pools, _ := embedded.New(t)
	d, err := newDesk(pools, "acme")
	require.NoError(t, err)
	require.NoError(t, d.customers.Upsert(t.Context(), "u1", Customer{"Alice", "alice@example.com"}))
	require.ErrorIs(t, d.customers.Upsert(t.Context(), "u2", Customer{"Al", "alice@example.com"}), symphony.ErrExists)
}

package symphony_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// A tenant is pending from its first Enqueue until RemoveFromPending finds its
// queues of the service empty.
func TestBatch(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant, other := pooltest.UniqueTenant(), pooltest.UniqueTenant()
		q := symphony.Queue{Service: pooltest.UniqueTenant(), Entity: "e:1", Action: "a"}
		batch, err := symphony.NewBatch[int](p, tenant)
		require.NoError(t, err)
		n, err := batch.Enqueue(ctx, q)
		require.NoError(t, err)
		require.Zero(t, n)
		pending := func() []string {
			tenants, err := symphony.PendingTenants(ctx, p, q.Service)
			require.NoError(t, err)
			return tenants
		}
		require.Empty(t, pending())
		n, err = batch.Enqueue(ctx, q, 1, 2, 3)
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		require.Equal(t, []string{tenant}, pending())
		chunk, err := batch.Chunk(ctx, q, 0, 1)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2}, chunk)

		removed, err := symphony.RemoveFromPending(ctx, p, q.Service, tenant)
		require.NoError(t, err)
		require.False(t, removed)
		require.Equal(t, []string{tenant}, pending())
		require.NoError(t, batch.Trim(ctx, q, 2, -1))
		n, err = batch.Len(ctx, q)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.NoError(t, batch.Trim(ctx, q, 1, -1))

		// Queues of another service or tenant do not keep a tenant pending.
		_, err = batch.Enqueue(ctx, symphony.Queue{Service: q.Service + "x", Entity: "e", Action: "a"}, 1)
		require.NoError(t, err)
		others, err := symphony.NewBatch[int](p, other)
		require.NoError(t, err)
		_, err = others.Enqueue(ctx, q, 1)
		require.NoError(t, err)
		removed, err = symphony.RemoveFromPending(ctx, p, q.Service, tenant)
		require.NoError(t, err)
		require.True(t, removed)
		require.Equal(t, []string{other}, pending())

		for _, bad := range []symphony.Queue{{"", "e", "a"}, {"s", "", "a"}, {"s", "e", ""}} {
			pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { _, err := batch.Enqueue(ctx, bad, 1); return err })
		}
		_, err = symphony.RemoveFromPending(ctx, p, "", tenant)
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
		_, err = symphony.RemoveFromPending(ctx, p, "s", "")
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	})
}

// If the tenant cannot be added to the pending set, nothing is enqueued.
func TestEnqueueIfThePendingSetHasAnotherType(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		q := symphony.Queue{Service: pooltest.UniqueTenant(), Entity: "e", Action: "a"}
		batch, err := symphony.NewBatch[int](p, pooltest.UniqueTenant())
		require.NoError(t, err)
		_, err = batch.Enqueue(ctx, q, 1)
		require.NoError(t, err)
		pending, err := p.Layout().PendingSet.Key(q.Service)
		require.NoError(t, err)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", pending, "x").Error())
		for _, b := range []*symphony.Batch[int]{batch.With(symphony.MaxLen(5)), batch} {
			_, err = b.Enqueue(ctx, q, 1)
			require.ErrorIs(t, err, symphony.ErrWrongType)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "Enqueue", op.Op)
			require.False(t, op.MaybeApplied())
			n, err := batch.Len(ctx, q)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		}
	})
}

// RemoveFromPending does not remove a tenant with items, although keys in the
// Python layout are ambiguous.
func TestRemoveFromPendingInPythonLayout(t *testing.T) {
	p := pooltest.Embedded(t)
	python := symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous))
	for _, names := range [][2]string{{"ten", "s:vc"}, {"ten:batch", "svc"}, {"ten", "svc"}} {
		batch, err := symphony.NewBatch[int](p, names[0], python)
		require.NoError(t, err)
		q := symphony.Queue{Service: names[1], Entity: "e", Action: "a"}
		_, err = batch.Enqueue(ctx, q, 1)
		require.NoError(t, err)
		removed, err := symphony.RemoveFromPending(ctx, p, names[1], names[0], python)
		require.NoError(t, err)
		require.False(t, removed)
		require.NoError(t, batch.Trim(ctx, q, 1, 0))
	}
}

// A tenant with items is pending after Enqueue and RemoveFromPending have run
// at the same time.
func TestEnqueueDuringRemoveFromPending(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		q := symphony.Queue{Service: pooltest.UniqueTenant(), Entity: "e", Action: "a"}
		batch, err := symphony.NewBatch[int](p, tenant)
		require.NoError(t, err)
		for range 30 {
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := batch.Enqueue(ctx, q, 1); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := symphony.RemoveFromPending(ctx, p, q.Service, tenant); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			tenants, err := symphony.PendingTenants(ctx, p, q.Service)
			require.NoError(t, err)
			require.Equal(t, []string{tenant}, tenants)
			require.NoError(t, batch.Trim(ctx, q, 1, 0))
			removed, err := symphony.RemoveFromPending(ctx, p, q.Service, tenant)
			require.NoError(t, err)
			require.True(t, removed)
		}
	})
}

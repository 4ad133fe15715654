package symphony_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Every item of a queue is in one list: those that wait, those in flight, those
// that are delivered again, and the dead letters.
func TestBatchLists(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		batch := enqueue(t, p, tenant, queue, 1, 2, 3, 4, 5, 6, 7)
		before := time.Now()
		process := func(n int, result error, opts ...symphony.Option) {
			t.Helper()
			_, err := batch.With(opts...).Process(ctx, queue, n, func(context.Context, []listrepo.Item[int]) error { return result })
			require.Error(t, err)
		}
		process(1, errors.New("broken"), symphony.MaxAttempts(1))
		process(1, symphony.RetryAfter(time.Hour, errors.New("later")))
		long, err := batch.Claim(ctx, queue, 2, time.Hour)
		require.NoError(t, err)
		require.NoError(t, long.Ack(ctx, long.Items[0]))
		short, err := batch.Claim(ctx, queue, 2, time.Millisecond)
		require.NoError(t, err)
		requireEventually(t, func() bool {
			b, err := batch.Backlog(ctx, queue)
			require.NoError(t, err)
			return b.Claimed == 1
		})

		claimed := collectHeld(t, batch.Claimed(ctx, queue))
		require.Equal(t, append(slices.Clone(short.Items), long.Items[1]), itemsOf(claimed))
		require.True(t, claimed[0].Until.Before(time.Now().Add(time.Minute)))
		require.WithinDuration(t, before.Add(time.Hour), claimed[2].Until, time.Minute)

		again, err := batch.Claim(ctx, queue, 1, time.Hour) // moves the items of the expired lease
		require.NoError(t, err)
		require.Equal(t, []listrepo.Item[int]{{ID: short.Items[0].ID, Attempt: 2, Value: 5}}, again.Items)
		require.Equal(t, []listrepo.Item[int]{long.Items[1], again.Items[0]}, itemsOf(collectHeld(t, batch.Claimed(ctx, queue))))
		delayed := collectHeld(t, batch.Delayed(ctx, queue))
		require.Len(t, delayed, 2)
		require.Equal(t, listrepo.HeldItem[int]{Item: short.Items[1]}, delayed[0])
		require.Equal(t, 2, delayed[1].Value)
		require.WithinDuration(t, before.Add(time.Hour), delayed[1].Until, time.Minute)
		for range batch.Claimed(ctx, queue) {
			break
		}
		waiting, err := batch.Chunk(ctx, queue, 0, -1)
		require.NoError(t, err)
		require.Equal(t, []int{7}, waiting)

		removed, err := batch.Delete(ctx, queue)
		require.NoError(t, err)
		require.True(t, removed)
		require.ErrorIs(t, long.Ack(ctx), symphony.ErrLeaseLost)
		require.Empty(t, collectHeld(t, batch.Claimed(ctx, queue)))
		require.Empty(t, collectHeld(t, batch.Delayed(ctx, queue)))
		b, err := batch.Backlog(ctx, queue)
		require.NoError(t, err)
		require.Zero(t, b)
		queues, err := batch.Queues(ctx, queue.Service)
		require.NoError(t, err)
		require.Empty(t, queues)
		for key := range slices.Values(pooltest.Keys(t, p, pool.Handlers)) {
			require.NotContains(t, key, tenant+":batch")
		}
		removed, err = batch.Delete(ctx, queue)
		require.NoError(t, err)
		require.False(t, removed)
	})
}

func itemsOf[T any](held []listrepo.HeldItem[T]) (items []listrepo.Item[T]) {
	for _, h := range held {
		items = append(items, h.Item)
	}
	return items
}

func collectHeld[T any](t *testing.T, seq func(func(listrepo.HeldItem[T], error) bool)) (all []listrepo.HeldItem[T]) {
	t.Helper()
	for h, err := range seq {
		require.NoError(t, err)
		all = append(all, h)
	}
	return all
}

// More claims and items than one page holds are all listed, and an item that
// does not decode is listed with its error.
func TestBatchListsOfManyPages(t *testing.T) {
	pooltest.EachSingle(t, func(t *testing.T, p *pool.Pools) { // the pages are the same on a cluster
		batch := enqueue(t, p, pooltest.UniqueTenant(), queue, make([]int, 450)...)
		for range 220 {
			_, err := batch.Claim(ctx, queue, 1, time.Hour)
			require.NoError(t, err)
		}
		require.Len(t, collectHeld(t, batch.Claimed(ctx, queue)), 220)
		for range 230 {
			_, err := batch.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[int]) error {
				return symphony.RetryAfter(time.Hour, errors.New("later"))
			})
			require.Error(t, err)
		}
		require.Len(t, collectHeld(t, batch.Delayed(ctx, queue)), 230)
	})
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		texts, err := symphony.NewBatch[string](p, tenant)
		require.NoError(t, err)
		_, err = texts.Enqueue(ctx, queue, "text")
		require.NoError(t, err)
		claim, err := texts.Claim(ctx, queue, 1, time.Hour)
		require.NoError(t, err)
		numbers, err := symphony.NewBatch[int](p, tenant)
		require.NoError(t, err)
		n := 0
		for h, err := range numbers.Claimed(ctx, queue) {
			var invalid *listrepo.ItemError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, claim.Items[0].ID, h.ID)
			n++
		}
		require.Equal(t, 1, n)
	})
}

// Queues finds what the schedule knows, and ScanQueues also what has dead
// letters alone or comes from the Python package. Neither finds queues of other
// tenants.
func TestBatchQueues(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		tenant := pooltest.UniqueTenant()
		waiting := symphony.Queue{Service: "mail", Entity: "u:1", Action: "a%:b"}
		claimed := symphony.Queue{Service: "mail", Entity: "u2", Action: "send"}
		dead := symphony.Queue{Service: "mail", Entity: "u3", Action: "send"}
		empty := symphony.Queue{Service: "mail", Entity: "u4", Action: "send"}
		elsewhere := symphony.Queue{Service: "sms", Entity: "u1", Action: "send"}
		python := symphony.Queue{Service: "sms", Entity: "u2", Action: "send"}
		batch := enqueue(t, p, tenant, waiting, 1, 2)
		enqueue(t, p, tenant, elsewhere, 1)
		enqueue(t, p, tenant+"2", waiting, 1)
		enqueue(t, p, "x"+tenant, claimed, 1)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", queueKey(t, p, tenant, "sms", "u2", "send"), "1").Error())
		enqueue(t, p, tenant, claimed, 1)
		_, err := batch.Claim(ctx, claimed, 1, time.Hour)
		require.NoError(t, err)
		for q, result := range map[symphony.Queue]error{dead: errors.New("broken"), empty: nil} {
			enqueue(t, p, tenant, q, 1)
			_, err = batch.With(symphony.MaxAttempts(1)).Process(ctx, q, 1, func(context.Context, []listrepo.Item[int]) error { return result })
			require.Equal(t, result, err)
		}

		age := keyspace.Beside("age", p.Prefix(pool.Handlers)+queueKey(t, p, tenant, empty.Service, empty.Entity, empty.Action))
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", age, "1", "taken").Error())
		queues, err := batch.Queues(ctx, "mail")
		require.NoError(t, err)
		require.Equal(t, []symphony.Queue{waiting, claimed}, queues)
		queues = nil
		for q, err := range batch.ScanQueues(ctx) {
			require.NoError(t, err)
			queues = append(queues, q)
		}
		require.ElementsMatch(t, []symphony.Queue{waiting, claimed, dead, elsewhere, python}, queues)
		for range batch.ScanQueues(ctx) {
			break
		}
		_, err = batch.Queues(ctx, "")
		require.ErrorIs(t, err, symphony.ErrInvalidKey)
	})
	p := pooltest.Embedded(t)
	batch, err := symphony.NewBatch[int](p, "acme", symphony.Layout(keyspace.Python(keyspace.AllowAmbiguous)))
	require.NoError(t, err)
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error {
		for _, err := range batch.ScanQueues(ctx) {
			return err
		}
		return nil
	})
	var zero *symphony.Batch[int]
	_, err = zero.Queues(ctx, "mail")
	require.ErrorIs(t, err, symphony.ErrInvalidArgument)
}

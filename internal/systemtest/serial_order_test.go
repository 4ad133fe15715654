package systemtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Workers with and without the option, with chunks of different sizes, keep the
// order of serial queues. A message that always fails becomes a dead letter,
// and the others of its chunk do not.
func TestWorkersKeepTheOrder(t *testing.T) {
	isPoison := func(number int) bool { return number%17 == 3 }
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		path := filepath.Join(t.TempDir(), "handlers")
		working, stop := context.WithCancel(ctx)
		var workers sync.WaitGroup
		for i, chunk := range []int{1, 3, 100} {
			w := conversationWorker{log: openHandlerLog(t, path, fmt.Sprint(i)), chunk: chunk, lease: time.Second, maxAttempts: 3, leaves: func(items []notedItem) []int {
				if !slices.ContainsFunc(items, func(item notedItem) bool { return isPoison(item.N) }) {
					return nil
				}
				all := make([]int, len(items))
				for i, item := range items {
					all[i] = item.N
				}
				return all
			}}
			opts := [][]symphony.Option{nil, {symphony.Serial()}, nil}[i]
			workers.Go(func() {
				if err := w.run(working, p, opts...); err != nil {
					t.Error(err)
				}
			})
		}
		defer workers.Wait()
		defer stop()

		const conversations = 4
		messages, dead := map[string][]int{}, map[string][]int{}
		for number := range 40 {
			for n := range conversations {
				tenant, q := conversation(n)
				b, err := symphony.NewBatch[int](p, tenant, symphony.Serial())
				require.NoError(t, err)
				_, err = b.Enqueue(ctx, q, number)
				require.NoError(t, err)
				if isPoison(number) {
					dead[q.Entity] = append(dead[q.Entity], number)
				} else {
					messages[q.Entity] = append(messages[q.Entity], number)
				}
			}
		}
		for n := range conversations {
			tenant, q := conversation(n)
			b, err := symphony.NewBatch[int](p, tenant)
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				backlog, err := b.Backlog(ctx, q)
				return err == nil && backlog.Waiting+backlog.Claimed == 0
			}, time.Minute, 5*time.Millisecond)
			var letters []int
			for d, err := range b.Dead(ctx, q) {
				require.NoError(t, err)
				letters = append(letters, d.Value)
			}
			require.ElementsMatch(t, dead[q.Entity], letters)
		}
		t.Log(requireInOrder(t, path, messages))
	})
}

// A worker whose connection is bad loses its leases. Its handlers end before
// another worker begins, and what it sends late changes nothing.
func TestOrderWithABadConnection(t *testing.T) {
	server := redistest.Server(t)
	proxy := redistest.NewProxy(t, server)
	good := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 10 * time.Second})
	bad := pooltest.Redis(t, pool.Config{URL: proxy.URL(), Timeout: 400 * time.Millisecond})
	path := filepath.Join(t.TempDir(), "handlers")
	working, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	for name, p := range map[string]*pool.Pools{"good": good, "bad": bad} {
		w := conversationWorker{log: openHandlerLog(t, path, name), chunk: 3, lease: 900 * time.Millisecond, leaves: someOf}
		running.Go(func() {
			if err := w.run(working, p); err != nil {
				t.Error(err)
			}
		})
	}
	running.Go(func() { disturb(working, proxy) })
	defer running.Wait()
	defer stop()

	const conversations = 8
	messages := map[string][]int{}
	for number := range 150 {
		for n := range conversations {
			tenant, q := conversation(n)
			b, err := symphony.NewBatch[int](good, tenant, symphony.Serial())
			require.NoError(t, err)
			_, err = b.Enqueue(ctx, q, number)
			require.NoError(t, err)
			messages[q.Entity] = append(messages[q.Entity], number)
		}
		for end := time.Now().Add(rand.N(40 * time.Millisecond)); time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
	}
	require.Eventually(t, func() bool { return drained(good, conversations, conversation) }, time.Minute, 10*time.Millisecond)
	t.Log(requireInOrder(t, path, messages))
}

// disturb changes the fault of a proxy until ctx ends.
func disturb(ctx context.Context, proxy *redistest.Proxy) {
	faults := []redistest.Fault{redistest.DropRequests, redistest.DropReplies, redistest.CloseOnReply, redistest.Healthy}
	for i := 0; ctx.Err() == nil; i++ {
		proxy.SetFault(faults[i%len(faults)])
		select {
		case <-ctx.Done():
		case <-time.After(300*time.Millisecond + rand.N(600*time.Millisecond)):
		}
	}
	proxy.SetFault(redistest.Healthy)
}

// A serial queue keeps its claim, its order and its mark while the server
// restarts.
func TestOrderAfterARestart(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 10 * time.Second})
	b, err := symphony.NewBatch[int](p, "acme")
	require.NoError(t, err)
	restart := func() {
		server.Kill()
		server.Restart(t)
	}
	// connected repeats a call on a connection that the last restart closed.
	connected := func(call func() error) (err error) {
		var op *symphony.OpError
		for range 100 {
			if err = call(); !errors.As(err, &op) || !op.MaybeApplied() {
				break
			}
		}
		return err
	}
	claim := func(n int) (c *listrepo.Claim[int], err error) {
		err = connected(func() error {
			c, err = b.Claim(ctx, queue, n, time.Hour)
			return err
		})
		return c, err
	}
	requireClaimed := func(want ...int) *listrepo.Claim[int] {
		c, err := claim(len(want))
		require.NoError(t, err)
		var got []int
		for _, item := range c.Items {
			got = append(got, item.Value)
		}
		require.Equal(t, want, got)
		restart()
		_, err = claim(1)
		require.ErrorIs(t, err, symphony.ErrBusy)
		return c
	}
	expire := func(c *listrepo.Claim[int]) {
		require.NoError(t, connected(func() error { return c.Extend(ctx, time.Millisecond) }))
		require.Eventually(t, func() bool {
			backlog, err := b.Backlog(ctx, queue)
			return err == nil && backlog.Claimed == 0
		}, time.Minute, time.Millisecond)
	}

	_, err = b.With(symphony.Serial()).Enqueue(ctx, queue, 1, 2, 3, 4, 5, 6)
	require.NoError(t, err)
	restart()
	lost := requireClaimed(1, 2, 3)
	require.NoError(t, connected(func() error { return lost.Release(ctx, lost.Items[1]) }))
	expire(lost)
	restart()
	c := requireClaimed(1, 2)
	for _, late := range []func() error{
		func() error { return lost.Ack(ctx) },
		func() error { return lost.Release(ctx) },
		func() error { return lost.Extend(ctx, time.Hour) },
	} {
		require.ErrorIs(t, connected(late), symphony.ErrLeaseLost)
	}
	require.NoError(t, connected(func() error { return c.Ack(ctx, c.Items[0]) }))
	expire(c)
	restart()
	c = requireClaimed(2, 3, 4, 5)
	require.NoError(t, connected(func() error { return c.Ack(ctx) }))
	restart()
	c = requireClaimed(6)
	require.NoError(t, connected(func() error { return c.Ack(ctx) }))
}

// A claim that is larger than a script moves at once, made before the queue
// became serial, keeps its order when its lease expires. It does not matter
// what was settled of it before.
func TestOrderOfALargeClaim(t *testing.T) {
	const all, more, size = 250, 20, 10 << 10
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		b, err := symphony.NewBatch[string](p, pooltest.UniqueTenant())
		require.NoError(t, err)
		values := make([]string, all+more)
		for i := range values {
			values[i] = fmt.Sprint(i, strings.Repeat(".", size))
		}
		_, err = b.Enqueue(ctx, queue, values[:all]...)
		require.NoError(t, err)
		lost, err := b.Claim(ctx, queue, all, time.Hour)
		require.NoError(t, err)
		require.Equal(t, all, len(lost.Items)) //nolint:testifylint // Len would print all items
		_, err = b.With(symphony.Serial()).Enqueue(ctx, queue, values[all:]...)
		require.NoError(t, err)
		var want []string
		var acked, released []listrepo.Item[string]
		for i, item := range lost.Items {
			switch i % 5 {
			case 0:
				acked = append(acked, item)
				continue
			case 1:
				released = append(released, item)
			}
			want = append(want, item.Value)
		}
		want = append(want, values[all:]...)
		require.NoError(t, lost.Ack(ctx, acked...))
		require.NoError(t, lost.Release(ctx, released...))
		require.NoError(t, lost.Extend(ctx, time.Millisecond))
		requireAllClaimed(t, b, want)
		require.ErrorIs(t, lost.Release(ctx), symphony.ErrLeaseLost)
	})
}

// Claims that were made before the queue became serial keep the order of their
// items, whichever lease expires first.
func TestOrderOfClaimsBeforeTheMark(t *testing.T) {
	const claims, each = 40, 3
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		b, err := symphony.NewBatch[string](p, pooltest.UniqueTenant())
		require.NoError(t, err)
		var values []string
		for i := range claims*each + 10 {
			values = append(values, fmt.Sprint(i))
		}
		_, err = b.Enqueue(ctx, queue, values[:claims*each]...)
		require.NoError(t, err)
		var made []*listrepo.Claim[string]
		for range claims {
			c, err := b.Claim(ctx, queue, each, time.Hour)
			require.NoError(t, err)
			require.Len(t, c.Items, each)
			made = append(made, c)
		}
		_, err = b.With(symphony.Serial()).Enqueue(ctx, queue, values[claims*each:]...)
		require.NoError(t, err)
		for _, i := range rand.Perm(claims) {
			_, err := b.Claim(ctx, queue, 1, time.Hour)
			require.ErrorIs(t, err, symphony.ErrBusy)
			switch i % 3 {
			case 0:
				require.NoError(t, made[i].Extend(ctx, time.Millisecond))
			case 1:
				require.NoError(t, made[i].Release(ctx, made[i].Items[1]))
				require.NoError(t, made[i].Extend(ctx, time.Millisecond))
			case 2:
				require.NoError(t, made[i].Release(ctx, made[i].Items[2]))
				require.NoError(t, made[i].Return(ctx))
			}
		}
		requireAllClaimed(t, b, values)
	})
}

// requireAllClaimed claims and acks all items, and requires that they come in
// their order.
func requireAllClaimed(t *testing.T, b *symphony.Batch[string], want []string) {
	t.Helper()
	for len(want) > 0 {
		c, err := b.Claim(ctx, queue, 100, time.Hour)
		if errors.Is(err, symphony.ErrBusy) {
			continue // until the last lease has expired
		}
		require.NoError(t, err)
		for i, item := range c.Items {
			require.Equal(t, strings.TrimRight(want[i], "."), strings.TrimRight(item.Value, "."))
		}
		want = want[len(c.Items):]
		require.NoError(t, c.Ack(ctx))
	}
}

package listrepo_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/internal/retry"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Two processes work on a serial queue, and one of them does not know that it
// is serial. No two claims overlap, and the items come in their order, whatever
// happens to the claims.
func TestSerialInTwoProcesses(t *testing.T) {
	const items, lease = 300, 20 * time.Millisecond
	server := redistest.Server(t).URL()
	p := pooltest.Redis(t, pool.Config{URL: server})
	space, err := keys.Bind(pooltest.UniqueTenant())
	require.NoError(t, err)
	serial, err := listrepo.New[int](p, pool.Handlers, space, listrepo.Serial())
	require.NoError(t, err)
	plain, err := listrepo.New[int](pooltest.Redis(t, pool.Config{URL: server}), pool.Handlers, space)
	require.NoError(t, err)
	for i := range items {
		_, err := serial.Push(ctx, "q", i)
		require.NoError(t, err)
	}
	var (
		mu   sync.Mutex
		next int // the first item that is not acked
	)
	work := func(r *listrepo.ListRepo[int], seed int) {
		for turn := seed; ; turn++ {
			c, err := r.Claim(ctx, "q", 1+turn%5, lease)
			if errors.Is(err, listrepo.ErrBusy) {
				continue
			}
			if err != nil {
				t.Errorf("claim: %v", err)
				return
			}
			mu.Lock()
			if len(c.Items) == 0 {
				done := next == items
				mu.Unlock()
				if done {
					return
				}
				continue
			}
			ok := c.Items[0].Value == next
			for i, item := range c.Items {
				ok = ok && item.Value == next+i
			}
			if !ok {
				t.Errorf("claimed %v, but %d is next", valuesOf(c.Items), next)
			}
			switch turn % 7 {
			case 0: // the worker hangs until its lease has expired
			case 1:
				err = c.Release(ctx)
			case 2:
				err = c.Fail(ctx, retry.After(time.Millisecond, io.EOF), c.Items[0])
			case 3:
				if err = c.Ack(ctx, c.Items[0]); err == nil {
					next++
				}
			default:
				if err = c.Ack(ctx); err == nil {
					next += len(c.Items)
				}
			}
			mu.Unlock()
			if err != nil && !errors.Is(err, listrepo.ErrLeaseLost) {
				t.Errorf("settle: %v", err)
			}
			if !ok {
				return
			}
		}
	}
	var workers sync.WaitGroup
	for i, r := range []*listrepo.ListRepo[int]{serial, plain, serial, plain} {
		workers.Go(func() { work(r, i) })
	}
	workers.Wait()
	require.Equal(t, items, next)
	requireNoKeys(t, p)
}

func TestSerial(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		plain, key := newRepo[int](t, p)
		repo := plain.With(listrepo.Serial())
		_, err := repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)
		c := mustClaim(t, repo, 1, time.Minute)
		requireBusy := func() {
			t.Helper()
			for _, r := range []*listrepo.ListRepo[int]{repo, plain} {
				none, err := r.Claim(ctx, "q", 1, time.Minute)
				require.ErrorIs(t, err, listrepo.ErrBusy)
				require.Nil(t, none)
				require.False(t, maybeApplied(err))
				n, err := r.Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error { panic("it is busy") })
				require.ErrorIs(t, err, listrepo.ErrBusy)
				require.Zero(t, n)
				var op *listrepo.OpError
				require.ErrorAs(t, err, &op)
				require.Equal(t, "Process", op.Op)
			}
		}
		requireBusy()

		// Next ends the claim before it looks whether another is in flight.
		c, err = c.Next(ctx, 1, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []int{2}, valuesOf(c.Items))
		requireBusy()

		require.NoError(t, c.Extend(ctx, time.Millisecond))
		awaitWaiting(t, repo, 2)
		again := mustClaim(t, plain, 1, time.Minute)
		require.Equal(t, []int{2}, valuesOf(again.Items))
		require.ErrorIs(t, c.Ack(ctx), listrepo.ErrLeaseLost)
		_, err = c.Next(ctx, 1, time.Minute)
		require.ErrorIs(t, err, listrepo.ErrLeaseLost)
		require.ErrorIs(t, err, listrepo.ErrBusy)
		require.NoError(t, again.Ack(ctx))
		again = mustClaim(t, plain, 9, time.Minute)
		require.Equal(t, []int{3}, valuesOf(again.Items))
		require.NoError(t, again.Ack(ctx))
		requireNoKeys(t, p)

		// A claim with the option marks a queue that others filled.
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "1", "2").Error())
		c = mustClaim(t, repo, 1, time.Minute)
		requireBusy()
		require.NoError(t, c.Ack(ctx))
		c = mustClaim(t, repo, 1, time.Minute)
		require.NoError(t, c.Ack(ctx))
		requireNoKeys(t, p)
	})
}

// If a queue becomes serial while claims are in flight, Next of one of them
// acks its items, and says so.
func TestNextOfAQueueThatBecameSerial(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		c, other := mustClaim(t, repo, 1, time.Minute), mustClaim(t, repo, 1, time.Minute)
		_, err = repo.With(listrepo.Serial()).Push(ctx, "q", 3)
		require.NoError(t, err)
		next, err := c.Next(ctx, 1, time.Minute)
		require.ErrorIs(t, err, listrepo.ErrBusy)
		require.Nil(t, next)
		require.True(t, maybeApplied(err), "the items were acked")
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.EqualValues(t, 1, b.Claimed)
		require.NoError(t, other.Release(ctx))
		require.Equal(t, []int{2, 3}, valuesOf(mustClaim(t, repo, 9, time.Minute).Items))
	})
}

// A serial queue keeps the order of items that take several scripts to move and
// to put back, and no claim gets in between.
func TestSerialBigItems(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	plain, _ := newRepo[string](t, p)
	repo := plain.With(listrepo.Serial())
	const size, all = 400 << 10, "01234567"
	value := func(i int) string { return all[i:i+1] + strings.Repeat("x", size) }
	requireFirst := func(c *listrepo.Claim[string], atLeast int) {
		t.Helper()
		got := ""
		for _, item := range c.Items {
			got += item.Value[:1]
		}
		require.GreaterOrEqual(t, len(got), atLeast)
		require.Equal(t, all[:len(got)], got)
	}
	expire := func(c *listrepo.Claim[string]) {
		t.Helper()
		require.NoError(t, c.Extend(ctx, time.Millisecond))
		awaitWaiting(t, repo, int64(len(all)))
	}
	for i := range 7 {
		_, err := plain.Push(ctx, "q", value(i))
		require.NoError(t, err)
	}
	c := mustClaim(t, plain, 10, time.Minute)
	require.Len(t, c.Items, 7)
	_, err := repo.Push(ctx, "q", value(7))
	require.NoError(t, err)

	// The claim expires and is moved in pages. A later one, which expires too,
	// has the first items.
	expire(c)
	for range 3 {
		c = mustClaim(t, repo, 1, time.Minute)
		requireFirst(c, 1)
		expire(c)
	}
	for range 20 {
		c = mustClaim(t, repo, 500, time.Minute)
		requireFirst(c, 3)
		claims := make(chan *listrepo.Claim[string])
		go func() {
			defer close(claims)
			for {
				claimed, err := repo.Claim(ctx, "q", 1, time.Minute)
				if errors.Is(err, listrepo.ErrBusy) {
					continue
				}
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				claims <- claimed
				return
			}
		}()
		require.NoError(t, c.Release(ctx))
		claimed := <-claims
		requireFirst(claimed, 1)
		require.NoError(t, claimed.Release(ctx))
	}
}

// The ids of a serial queue order its items even if the clock was set back.
func TestSerialIfTheClockWasSetBack(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.Serial())
		const future = "4000000000000000"
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "again", key), future, "0000000001+ "+future+"-A-1 1 1").Error())
		_, err := repo.Push(ctx, "q", 2, 3)
		require.NoError(t, err)
		c := mustClaim(t, repo, 2, time.Minute)
		require.Equal(t, []int{1, 2}, valuesOf(c.Items))
		require.NoError(t, c.Release(ctx))
		c = mustClaim(t, repo, 9, time.Minute)
		require.Equal(t, []int{1, 2, 3}, valuesOf(c.Items))
		require.NoError(t, c.Extend(ctx, time.Millisecond))
		awaitWaiting(t, repo, 3)
		require.Equal(t, []int{1, 2, 3}, valuesOf(mustClaim(t, repo, 9, time.Minute).Items))
	})
}

// An item that fails with a delay holds those behind it in a serial queue, and
// no others elsewhere.
func TestDelays(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, opts := range map[string][]listrepo.Option{"serial": {listrepo.Serial()}, "not serial": nil} {
			t.Run(name, func(t *testing.T) {
				repo, key := newRepo[int](t, p, append(opts, listrepo.TTL(time.Hour))...)
				_, err := repo.Push(ctx, "q", 1, 2, 3, 4)
				require.NoError(t, err)
				n, err := repo.Process(ctx, "q", 3, func(_ context.Context, items []listrepo.Item[int]) error {
					return listrepo.Undone(retry.After(3*time.Hour, io.EOF), items[1])
				})
				require.ErrorIs(t, err, io.EOF)
				require.Equal(t, 2, n)
				b, err := repo.Backlog(ctx, "q")
				require.NoError(t, err)
				require.EqualValues(t, 2, b.Waiting)
				require.Zero(t, b.Claimed)

				c := mustClaim(t, repo, 9, time.Minute)
				if name == "serial" {
					require.Empty(t, c.Items)
					require.Greater(t, pttl(t, p, beside(p, "again", key)), 3*time.Hour.Milliseconds())
					require.Greater(t, pttl(t, p, beside(p, "order", key)), 3*time.Hour.Milliseconds())
					require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "order", key), "hold", "5").Error())
					require.Equal(t, []int{2, 4}, valuesOf(mustClaim(t, repo, 9, time.Minute).Items))
				} else {
					require.Equal(t, []int{4}, valuesOf(c.Items))
					require.Greater(t, pttl(t, p, beside(p, "delayed", key)), 3*time.Hour.Milliseconds())
					items, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", beside(p, "delayed", key), "0", "-1").AsStrSlice()
					require.NoError(t, err)
					require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "delayed", key), "5", items[0]).Error())
					c = mustClaim(t, repo, 9, time.Minute)
					require.Equal(t, []int{2}, valuesOf(c.Items))
					require.Equal(t, 2, c.Items[0].Attempt)
				}
				_, err = repo.Delete(ctx, "q")
				require.NoError(t, err)
				requireNoKeys(t, p)

				// The delay ends by the server's clock.
				_, err = repo.Push(ctx, "q", 1)
				require.NoError(t, err)
				require.NoError(t, mustClaim(t, repo, 1, time.Minute).Fail(ctx, retry.After(20*time.Millisecond, io.EOF)))
				require.Eventually(t, func() bool { return len(mustClaim(t, repo, 1, time.Minute).Items) == 1 }, 10*time.Second, time.Millisecond)
				_, err = repo.Delete(ctx, "q")
				require.NoError(t, err)
			})
		}
	})
}

// If the items of a queue wait for their delays when it becomes serial, they
// come at once and in front.
func TestDelaysOfAQueueThatBecameSerial(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		require.NoError(t, mustClaim(t, repo, 1, time.Minute).Fail(ctx, retry.After(time.Hour, io.EOF)))
		_, err = repo.With(listrepo.Serial()).Push(ctx, "q", 3)
		require.NoError(t, err)
		c := mustClaim(t, repo, 9, time.Minute)
		require.Equal(t, []int{1, 2, 3}, valuesOf(c.Items))
		require.NoError(t, c.Ack(ctx))
		requireNoKeys(t, p)
	})
}

// A handler that gives up makes dead letters at once, unless it was stopped.
func TestGiveUp(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for name, opts := range map[string][]listrepo.Option{"serial": {listrepo.Serial()}, "not serial": nil} {
			t.Run(name, func(t *testing.T) {
				repo, _ := newRepo[int](t, p, opts...)
				_, err := repo.Push(ctx, "q", 1, 2, 3)
				require.NoError(t, err)
				giveUp := func(_ context.Context, items []listrepo.Item[int]) error {
					return listrepo.Undone(retry.GiveUp(errors.New("no such user")), items[:2]...)
				}
				stopped, stop := context.WithCancel(ctx)
				_, err = repo.Process(stopped, "q", 3, func(c context.Context, items []listrepo.Item[int]) error {
					stop()
					return giveUp(c, items)
				})
				require.ErrorContains(t, err, "no such user")
				b, err := repo.Backlog(ctx, "q")
				require.NoError(t, err)
				require.Equal(t, listrepo.Backlog{Waiting: 2, Oldest: b.Oldest, Ready: b.Ready}, b)
				_, err = repo.PushFront(ctx, "q", 3)
				require.NoError(t, err)
				n, err := repo.Process(ctx, "q", 3, func(c context.Context, items []listrepo.Item[int]) error {
					slices.SortFunc(items, func(a, b listrepo.Item[int]) int { return cmp.Compare(a.Value, b.Value) })
					return giveUp(c, items)
				})
				require.ErrorContains(t, err, "no such user")
				require.Equal(t, 1, n)
				dead := map[int]string{}
				var ids []string
				for d, err := range repo.Dead(ctx, "q") {
					require.NoError(t, err)
					dead[d.Value] = d.Reason
					ids = append(ids, d.ID)
				}
				require.Len(t, dead, 2)
				require.Contains(t, dead[1], "no such user")
				slices.Sort(ids)
				_, err = repo.Push(ctx, "q", 4)
				require.NoError(t, err)
				_, err = repo.Retry(ctx, "q", ids...)
				require.NoError(t, err)
				c := mustClaim(t, repo, 9, time.Minute)
				require.Equal(t, []int{1, 2, 4}, valuesOf(c.Items))
				require.NoError(t, c.Ack(ctx))
				requireNoKeys(t, p)
			})
		}
	})
}

// An exhausted item that is retried is delivered once more, in a serial queue
// too.
func TestRetryOfASerialQueue(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p, listrepo.Serial(), listrepo.MaxAttempts(1))
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		for attempt := range 3 {
			c := mustClaim(t, repo, 1, time.Minute)
			require.Equal(t, attempt+1, c.Items[0].Attempt)
			require.NoError(t, c.Release(ctx))
			require.Empty(t, mustClaim(t, repo, 1, time.Minute).Items)
			n, err := repo.Retry(ctx, "q", c.Items[0].ID)
			require.NoError(t, err)
			require.EqualValues(t, 1, n)
		}
	})
}

func TestQuiet(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		plain, key := newRepo[int](t, p)
		const quiet, atMost = 2 * time.Hour, 3 * time.Hour
		repo := plain.With(listrepo.Quiet(quiet, atMost))
		order := beside(p, "order", key)
		field := func(name string) int64 {
			t.Helper()
			ms, err := pooltest.Do(t, p, pool.Handlers, "HGET", order, name).AsInt64()
			require.NoError(t, err)
			return ms
		}
		set := func(name string, ms int64) {
			t.Helper()
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", order, name, strconv.FormatInt(ms, 10)).Error())
		}
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		first := field("first")
		require.Equal(t, first+quiet.Milliseconds(), field("until"))
		require.Empty(t, mustClaim(t, plain, 9, time.Minute).Items)

		// A later push waits no longer than the first one may.
		first -= (2 * time.Hour).Milliseconds()
		set("first", first)
		for _, push := range []func() error{
			func() error { _, err := repo.Push(ctx, "q", 2); return err },
			func() error { _, err := repo.PushFront(ctx, "q", 0); return err },
			func() error { return repo.PutOff(ctx, "q") },
		} {
			set("until", 1)
			require.NoError(t, push())
			require.Equal(t, first, field("first"))
			require.Equal(t, first+atMost.Milliseconds(), field("until"))
			require.Empty(t, mustClaim(t, repo, 9, time.Minute).Items)
		}

		set("until", 1)
		c := mustClaim(t, plain, 2, time.Minute)
		require.Equal(t, []int{0, 1}, valuesOf(c.Items))
		require.Equal(t, first, field("first"), "an item waits")
		rest := mustClaim(t, plain, 2, time.Minute)
		require.Equal(t, []int{2}, valuesOf(rest.Items))
		exists, err := pooltest.Do(t, p, pool.Handlers, "EXISTS", order).AsInt64()
		require.NoError(t, err)
		require.Zero(t, exists)
		require.ErrorIs(t, repo.PutOff(ctx, "q"), listrepo.ErrNotFound)

		// Items whose lease expired wait for the quiet time, too.
		require.NoError(t, c.Extend(ctx, time.Millisecond))
		awaitWaiting(t, repo, 2)
		require.NoError(t, repo.PutOff(ctx, "q"))
		require.Empty(t, mustClaim(t, plain, 2, time.Minute).Items)
		set("until", 1)
		require.Equal(t, []int{0, 1}, valuesOf(mustClaim(t, plain, 9, time.Minute).Items))
		require.NoError(t, rest.Ack(ctx))

		// The time counts from the first push into an empty queue.
		set("first", 5)
		_, err = repo.Push(ctx, "q", 3)
		require.NoError(t, err)
		require.Greater(t, field("first"), int64(5))

		// A queue whose first push lies in the future does not wait for it.
		set("first", field("first")+time.Hour.Milliseconds())
		require.Equal(t, []int{3}, valuesOf(mustClaim(t, plain, 9, time.Minute).Items))
		_, err = repo.Delete(ctx, "q")
		require.NoError(t, err)
		requireNoKeys(t, p)
	})
}

// serverTime returns the server's time.
func serverTime(t *testing.T, p *pool.Pools) time.Time {
	t.Helper()
	c, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	parts, err := c.Do(ctx, c.B().Time().Build()).AsIntSlice()
	require.NoError(t, err)
	return time.Unix(parts[0], parts[1]*1000)
}

// By the server's clock, a quiet queue hands out nothing too early, and nothing
// too late.
func TestQuietTimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		const quiet, atMost = 30 * time.Millisecond, 80 * time.Millisecond
		repo, _ := newRepo[int](t, p, listrepo.Quiet(quiet, atMost))
		now := func() time.Time { return serverTime(t, p) }
		for round := range 4 {
			var before, after, last time.Time // around the first push, and before the last one
			pushes := 0
			for {
				if pushes < 1+4*round {
					last = now()
					_, err := repo.Push(ctx, "q", 1)
					require.NoError(t, err)
					if pushes == 0 {
						before, after = last, now()
					}
					pushes++
				}
				asked := now()
				c := mustClaim(t, repo, 500, time.Minute)
				if len(c.Items) > 0 {
					got := now()
					last = last.Truncate(time.Millisecond) // as the server counts
					require.True(t, !got.Before(last.Add(quiet)) || !got.Before(before.Truncate(time.Millisecond).Add(atMost)),
						"handed out %v after the first and %v after the last push", got.Sub(before), got.Sub(last))
					require.NoError(t, c.Ack(ctx))
					break
				}
				require.True(t, asked.Before(after.Add(atMost+time.Millisecond)), "not handed out %v after the first push", asked.Sub(after))
			}
		}
	})
}

func TestOrderOptions(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		push := func(o listrepo.Option) func() error {
			return func() error { _, err := repo.With(o).Push(ctx, "q", 1); return err }
		}
		quiet := listrepo.Quiet(time.Second, time.Second)
		for name, c := range map[string]struct {
			want error
			call func() error
		}{
			"no quiet time":               {listrepo.ErrInvalidTTL, push(listrepo.Quiet(0, time.Second))},
			"quiet under a millisecond":   {listrepo.ErrInvalidTTL, push(listrepo.Quiet(time.Millisecond-1, time.Second))},
			"a limit below quiet":         {listrepo.ErrInvalidTTL, push(listrepo.Quiet(time.Second, time.Second-1))},
			"Pop with Serial":             {listrepo.ErrUnsupported, func() error { _, err := repo.With(listrepo.Serial()).Pop(ctx, "q", 1); return err }},
			"Pop of nothing with Serial":  {listrepo.ErrUnsupported, func() error { _, err := repo.With(listrepo.Serial()).Pop(ctx, "q", 0); return err }},
			"Pop with Quiet":              {listrepo.ErrUnsupported, func() error { _, err := repo.With(quiet).Pop(ctx, "q", 1); return err }},
			"PutOff without Quiet":        {listrepo.ErrUnsupported, func() error { return repo.PutOff(ctx, "q") }},
			"PutOff with IfAbsent":        {listrepo.ErrUnsupported, func() error { return repo.With(quiet, listrepo.IfAbsent()).PutOff(ctx, "q") }},
			"PutOff of an id that is bad": {listrepo.ErrInvalidKey, func() error { return repo.With(quiet).PutOff(ctx, "") }},
			"Serial of a value": {symphony.ErrUnsupported, func() error {
				_, err := symphony.NewGeneric[int](p, "one", symphony.Serial())
				return err
			}},
			"Quiet of a hash": {symphony.ErrUnsupported, func() error {
				_, err := symphony.NewUser[struct{}](p, "one", symphony.Quiet(time.Second, time.Second))
				return err
			}},
			"Serial of a trigger": {symphony.ErrUnsupported, func() error {
				_, err := symphony.NewTrigger(p, "one", symphony.Serial())
				return err
			}},
		} {
			t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, c.want, c.call) })
		}
	})
}

// Data that another program wrote into the keys of an order loses no items.
func TestForeignOrder(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		quiet := listrepo.Quiet(time.Hour, time.Hour)
		do := func(args ...string) {
			t.Helper()
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, args...).Error())
		}
		t.Run("other types", func(t *testing.T) {
			plain, key := newRepo[int](t, p)
			repo := plain.With(listrepo.Serial())
			_, err := plain.Push(ctx, "q", 1, 2)
			require.NoError(t, err)
			c := mustClaim(t, plain, 1, time.Minute)
			do("SET", beside(p, "order", key), "x")
			for name, call := range map[string]func() error{
				"Push":    func() error { _, err := repo.Push(ctx, "q", 3); return err },
				"Claim":   func() error { _, err := plain.Claim(ctx, "q", 1, time.Minute); return err },
				"Release": func() error { return c.Release(ctx) },
				"PutOff":  func() error { return plain.With(quiet).PutOff(ctx, "q") },
			} {
				err := call()
				require.ErrorIs(t, err, listrepo.ErrWrongType, name)
				require.ErrorContains(t, err, beside(p, "order", key), name)
			}
			do("DEL", beside(p, "order", key))
			do("SET", beside(p, "delayed", key), "x")
			_, err = plain.Claim(ctx, "q", 1, time.Minute)
			require.ErrorContains(t, err, beside(p, "delayed", key))
			require.ErrorContains(t, c.Fail(ctx, retry.After(time.Hour, io.EOF)), beside(p, "delayed", key))
			require.NoError(t, c.Release(ctx))
			do("DEL", beside(p, "delayed", key))
			require.Equal(t, []int{1, 2}, valuesOf(mustClaim(t, repo, 9, time.Minute).Items))
		})
		t.Run("fields", func(t *testing.T) {
			repo, key := newRepo[int](t, p, listrepo.Serial())
			_, err := repo.Push(ctx, "q", 1, 2)
			require.NoError(t, err)
			do("HSET", beside(p, "order", key), "serial", "x", "first", "inf", "until", "later", "hold", "-1e400")
			c := mustClaim(t, repo, 1, time.Minute)
			require.Equal(t, []int{1}, valuesOf(c.Items))
			_, err = repo.Claim(ctx, "q", 1, time.Minute)
			require.ErrorIs(t, err, listrepo.ErrBusy)
		})
		t.Run("entries", func(t *testing.T) {
			for _, dead := range []bool{true, false} { // whether they can become dead letters
				repo, key := newRepo[int](t, p)
				_, err := repo.Push(ctx, "q", 1, 2, 3)
				require.NoError(t, err)
				require.NoError(t, mustClaim(t, repo, 1, time.Minute).Fail(ctx, retry.After(time.Hour, io.EOF)))
				items, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", beside(p, "delayed", key), "0", "-1").AsStrSlice()
				require.NoError(t, err)
				do("ZADD", beside(p, "delayed", key), "5", "garbage", "6", "", "7", "1 a=b 1 x", "inf", "more", "inf", items[0])
				if !dead {
					do("SET", beside(p, "dead", key), "x")
				}
				c, err := repo.Claim(ctx, "q", 9, time.Minute)
				if dead {
					var foreign *listrepo.ForeignEntriesError
					require.ErrorAs(t, err, &foreign)
					require.Equal(t, 4, foreign.Count)
				} else {
					require.ErrorIs(t, err, listrepo.ErrWrongType)
				}
				require.Equal(t, []int{1, 2, 3}, valuesOf(c.Items))
			}
		})
		t.Run("entries of due", func(t *testing.T) {
			repo, key := newRepo[int](t, p, listrepo.Serial())
			_, err := repo.Push(ctx, "q", 1, 2)
			require.NoError(t, err)
			args := []string{"ZADD", beside(p, "due", key), "9e15", "1-GONE", "inf", "1-GONETOO"}
			soon := strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10)
			for i := range 250 {
				args = append(args, soon, "garbage "+strconv.Itoa(i))
			}
			do(args...)
			c, err := repo.Claim(ctx, "q", 1, 1000*24*time.Hour)
			var foreign *listrepo.ForeignEntriesError
			require.ErrorAs(t, err, &foreign)
			require.Equal(t, 250, foreign.Count)
			require.Equal(t, []int{1}, valuesOf(c.Items))

			// Entries that cannot become dead letters do not hide the claim.
			do("DEL", beside(p, "dead", key))
			do("SET", beside(p, "dead", key), "x")
			do(args...)
			none, err := repo.Claim(ctx, "q", 1, time.Minute)
			require.ErrorIs(t, err, listrepo.ErrBusy)
			require.Nil(t, none)
			do("DEL", beside(p, "dead", key))
			_, err = repo.Claim(ctx, "q", 1, time.Minute)
			require.ErrorIs(t, err, listrepo.ErrBusy)
			require.ErrorAs(t, err, &foreign)
		})
		t.Run("many entries of due", func(t *testing.T) {
			repo, key := newRepo[int](t, p, listrepo.Serial())
			_, err := repo.Push(ctx, "q", 1)
			require.NoError(t, err)
			args := []string{"ZADD", beside(p, "due", key)}
			for i := range 1700 {
				args = append(args, "9e15", "garbage "+strconv.Itoa(i))
			}
			do(args...)
			c, err := repo.Claim(ctx, "q", 1, time.Minute)
			var foreign *listrepo.ForeignEntriesError
			require.ErrorAs(t, err, &foreign)
			require.Equal(t, 1700, foreign.Count)
			require.Equal(t, []int{1}, valuesOf(c.Items))
		})
	})
}

// What orders a queue lives as long as its items.
func TestOrderLifetimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.Serial(), listrepo.Quiet(time.Millisecond, time.Millisecond), listrepo.TTL(time.Hour))
		order := beside(p, "order", key)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		require.InDelta(t, time.Hour.Milliseconds(), pttl(t, p, order), 60e3)
		var c *listrepo.Claim[int]
		require.Eventually(t, func() bool {
			c = mustClaim(t, repo, 9, 2*time.Hour)
			return len(c.Items) == 2
		}, 10*time.Second, time.Millisecond)
		require.InDelta(t, 3*time.Hour.Milliseconds(), pttl(t, p, order), 60e3)
		require.NoError(t, c.Extend(ctx, 5*time.Hour))
		require.InDelta(t, 6*time.Hour.Milliseconds(), pttl(t, p, order), 60e3)
		require.NoError(t, c.Fail(ctx, retry.After(9*time.Hour, io.EOF)))
		for _, name := range []string{order, beside(p, "again", key)} {
			require.InDelta(t, 10*time.Hour.Milliseconds(), pttl(t, p, name), 60e3, name)
		}
		_, err = repo.With(listrepo.NoTTL()).Push(ctx, "q", 3)
		require.NoError(t, err)
		for _, name := range keysBeside(t, p, key) {
			require.Equal(t, int64(-1), pttl(t, p, name), name)
		}
		_, err = repo.Delete(ctx, "q")
		require.NoError(t, err)

		// A push without the options renews the keys, too.
		plain := repo.With(listrepo.TTL(time.Hour))
		_, err = repo.With(listrepo.TTL(time.Minute)).Push(ctx, "q", 1)
		require.NoError(t, err)
		_, err = plain.Push(ctx, "q", 2)
		require.NoError(t, err)
		require.InDelta(t, time.Hour.Milliseconds(), pttl(t, p, order), 60e3)
		require.Eventually(t, func() bool { return repo.PutOff(ctx, "q") == nil && pttl(t, p, order) > 0 }, 10*time.Second, time.Millisecond)
	})
}

// A queue with an order leaves no key behind, whatever ends its last claim.
func TestOrderEndsWithTheLastItem(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		plain, key := newRepo[int](t, p)
		repo := plain.With(listrepo.Serial())
		for name, end := range map[string]func(c *listrepo.Claim[int]) error{
			"Ack":         func(c *listrepo.Claim[int]) error { return c.Ack(ctx) },
			"Ack in part": func(c *listrepo.Claim[int]) error { return errors.Join(c.Ack(ctx, c.Items[1]), c.Ack(ctx, c.Items[0])) },
			"Next":        func(c *listrepo.Claim[int]) error { _, err := c.Next(ctx, 1, time.Minute); return err },
			"GiveUp": func(c *listrepo.Claim[int]) error {
				err := c.Fail(ctx, retry.GiveUp(io.EOF))
				return errors.Join(err, pooltest.Do(t, p, pool.Handlers, "DEL", beside(p, "dead", key), beside(p, "died", key)).Error())
			},
			"Trim": func(c *listrepo.Claim[int]) error {
				_, err := plain.Push(ctx, "q", 3)
				_, errNext := c.Next(ctx, 0, time.Minute)
				errTrim := plain.Trim(ctx, "q", 1, 0)
				_, errClaim := plain.Claim(ctx, "q", 1, time.Minute)
				return errors.Join(err, errNext, errTrim, errClaim)
			},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := repo.Push(ctx, "q", 1, 2)
				require.NoError(t, err)
				c := mustClaim(t, plain, 9, time.Minute)
				require.Len(t, c.Items, 2)
				require.NoError(t, end(c))
				requireNoKeys(t, p)
			})
		}
	})
}

// The schedule says when a queue with an order hands out something.
func TestOrderIsScheduled(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		plain, key, _, queues := newMarkedRepo(t, p)
		serial := plain.With(listrepo.Serial())
		requireIn := func(want time.Duration) {
			t.Helper()
			at, err := pooltest.Do(t, p, pool.Handlers, "ZSCORE", queues, "which").AsFloat64()
			require.NoError(t, err)
			require.InDelta(t, want, time.Until(time.UnixMilli(int64(at))), float64(time.Minute))
		}
		requireGone := func() {
			t.Helper()
			_, err := pooltest.Do(t, p, pool.Handlers, "ZSCORE", queues, "which").AsFloat64()
			require.True(t, rueidis.IsRedisNil(err), "the queue is still in the schedule")
		}
		push := func(r *listrepo.ListRepo[int], values ...int) {
			t.Helper()
			_, err := r.Push(ctx, "q", values...)
			require.NoError(t, err)
		}

		push(serial, 1, 2, 3)
		requireIn(0)
		c := mustClaim(t, plain, 1, 2*time.Hour)
		requireIn(2 * time.Hour)
		push(plain, 4)
		_, err := plain.Claim(ctx, "q", 1, time.Minute)
		require.ErrorIs(t, err, listrepo.ErrBusy)
		requireIn(2 * time.Hour)
		require.NoError(t, c.Ack(ctx))
		requireIn(0)
		c = mustClaim(t, plain, 1, 2*time.Hour)
		require.NoError(t, c.Release(ctx))
		requireIn(0)
		c = mustClaim(t, plain, 1, 2*time.Hour)
		require.NoError(t, c.Fail(ctx, retry.After(5*time.Hour, io.EOF)))
		requireIn(5 * time.Hour)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "order", key), "hold", "1").Error())
		c = mustClaim(t, plain, 9, 2*time.Hour)
		require.Equal(t, []int{2, 3, 4}, valuesOf(c.Items))

		// Entries that are no claims do not put off a serial queue for ever.
		garbage := []string{"ZADD", beside(p, "due", key), "9e15", "garbage", "8e15", "1-GONE"}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, garbage...).Error())
		push(serial, 5)
		require.NoError(t, c.Ack(ctx, c.Items[1:]...))
		require.NoError(t, c.Release(ctx))
		requireIn(0)
		c, err = plain.Claim(ctx, "q", 9, 2*time.Hour)
		require.ErrorAs(t, err, new(*listrepo.ForeignEntriesError))
		require.Equal(t, []int{2, 5}, valuesOf(c.Items))
		requireIn(2 * time.Hour)
		require.NoError(t, c.Fail(ctx, retry.GiveUp(io.EOF)))
		requireGone()
		n, err := serial.Retry(ctx, "q", c.Items[1].ID, c.Items[0].ID)
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		requireIn(0)
		c = mustClaim(t, plain, 9, 2*time.Hour)
		require.Equal(t, []int{2, 5}, valuesOf(c.Items))
		require.NoError(t, c.Ack(ctx))
		requireGone()

		quiet := plain.With(listrepo.Quiet(2*time.Hour, 3*time.Hour))
		push(quiet, 1)
		requireIn(2 * time.Hour)
		first, err := pooltest.Do(t, p, pool.Handlers, "HGET", beside(p, "order", key), "first").AsInt64()
		require.NoError(t, err)
		first -= (2 * time.Hour).Milliseconds()
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "order", key), "first", strconv.FormatInt(first, 10)).Error())
		push(quiet, 2)
		requireIn(time.Hour)
		require.Empty(t, mustClaim(t, plain, 9, time.Minute).Items)
		requireIn(time.Hour)
		require.NoError(t, plain.With(listrepo.Quiet(time.Minute, 20*time.Hour)).PutOff(ctx, "q"))
		requireIn(time.Minute)
		require.NoError(t, plain.With(listrepo.Quiet(10*time.Hour, 20*time.Hour)).PutOff(ctx, "q"))
		requireIn(10 * time.Hour)
		_, err = plain.Delete(ctx, "q")
		require.NoError(t, err)
		requireGone()

		push(plain, 1, 2)
		require.NoError(t, mustClaim(t, plain, 1, time.Minute).Fail(ctx, retry.After(4*time.Hour, io.EOF)))
		requireIn(0)
		c = mustClaim(t, plain, 9, 2*time.Hour)
		require.Equal(t, []int{2}, valuesOf(c.Items))
		requireIn(2 * time.Hour)
		require.NoError(t, c.Ack(ctx))
		requireIn(4 * time.Hour)
	})
}

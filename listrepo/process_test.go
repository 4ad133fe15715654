package listrepo_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

func TestProcess(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		n, err := repo.Process(ctx, "q", 10, func(context.Context, []listrepo.Item[int]) error {
			t.Error("there is nothing to handle")
			return nil
		})
		require.NoError(t, err)
		require.Zero(t, n)
		_, err = repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)

		broken := errors.New("broken")
		n, err = repo.Process(ctx, "q", 2, func(context.Context, []listrepo.Item[int]) error { return broken })
		require.Equal(t, broken, err)
		require.Zero(t, n)
		left, err := repo.Range(ctx, "q", 0, -1)
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 3}, left)

		n, err = repo.Process(ctx, "q", 10, func(_ context.Context, items []listrepo.Item[int]) error {
			return listrepo.Undone(broken, items[1])
		})
		require.ErrorIs(t, err, broken)
		require.Equal(t, 2, n)
		left, err = repo.Range(ctx, "q", 0, -1)
		require.NoError(t, err)
		require.Equal(t, []int{2}, left)

		require.Panics(t, func() {
			_, _ = repo.Process(ctx, "q", 10, func(context.Context, []listrepo.Item[int]) error { panic("no") })
		})
		n, err = repo.Process(ctx, "q", 10, func(_ context.Context, items []listrepo.Item[int]) error {
			require.Equal(t, 4, items[0].Attempt)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, n)
		requireNoKeys(t, p)
	})
}

// Process renews the lease while the handler runs. If the claim is lost, the
// handler's context ends.
func TestProcessKeepsItsLease(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.Lease(600*time.Millisecond))
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		leaseEnds := func() float64 { // 0 if the claim was lost
			leases, err := pooltest.Do(t, p, pool.Handlers, "ZRANGE", beside(p, "due", key), "0", "0", "WITHSCORES").AsZScores()
			require.NoError(t, err)
			if len(leases) == 0 {
				return 0
			}
			return leases[0].Score
		}
		untilRenewed := func(work context.Context, _ []listrepo.Item[int]) error {
			for range 3 {
				before := leaseEnds()
				for ; work.Err() == nil && leaseEnds() <= before; time.Sleep(time.Millisecond) {
					continue
				}
			}
			return context.Cause(work)
		}
		// A busy machine may pause for longer than the lease and lose it.
		require.Eventually(t, func() bool {
			n, err := repo.Process(ctx, "q", 1, untilRenewed)
			return err == nil && n == 1
		}, 30*time.Second, time.Millisecond)

		_, err = repo.Push(ctx, "q", 2)
		require.NoError(t, err)
		n, err := repo.Process(ctx, "q", 1, func(work context.Context, _ []listrepo.Item[int]) error {
			_, err := repo.Delete(ctx, "q")
			require.NoError(t, err)
			<-work.Done()
			return context.Cause(work)
		})
		require.ErrorIs(t, err, symphony.ErrLeaseLost)
		require.Zero(t, n)
	})
}

// The handler's context ends with the lease, even if the connection drops all
// replies and a call may wait for an hour.
func TestProcessEndsWithItsLease(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Server(t))
	p, err := pool.Open(ctx, pool.Config{URL: proxy.URL(), Timeout: time.Hour})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	repo, _ := newRepo[int](t, p, listrepo.Lease(300*time.Millisecond))
	_, err = repo.Push(ctx, "q", 1)
	require.NoError(t, err)
	_, _ = repo.Process(ctx, "q", 1, func(work context.Context, _ []listrepo.Item[int]) error {
		proxy.SetFault(redistest.DropReplies)
		select {
		case <-work.Done():
			require.ErrorIs(t, context.Cause(work), symphony.ErrLeaseLost)
		case <-time.After(20 * time.Second):
			t.Error("the context did not end with the lease")
		}
		proxy.SetFault(redistest.Healthy)
		proxy.CloseConnections()
		return nil
	})
}

// If the handler panicked or ended its goroutine, nothing renews the lease any
// more, even if the items could not be put back. They are redelivered when it
// expires.
func TestProcessEndsItsRenewal(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("no") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Server(t)
			proxy := redistest.NewProxy(t, server)
			p, err := pool.Open(ctx, pool.Config{URL: proxy.URL(), Timeout: 500 * time.Millisecond})
			require.NoError(t, err)
			t.Cleanup(p.Close)
			repo, _ := newRepo[int](t, p, listrepo.Lease(time.Second))
			_, err = repo.Push(ctx, "q", 1)
			require.NoError(t, err)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				defer func() { _ = recover() }()
				_, _ = repo.Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error {
					proxy.Down()
					end()
					return nil
				})
			}()
			<-ended
			proxy.Up()
			require.Eventually(t, func() bool {
				c, err := repo.Claim(ctx, "q", 1, time.Minute)
				return err == nil && len(c.Items) == 1 && c.Items[0].Attempt == 2
			}, 20*time.Second, 5*time.Millisecond)
		})
	}
}

// Process tries a failed ack again. If the first try was applied and its reply
// was lost, the error is not ErrLeaseLost.
func TestProcessRetriesAcks(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Server(t))
	p, err := pool.Open(ctx, pool.Config{URL: proxy.URL(), Timeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	repo, _ := newRepo[int](t, p)
	_, err = repo.Push(ctx, "q", 1)
	require.NoError(t, err)
	n, err := repo.Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error {
		proxy.CloseConnections()
		return nil
	})
	require.NoError(t, err, "only the first try fails")
	require.Equal(t, 1, n)

	require.Eventually(t, func() bool { // until every connection works again
		for range 64 {
			if _, err := repo.Len(ctx, "q"); err != nil {
				return false
			}
		}
		return true
	}, 20*time.Second, 5*time.Millisecond)
	_, err = repo.Push(ctx, "q", 2)
	require.NoError(t, err)
	_, err = repo.Process(ctx, "q", 1, func(context.Context, []listrepo.Item[int]) error {
		proxy.SetFault(redistest.CloseOnReply)
		return nil
	})
	var op *symphony.OpError
	require.ErrorAs(t, err, &op)
	require.True(t, op.MaybeApplied())
	require.NotErrorIs(t, err, symphony.ErrLeaseLost)
}

// The longest lease does not expire at once.
func TestProcessLongestLease(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p, listrepo.Lease(math.MaxInt64))
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		n, err := repo.Process(ctx, "q", 1, func(work context.Context, _ []listrepo.Item[int]) error {
			require.NoError(t, work.Err())
			c, err := repo.Claim(ctx, "q", 1, time.Minute)
			require.NoError(t, err)
			require.Empty(t, c.Items)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}

// Process acks the items even if its context ended while the handler ran.
func TestProcessAcksAfterItsContext(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		work, cancel := context.WithCancel(ctx)
		n, err := repo.Process(work, "q", 1, func(context.Context, []listrepo.Item[int]) error { cancel(); return nil })
		require.NoError(t, err)
		require.Equal(t, 1, n)
		requireNoKeys(t, p)
	})
}

func TestProcessCorruptItem(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "no", "2", "never").Error())
		n, err := repo.Process(ctx, "q", 10, func(_ context.Context, items []listrepo.Item[int]) error {
			require.Equal(t, []int{2}, valuesOf(items))
			return nil
		})
		require.Equal(t, 1, n)
		var bad *listrepo.ItemError
		require.ErrorAs(t, err, &bad)
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.Equal(t, listrepo.Backlog{Dead: 2}, b)
		n64, err := repo.Delete(ctx, "q")
		require.NoError(t, err)
		require.Zero(t, n64)
		requireNoKeys(t, p)
	})
}

// Backlog returns the age of the oldest item, whoever takes the items before
// it.
func TestBacklogOldest(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key, _, _ := newMarkedRepo(t, p, listrepo.MaxLen(100)) // every push stores its time
		oldest := func() time.Duration {
			b, err := repo.Backlog(ctx, "q")
			require.NoError(t, err)
			return b.Oldest
		}
		require.Zero(t, oldest())
		push := func(age time.Duration, v ...int) {
			_, err := repo.Push(ctx, "q", v...)
			require.NoError(t, err)
			// Change the time of the push to age ago.
			name := beside(p, "age", key)
			times, err := pooltest.Do(t, p, pool.Handlers, "ZREVRANGE", name, "0", "0").AsStrSlice()
			require.NoError(t, err)
			until, err := pooltest.Do(t, p, pool.Handlers, "ZSCORE", name, times[0]).ToString()
			require.NoError(t, err)
			now, err := strconv.ParseInt(times[0], 10, 64)
			require.NoError(t, err)
			then := strconv.FormatInt(now-age.Milliseconds(), 10)
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZREM", name, times[0]).Error())
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", name, until, then).Error())
		}
		push(3*time.Hour, 1, 2, 3)
		push(2*time.Hour, 4, 5)
		push(time.Hour, 6)
		require.InDelta(t, 3*time.Hour, oldest(), float64(time.Minute))
		c := mustClaim(t, repo, 3, time.Minute)
		require.InDelta(t, 2*time.Hour, oldest(), float64(time.Minute), "1, 2 and 3 are claimed")
		require.NoError(t, c.Release(ctx))
		require.InDelta(t, 3*time.Hour, oldest(), float64(time.Minute), "and are back")
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LTRIM", key+"q", "5", "-1").Error())
		push(time.Minute, 7)
		require.InDelta(t, time.Hour, oldest(), float64(time.Minute), "others took all but 6")
		_, err := repo.Pop(ctx, "q", 10)
		require.NoError(t, err)
		require.Zero(t, oldest())
	})
}

// Equal items cannot be told apart in the list. Still no id is in two claims,
// and each delivery of an id has a higher attempt.
func TestEqualItems(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		rapid.Check(t, func(rt *rapid.T) {
			repo, key := newRepo[int](t, p)
			attempts := map[string]int{} // the last attempt of each id
			held := map[string]bool{}
			var claims []*listrepo.Claim[int]
			rt.Repeat(map[string]func(*rapid.T){
				"push": func(rt *rapid.T) {
					_, err := repo.Push(ctx, "q", rapid.SliceOfN(rapid.IntRange(0, 2), 1, 6).Draw(rt, "items")...)
					require.NoError(rt, err)
				},
				"other program": func(rt *rapid.T) {
					n := rapid.IntRange(1, 3).Draw(rt, "n")
					require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LTRIM", key+"q", strconv.Itoa(n), "-1").Error())
				},
				"claim": func(rt *rapid.T) {
					c := mustClaim(t, repo, rapid.IntRange(1, 5).Draw(rt, "n"), time.Minute)
					for _, item := range c.Items {
						require.False(rt, held[item.ID], "the id is in two claims")
						require.Greater(rt, item.Attempt, attempts[item.ID])
						attempts[item.ID], held[item.ID] = item.Attempt, true
					}
					if len(c.Items) > 0 {
						claims = append(claims, c)
					}
				},
				"release": func(rt *rapid.T) {
					if len(claims) == 0 {
						rt.Skip("no claims")
					}
					c := claims[0]
					claims = claims[1:]
					require.NoError(rt, c.Release(ctx))
					for _, item := range c.Items {
						delete(held, item.ID)
					}
				},
			})
		})
	})
}

// The ids of items that other programs take do not pile up, even if the queue
// is never empty.
func TestIDsOfTakenItemsAreForgotten(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		for i := range 50 {
			_, err := repo.PushFront(ctx, "q", i)
			require.NoError(t, err)
			require.NoError(t, mustClaim(t, repo, 1, time.Minute).Release(ctx))
			_, err = repo.Push(ctx, "q", 1000+i)
			require.NoError(t, err)
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LTRIM", key+"q", "-1", "-1").Error())
		}
		ids, err := pooltest.Do(t, p, pool.Handlers, "HLEN", beside(p, "back", key)).AsInt64()
		require.NoError(t, err)
		require.LessOrEqual(t, ids, int64(2))
	})
}

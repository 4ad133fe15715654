package listrepo_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// The longest lease withholds items, whatever call sets it.
func TestLongestLease(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, opts := range [][]listrepo.Option{nil, {listrepo.TTL(time.Hour)}, {listrepo.TTL(longest)}, {listrepo.MaxLen(9)}, {listrepo.KeepTTL()}} {
			for _, d := range []time.Duration{longest, longest - 1, longest / 2} {
				repo, key := newRepo[int](t, p, opts...)
				_, err := repo.Push(ctx, "q", 1, 2, 3)
				require.NoError(t, err)
				c := mustClaim(t, repo, 1, d)
				require.NoError(t, mustClaim(t, repo, 1, time.Minute).Extend(ctx, d))
				c, err = c.Next(ctx, 1, d)
				require.NoError(t, err)
				require.Len(t, c.Items, 1)
				require.Empty(t, mustClaim(t, repo, 3, d).Items, "all items are leased")
				for _, name := range keysBeside(t, p, key) {
					if lives := pttl(t, p, name); lives != -1 {
						require.Greater(t, lives, int64(math.MaxInt64)/3/int64(time.Millisecond), name)
					}
				}
				require.NoError(t, c.Extend(ctx, d))
				require.NoError(t, c.Release(ctx))
				got, err := repo.With(listrepo.Lease(d)).Process(ctx, "q", 3, succeed)
				require.NoError(t, err)
				require.Equal(t, 1, got)
				requireOneClaim(t, p, key)
			}
		}
	})
}

// requireOneClaim asserts that the keys beside a queue are those of one claim.
func requireOneClaim(t *testing.T, p *pool.Pools, key string) {
	t.Helper()
	require.Len(t, keysBeside(t, p, key), 2)
}

func TestCountsAreBounded(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", make([]int, listrepo.MaxPush)...)
		require.NoError(t, err)
		c := mustClaim(t, repo, listrepo.MaxCount, time.Minute)
		require.Len(t, c.Items, listrepo.MaxCount)
		for _, n := range []int{-1, listrepo.MaxCount + 1, math.MaxInt} {
			for name, call := range map[string]func() error{
				"Claim":   func() error { _, err := repo.Claim(ctx, "q", n, time.Minute); return err },
				"Next":    func() error { _, err := c.Next(ctx, n, time.Minute); return err },
				"Process": func() error { _, err := repo.Process(ctx, "q", n, succeed); return err },
				"Pop":     func() error { _, err := repo.Pop(ctx, "q", n); return err },
			} {
				t.Run(fmt.Sprint(name, " of ", n), func(t *testing.T) { pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, call) })
			}
		}
		t.Run("Push", func(t *testing.T) {
			pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error {
				_, err := repo.Push(ctx, "q", make([]int, listrepo.MaxPush+1)...)
				return err
			})
		})
		t.Run("ChunkSize", func(t *testing.T) {
			require.ErrorIs(t, symphony.WorkBatches[int](ctx, p, "s", nil, symphony.WorkConfig{ChunkSize: listrepo.MaxCount + 1}), symphony.ErrInvalidArgument)
		})
		c, err = c.Next(ctx, listrepo.MaxCount, time.Minute)
		require.NoError(t, err)
		require.Len(t, c.Items, listrepo.MaxCount)
		got, err := repo.Pop(ctx, "q", listrepo.MaxCount)
		require.NoError(t, err)
		require.Len(t, got, listrepo.MaxCount)
	})
}

// Equal items keep their ids in order over many claims. The ids of items that
// other programs took are removed.
func TestEqualItemsKeepTheirIDs(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", slices.Concat(make([]int, 30), []int{1}, make([]int, 30))...)
		require.NoError(t, err)
		var ids []string
		var claims []*listrepo.Claim[int]
		for range 6 {
			c := mustClaim(t, repo, 10, time.Minute)
			claims = append(claims, c)
			for _, item := range c.Items {
				ids = append(ids, item.ID)
			}
		}
		for _, c := range slices.Backward(claims) {
			require.NoError(t, c.Release(ctx))
		}
		for i := range 3 {
			c := mustClaim(t, repo, 20, time.Minute)
			for n, item := range c.Items {
				require.Equal(t, ids[20*i+n], item.ID)
				require.Equal(t, 2, item.Attempt)
			}
			claims[i] = c
		}
		for _, c := range slices.Backward(claims[:3]) {
			require.NoError(t, c.Release(ctx))
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "LTRIM", key+"q", "0", "9").Error())
		c := mustClaim(t, repo, 1, time.Minute)
		require.Equal(t, ids[0], c.Items[0].ID)
		require.NoError(t, c.Release(ctx))
		left, err := pooltest.Do(t, p, pool.Handlers, "HLEN", beside(p, "back", key)).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, 10, left, "one id for each item")
		c = mustClaim(t, repo, 100, time.Minute)
		require.Len(t, c.Items, 10)
		for n, item := range c.Items {
			require.Equal(t, ids[n], item.ID)
		}
		require.NoError(t, c.Ack(ctx))
		requireNoKeys(t, p)
	})
}

// An expired claim of more items than a page is moved in pages. Nothing is
// lost, and the holder has lost the claim.
func TestLargeClaimIsMovedInPages(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		const n, settled = 3500, 1700
		writeExpiredClaim(t, p, key, n)
		done := []string{"SADD", beside(p, "done-TOKEN", key)}
		for place := 1; place <= settled; place++ {
			done = append(done, strconv.Itoa(place*2))
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, done...).Error())
		_, err := repo.Push(ctx, "q", -1)
		require.NoError(t, err)
		left := int64(n - settled + 1)
		var got []listrepo.Item[int]
		for left > 0 {
			b, err := repo.Backlog(ctx, "q")
			require.NoError(t, err)
			require.Equal(t, listrepo.Backlog{Waiting: left, Oldest: b.Oldest, Ready: b.Ready}, b)
			c := mustClaim(t, repo, 400, time.Minute)
			require.NotEmpty(t, c.Items)
			got, left = append(got, c.Items...), left-int64(len(c.Items))
			require.NoError(t, c.Ack(ctx))
		}
		require.Len(t, got, n-settled+1)
		require.Equal(t, -1, got[n-settled].Value)
		for i, item := range got[:n-settled] {
			place := min(2*i+1, settled+i+1)
			if i >= settled {
				place = settled*2 + i - settled + 1
			}
			require.Equal(t, fmt.Sprintf("1000000000000001-TOKEN-%d", place), item.ID)
			require.Equal(t, place, item.Value)
			require.Equal(t, 2, item.Attempt)
		}
		requireNoKeys(t, p)
	})
}

// writeExpiredClaim writes an expired claim of n items, which may be more than
// MaxCount.
func writeExpiredClaim(t testing.TB, p *pool.Pools, key string, n int) {
	t.Helper()
	c, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	list := beside(p, "claim-TOKEN", key)
	items := make([]string, 0, 1000)
	for i := 1; i <= n; i++ {
		if items = append(items, strconv.Itoa(i)); len(items) == cap(items) || i == n {
			require.NoError(t, c.Do(ctx, c.B().Rpush().Key(list).Element(items...).Build()).Error())
			items = items[:0]
		}
	}
	require.NoError(t, c.Do(ctx, c.B().Zadd().Key(beside(p, "due", key)).ScoreMember().ScoreMember(1, "1000000000000001-TOKEN").Build()).Error())
}

// Many claims, dead letters and ids are processed in pages.
func TestManyOfEverything(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(1))
		_, err := repo.Push(ctx, "q", make([]int, 1300)...)
		require.NoError(t, err)
		var dead []string
		for range 1200 {
			c := mustClaim(t, repo, 1, time.Minute)
			dead = append(dead, c.Items[0].ID)
		}
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.Equal(t, listrepo.Backlog{Waiting: 100, Claimed: 1200, Oldest: b.Oldest, Ready: b.Ready}, b)
		expireLeases(t, p, key)
		require.Len(t, mustClaim(t, repo, 1, time.Minute).Items, 1, "1200 items before it become dead letters")
		b, err = repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.Equal(t, listrepo.Backlog{Waiting: 99, Claimed: 1, Dead: 1200, Oldest: b.Oldest, Ready: b.Ready}, b)
		n, err := repo.Retry(ctx, "q", dead...)
		require.NoError(t, err)
		require.EqualValues(t, 1200, n)
		for _, id := range dead {
			c := mustClaim(t, repo, 1, time.Minute)
			require.Equal(t, id, c.Items[0].ID, "in the order in which they are named")
		}
		_, err = repo.Delete(ctx, "q")
		require.NoError(t, err)
		requireNoKeys(t, p)
	})
}

// expireLeases ends the lease of every claim on a queue.
func expireLeases(t testing.TB, p *pool.Pools, key string) {
	t.Helper()
	c, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	due := beside(p, "due", key)
	headers, err := c.Do(ctx, c.B().Zrange().Key(due).Min("0").Max("-1").Build()).AsStrSlice()
	require.NoError(t, err)
	cmds := make(rueidis.Commands, len(headers))
	for i, header := range headers {
		cmds[i] = c.B().Zadd().Key(due).ScoreMember().ScoreMember(float64(i), header).Build()
	}
	for _, r := range c.DoMulti(ctx, cmds...) {
		require.NoError(t, r.Error())
	}
}

// One push renews all claims of a queue, even if they are more than one script
// renews.
func TestOnePushRenewsManyClaims(t *testing.T) {
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL()})
	repo, key := newRepo[int](t, p, listrepo.TTL(time.Hour))
	_, err := repo.Push(ctx, "q", make([]int, 1300)...)
	require.NoError(t, err)
	for range 1200 {
		mustClaim(t, repo, 1, time.Minute)
	}
	expireLeases(t, p, key)
	names := keysBeside(t, p, key)
	require.Len(t, names, 1201)
	for _, name := range names {
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "PEXPIRE", name, "60000").Error())
	}
	_, err = repo.Push(ctx, "q", 1)
	require.NoError(t, err)
	for _, name := range names {
		require.Greater(t, pttl(t, p, name), 59*time.Minute.Milliseconds(), name)
	}
	_, err = repo.With(listrepo.NoTTL()).Push(ctx, "q", 1)
	require.NoError(t, err)
	for _, name := range names {
		require.EqualValues(t, -1, pttl(t, p, name), name)
	}
}

// succeed is a handler that returns nil.
func succeed(context.Context, []listrepo.Item[int]) error { return nil }

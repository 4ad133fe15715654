package listrepo_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

func valuesOf[T any](items []listrepo.Item[T]) []T {
	out := make([]T, len(items))
	for i := range items {
		out[i] = items[i].Value
	}
	return out
}

func mustClaim[T any](t *testing.T, r *listrepo.ListRepo[T], n int, lease time.Duration) *listrepo.Claim[T] {
	t.Helper()
	c, err := r.Claim(ctx, "q", n, lease)
	require.NoError(t, err)
	return c
}

// awaitWaiting waits until n items are waiting.
func awaitWaiting[T any](t *testing.T, r *listrepo.ListRepo[T], n int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		b, err := r.Backlog(ctx, "q")
		return err == nil && b.Waiting == n
	}, 30*time.Second, time.Millisecond)
}

func TestClaim(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2, 3, 4, 5, 6)
		require.NoError(t, err)
		firstClaim, secondClaim := mustClaim(t, repo, 2, time.Minute), mustClaim(t, repo, 2, time.Minute)
		require.Equal(t, []int{1, 2}, valuesOf(firstClaim.Items))
		require.Equal(t, []int{3, 4}, valuesOf(secondClaim.Items))
		for _, item := range append(firstClaim.Items, secondClaim.Items...) {
			require.Equal(t, 1, item.Attempt)
		}
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.EqualValues(t, 2, b.Waiting)
		require.EqualValues(t, 4, b.Claimed)

		require.NoError(t, firstClaim.Ack(ctx, firstClaim.Items[0]))
		require.ErrorIs(t, firstClaim.Ack(ctx, firstClaim.Items[0]), symphony.ErrNotFound)
		require.NoError(t, firstClaim.Release(ctx))
		require.NoError(t, secondClaim.Release(ctx, secondClaim.Items[1], secondClaim.Items[0]))
		left, err := repo.Range(ctx, "q", 0, -1)
		require.NoError(t, err)
		require.Equal(t, []int{3, 4, 2, 5, 6}, left)

		redelivered := mustClaim(t, repo, 10, time.Minute)
		require.Equal(t, []int{3, 4, 2, 5, 6}, valuesOf(redelivered.Items))
		require.Equal(t, secondClaim.Items[0].ID, redelivered.Items[0].ID)
		require.Equal(t, secondClaim.Items[1].ID, redelivered.Items[1].ID)
		require.Equal(t, firstClaim.Items[1].ID, redelivered.Items[2].ID)
		require.Equal(t, []int{2, 2, 2, 1, 1}, []int{redelivered.Items[0].Attempt, redelivered.Items[1].Attempt, redelivered.Items[2].Attempt, redelivered.Items[3].Attempt, redelivered.Items[4].Attempt})
		require.NoError(t, redelivered.Ack(ctx, redelivered.Items[1]))
		require.NoError(t, redelivered.Ack(ctx))
		require.NoError(t, redelivered.Ack(ctx), "nothing is left")
		none := mustClaim(t, repo, 10, time.Minute)
		require.Empty(t, none.Items)
		require.NoError(t, none.Ack(ctx))
		requireNoKeys(t, p)
	})
}

// requireNoKeys asserts that no key is left.
func requireNoKeys(t *testing.T, p *pool.Pools) {
	t.Helper()
	require.Empty(t, pooltest.Keys(t, p, pool.Handlers))
}

func TestExpiredLease(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[string](t, p)
		items := []string{"", "a b=c\n", "\x00\xff", "7"}
		_, err := repo.Push(ctx, "q", items...)
		require.NoError(t, err)
		expired, alsoExpired := mustClaim(t, repo, 2, time.Minute), mustClaim(t, repo, 1, time.Minute)
		_, err = repo.PushFront(ctx, "q", "front")
		require.NoError(t, err)
		require.NoError(t, expired.Extend(ctx, time.Millisecond))
		require.NoError(t, alsoExpired.Extend(ctx, time.Millisecond))
		awaitWaiting(t, repo, 5)
		require.NoError(t, alsoExpired.Extend(ctx, time.Millisecond), "no other claim took the items")
		awaitWaiting(t, repo, 5)
		redelivered := mustClaim(t, repo, 1, time.Minute)
		require.Equal(t, items[:1], valuesOf(redelivered.Items))
		require.Equal(t, expired.Items[0].ID, redelivered.Items[0].ID)
		require.Equal(t, 2, redelivered.Items[0].Attempt)
		for _, err := range []error{expired.Ack(ctx), expired.Ack(ctx, expired.Items[1]), alsoExpired.Release(ctx), alsoExpired.Extend(ctx, time.Minute)} {
			require.ErrorIs(t, err, symphony.ErrLeaseLost)
			var op *symphony.OpError
			require.ErrorAs(t, err, &op)
			require.False(t, op.MaybeApplied())
		}
		others := mustClaim(t, repo, 10, time.Minute)
		require.Equal(t, []string{items[1], items[2], "front", items[3]}, valuesOf(others.Items))
		require.Equal(t, alsoExpired.Items[0].ID, others.Items[1].ID)
		require.NoError(t, others.Ack(ctx))
		require.NoError(t, redelivered.Ack(ctx))
		require.Empty(t, mustClaim(t, repo, 10, time.Minute).Items)
		requireNoKeys(t, p)
	})
}

func TestMaxAttempts(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p, listrepo.MaxAttempts(2))
		_, err := repo.Push(ctx, "q", 1, 2, 3)
		require.NoError(t, err)
		broken := errors.New("broken")
		var seen [][]int
		fail := func(bad int) func(context.Context, []listrepo.Item[int]) error {
			return func(_ context.Context, items []listrepo.Item[int]) error {
				seen = append(seen, valuesOf(items))
				for _, i := range items {
					if i.Value == bad {
						return broken
					}
				}
				return nil
			}
		}
		n, err := repo.Process(ctx, "q", 10, fail(2))
		require.Equal(t, broken, err)
		require.Zero(t, n)
		for range 3 {
			if _, err = repo.Process(ctx, "q", 10, fail(2)); err != nil {
				require.Equal(t, broken, err)
			}
		}
		require.Equal(t, [][]int{{1, 2, 3}, {1}, {2}, {3}}, seen)
		var dead []listrepo.DeadLetter[int]
		for d, err := range repo.Dead(ctx, "q") {
			require.NoError(t, err)
			dead = append(dead, d)
		}
		require.Len(t, dead, 1)
		require.Equal(t, 2, dead[0].Value)
		require.Equal(t, 2, dead[0].Attempt)
		require.Equal(t, "broken", dead[0].Reason)
		require.WithinDuration(t, time.Now(), dead[0].At, time.Minute)

		n64, err := repo.Retry(ctx, "q", dead[0].ID, "unknown")
		require.NoError(t, err)
		require.EqualValues(t, 1, n64)
		c := mustClaim(t, repo, 10, time.Millisecond)
		require.Equal(t, dead[0].ID, c.Items[0].ID)
		require.Equal(t, 3, c.Items[0].Attempt)
		awaitWaiting(t, repo, 1)
		require.Empty(t, mustClaim(t, repo, 10, time.Minute).Items, "the lease of its last attempt expired")
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.Equal(t, listrepo.Backlog{Dead: 1}, b)
		n64, err = repo.Discard(ctx, "q", dead[0].ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, n64)
		requireNoKeys(t, p)
	})
}

// A worker that stops returns the items that it has not tried. However often
// that happens, no attempt counts, and each delivery has another Attempt.
func TestReturn(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p, listrepo.MaxAttempts(3))
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		id := ""
		for delivery := 1; delivery <= 5; delivery++ {
			c := mustClaim(t, repo, 10, time.Minute)
			require.Equal(t, []int{1, 2}, valuesOf(c.Items), "no attempt counts, so the items are claimed together")
			require.Equal(t, []int{delivery, delivery}, []int{c.Items[0].Attempt, c.Items[1].Attempt})
			if delivery > 1 {
				require.Equal(t, id, c.Items[0].ID)
			}
			id = c.Items[0].ID
			require.NoError(t, c.Return(ctx, c.Items[1]))
			require.ErrorIs(t, c.Return(ctx, c.Items[1]), symphony.ErrNotFound)
			require.NoError(t, c.Return(ctx))
		}
		c := mustClaim(t, repo, 10, time.Millisecond)
		require.Equal(t, 6, c.Items[0].Attempt)
		awaitWaiting(t, repo, 2)
		c = mustClaim(t, repo, 10, time.Minute) // an expired lease does not change the number of returned deliveries
		require.Equal(t, []int{1, 2}, valuesOf(c.Items))
		require.NoError(t, c.Release(ctx))
		c = mustClaim(t, repo, 10, time.Minute) // the last attempt, so the item is alone
		require.Equal(t, []int{1}, valuesOf(c.Items))
		require.NoError(t, c.Return(ctx))
		for want := range 2 {
			c = mustClaim(t, repo, 10, time.Minute)
			require.Equal(t, want+1, c.Items[0].Value)
			require.NoError(t, c.Release(ctx))
		}
		dead := map[string]int{}
		for d, err := range repo.Dead(ctx, "q") {
			require.NoError(t, err)
			dead[d.ID] = d.Attempt
		}
		require.Len(t, dead, 2)
		require.Equal(t, 9, dead[id])
		n, err := repo.Retry(ctx, "q", id)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		c = mustClaim(t, repo, 10, time.Minute)
		require.Equal(t, 10, c.Items[0].Attempt)
		require.NoError(t, c.Ack(ctx))
		require.ElementsMatch(t, []string{beside(p, "dead", key), beside(p, "died", key)}, pooltest.Keys(t, p, pool.Handlers))
	})
}

// Items whose lease expired come before those in the list, even if an item on
// its last attempt must be claimed alone.
func TestExpiredItemsComeFirst(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p, listrepo.MaxAttempts(3))
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		firstClaim := mustClaim(t, repo, 1, time.Minute)
		secondClaim := mustClaim(t, repo, 1, time.Minute)
		require.NoError(t, secondClaim.Release(ctx))
		secondClaim = mustClaim(t, repo, 1, time.Minute) // the second attempt
		_, err = repo.Push(ctx, "q", 3)
		require.NoError(t, err)
		require.NoError(t, firstClaim.Extend(ctx, time.Millisecond))
		require.NoError(t, secondClaim.Extend(ctx, time.Millisecond))
		awaitWaiting(t, repo, 3)
		for _, want := range []int{1, 2, 3} {
			require.Equal(t, []int{want}, valuesOf(mustClaim(t, repo, 10, time.Minute).Items))
		}
	})
}

func TestClaimCorruptItem(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "RPUSH", key+"q", "1", "twelve", "3").Error())
		c, err := repo.Claim(ctx, "q", 10, time.Minute)
		require.Equal(t, []int{1, 3}, valuesOf(c.Items))
		var bad *listrepo.ItemError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, "twelve", string(bad.Raw))
		require.ErrorContains(t, err, `not an integer: "twelve"`)
		require.NoError(t, c.Ack(ctx))
		for d, err := range repo.Dead(ctx, "q") {
			require.ErrorAs(t, err, &bad)
			require.Equal(t, "twelve", string(d.Raw))
			require.Equal(t, "the item does not decode as int; Dead yields its bytes in DeadLetter.Raw", d.Reason)
		}
	})
}

func TestClaimLifetimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, n := range []int{2, 10, 12, 20} { // by LMOVE, by SORT, and all by RENAME
			plain, key := newRepo[int](t, p)
			hour := plain.With(listrepo.TTL(time.Hour))
			_, err := hour.Push(ctx, "q", make([]int, 12)...)
			require.NoError(t, err)
			c := mustClaim(t, plain, n, time.Minute)
			for _, name := range keysBeside(t, p, key) {
				require.Equal(t, int64(-1), pttl(t, p, name), "%s has a lifetime, but the queue has none", name)
			}
			require.NoError(t, c.Release(ctx))
			c = mustClaim(t, hour, n, 2*time.Hour)
			for _, name := range keysBeside(t, p, key) {
				require.InDelta(t, 2*time.Hour.Milliseconds(), pttl(t, p, name), 70e3*60, name)
				if name[:4] == "%cla" || name[:4] == "%due" {
					require.Greater(t, pttl(t, p, name), time.Hour.Milliseconds()+1, "the key ends before the lease")
				}
			}
			require.NoError(t, c.Extend(ctx, 5*time.Hour))
			require.NoError(t, c.Ack(ctx, c.Items[0]))
			for _, name := range keysBeside(t, p, key) {
				if name[:4] == "%cla" || name[:4] == "%due" || name[:4] == "%don" {
					require.Greater(t, pttl(t, p, name), 4*time.Hour.Milliseconds(), name)
				}
			}
			_, err = plain.Delete(ctx, "q")
			require.NoError(t, err)
			require.Empty(t, keysBeside(t, p, key))
		}
	})
}

func keysBeside(t *testing.T, p *pool.Pools, key string) (names []string) {
	t.Helper()
	c, err := p.Client(pool.Handlers)
	require.NoError(t, err)
	for _, node := range c.Nodes() {
		found, err := node.Do(ctx, node.B().Keys().Pattern("%*"+key+"q}").Build()).AsStrSlice()
		require.NoError(t, err)
		names = append(names, found...)
	}
	slices.Sort(names) // a replica may return a key again
	return slices.Compact(names)
}

func pttl(t *testing.T, p *pool.Pools, key string) int64 {
	t.Helper()
	ms, err := pooltest.Do(t, p, pool.Handlers, "PTTL", key).AsInt64()
	require.NoError(t, err)
	return ms
}

func TestClaimBadInput(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		c, other := mustClaim(t, repo, 1, time.Minute), mustClaim(t, repo, 1, time.Minute)
		for name, call := range map[string]struct {
			want error
			call func() error
		}{
			"no lease":             {symphony.ErrInvalidTTL, func() error { _, err := repo.Claim(ctx, "q", 1, 0); return err }},
			"negative count":       {symphony.ErrInvalidArgument, func() error { _, err := repo.Claim(ctx, "q", -1, time.Minute); return err }},
			"empty id":             {symphony.ErrInvalidKey, func() error { _, err := repo.Claim(ctx, "", 1, time.Minute); return err }},
			"IfAbsent":             {symphony.ErrUnsupported, func() error { _, err := repo.With(listrepo.IfAbsent()).Claim(ctx, "q", 1, time.Minute); return err }},
			"Fail without a cause": {symphony.ErrInvalidArgument, func() error { return c.Fail(ctx, nil) }},
			"nothing to process": {symphony.ErrInvalidArgument, func() error {
				_, err := repo.Process(ctx, "q", 0, func(context.Context, []listrepo.Item[int]) error { panic("not reached") })
				return err
			}},
			"no handler":            {symphony.ErrInvalidArgument, func() error { _, err := repo.Process(ctx, "q", 1, nil); return err }},
			"item of another claim": {symphony.ErrNotFound, func() error { return c.Ack(ctx, other.Items...) }},
			"Extend by 0":           {symphony.ErrInvalidTTL, func() error { return c.Extend(ctx, 0) }},
			"MaxAttempts":           {symphony.ErrInvalidArgument, func() error { _, err := repo.With(listrepo.MaxAttempts(0)).Len(ctx, "q"); return err }},
			"Lease":                 {symphony.ErrInvalidTTL, func() error { _, err := repo.With(listrepo.Lease(-1)).Len(ctx, "q"); return err }},
			"next without lease":    {symphony.ErrInvalidTTL, func() error { _, err := c.Next(ctx, 1, 0); return err }},
			"ended context": {context.Canceled, func() error {
				ended, cancel := context.WithCancel(ctx)
				cancel()
				return c.Ack(ended)
			}},
		} {
			t.Run(name, func(t *testing.T) { pooltest.RequireNothingSent(t, p, call.want, call.call) })
		}
		none := mustClaim(t, repo, 0, time.Minute)
		require.ErrorIs(t, none.Ack(ctx, c.Items...), symphony.ErrNotFound)
		none, err = repo.With(listrepo.IfExists()).Claim(ctx, "q", 1, time.Minute)
		require.NoError(t, err, "an empty queue is not an error")
		require.Empty(t, none.Items)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", key+"text", "x").Error())
		_, err = repo.Claim(ctx, "text", 1, time.Minute)
		require.ErrorIs(t, err, symphony.ErrWrongType)
	})
}

// Delete ends the claims of a queue. A lost claim puts no items back.
func TestDeleteEndsClaims(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		c := mustClaim(t, repo, 1, time.Minute)
		n, err := repo.Delete(ctx, "q")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.ErrorIs(t, c.Release(ctx), symphony.ErrLeaseLost)
		requireNoKeys(t, p)
	})
}

// A claim is safe for concurrent use; run with -race.
func TestExtendBesideAck(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2)
		require.NoError(t, err)
		c := mustClaim(t, repo, 2, time.Minute)
		extended := make(chan error)
		go func() { extended <- c.Extend(ctx, time.Minute) }()
		require.NoError(t, c.Ack(ctx, c.Items[0]))
		require.NoError(t, <-extended)
	})
}

// Every call that puts items back adds the marks, since they may have been
// removed meanwhile. A claim schedules the queue until it has no items.
func TestMarksWhenItemsComeBack(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		marked, _, set, scheduled := newMarkedRepo(t, p)
		requireMarked := func(members, queues int64) {
			t.Helper()
			for command, want := range map[string]int64{"SCARD " + set: members, "ZCARD " + scheduled: queues} {
				got, err := pooltest.Do(t, p, pool.Handlers, command[:5], command[6:]).AsInt64()
				require.NoError(t, err)
				require.Equal(t, want, got, command)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", command[6:]).Error())
			}
		}
		_, err := marked.Push(ctx, "q", 1)
		require.NoError(t, err)
		requireMarked(1, 1)
		c := mustClaim(t, marked, 1, time.Minute)
		requireMarked(0, 1)
		require.NoError(t, c.Release(ctx))
		requireMarked(1, 1)
		c = mustClaim(t, marked.With(listrepo.MaxAttempts(2)), 1, time.Minute)
		requireMarked(0, 1)
		require.NoError(t, c.Release(ctx))
		requireMarked(0, 0)
		n, err := marked.Retry(ctx, "q", c.Items[0].ID)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		requireMarked(1, 1)
	})
}

package listrepo_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Foreign entries beside a queue become dead letters, and the items are
// delivered.
func TestForeignEntriesBecomeDeadLetters(t *testing.T) {
	entries := map[string][]string{
		"due":   {"garbage", "-", "1-", "x y=z=1", strings.Repeat("g", 5000)},
		"again": {"", "garbage", "1 2", "0000000001 id x value", "0000000001 i=d 1 v", "1 5-a-1 99999999999999999999 v", strings.Repeat("0", 40) + "1 "},
	}
	for kind, members := range entries {
		for _, score := range []string{"-inf", "-1e300", "0", "1"} {
			t.Run(kind+" "+score, func(t *testing.T) {
				pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
					repo, key := newRepo[int](t, p)
					for _, member := range members {
						require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, kind, key), score, member).Error())
					}
					_, err := repo.Push(ctx, "q", 1, 2, 3)
					require.NoError(t, err)
					c, err := repo.Claim(ctx, "q", 10, time.Minute)
					var foreign *listrepo.ForeignEntriesError
					require.ErrorAs(t, err, &foreign)
					require.Equal(t, len(members), foreign.Count)
					require.NotContains(t, err.Error(), "garbage")
					require.Equal(t, []int{1, 2, 3}, valuesOf(c.Items), "the claim is valid")
					require.NoError(t, c.Ack(ctx))
					var ids, texts []string
					for d, err := range repo.Dead(ctx, "q") {
						require.Error(t, err, "the entry is not an item")
						require.Contains(t, d.Reason, "was not written by this library")
						ids, texts = append(ids, d.ID), append(texts, string(d.Raw))
					}
					require.ElementsMatch(t, members, texts)
					n, err := repo.Discard(ctx, "q", ids...)
					require.NoError(t, err)
					require.EqualValues(t, len(members), n)
					require.Empty(t, mustClaim(t, repo, 1, time.Minute).Items)
					requireNoKeys(t, p)
				})
			})
		}
	}
}

// Many foreign entries take many scripts and do not block the items.
func TestManyForeignEntries(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		for _, kind := range []string{"due", "again"} {
			garbage := []string{"ZADD", beside(p, kind, key)}
			for i := range 2500 {
				garbage = append(garbage, "-inf", fmt.Sprint("garbage ", i))
			}
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, garbage...).Error())
		}
		_, err := repo.Push(ctx, "q", 1)
		require.NoError(t, err)
		c, err := repo.Claim(ctx, "q", 1, time.Minute)
		var foreign *listrepo.ForeignEntriesError
		require.ErrorAs(t, err, &foreign)
		require.Equal(t, []int{1}, valuesOf(c.Items))
		b, err := repo.Backlog(ctx, "q")
		require.NoError(t, err)
		require.EqualValues(t, 2500, b.Dead, "equal texts are one dead letter")
	})
}

// If headers and counts were changed and keys have other types, every item is
// delivered or stays where it is.
func TestTamperedClaims(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		do := func(args ...string) {
			t.Helper()
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, args...).Error())
		}
		do("RPUSH", beside(p, "claim-A", key), "1", "2", "3", "4")
		do("ZADD", beside(p, "due", key), "-inf", "1-A 1=id=1 2=x 3=9-a-99999999999999999=2 4=5-a-4=99999999999999999999")
		do("SET", beside(p, "done-A", key), "x")
		do("SET", beside(p, "claim-B", key), "x")
		do("ZADD", beside(p, "due", key), "1", "2-B")
		do("ZADD", beside(p, "due", key), "1", "3-GONE")
		do("RPUSH", beside(p, "claim-C", key), "5")
		do("ZADD", beside(p, "due", key), "2", strings.Repeat("4", 50)+"-C")
		do("HSET", beside(p, "back", key), "v6", "garbage", "v7", "8-a-1 99999999999999999999", "n8-a-1", "x", "", "y")
		_, err := repo.Push(ctx, "q", 6, 7, 8)
		require.NoError(t, err)
		c, err := repo.Claim(ctx, "q", 10, time.Minute)
		var foreign *listrepo.ForeignEntriesError
		require.ErrorAs(t, err, &foreign)
		require.Equal(t, 1, foreign.Count, "the claim that is a string")
		require.ElementsMatch(t, []int{1, 2, 3, 4, 5, 6, 7, 8}, valuesOf(c.Items))
		require.NoError(t, c.Release(ctx))
		c = mustClaim(t, repo, 10, time.Minute)
		require.Len(t, c.Items, 8)
		require.NoError(t, c.Ack(ctx))
		require.Contains(t, pooltest.Keys(t, p, pool.Handlers), beside(p, "claim-B", key), "the library did not write the key")
	})
}

// Foreign entries among the times of pushes block neither pushes nor claims.
func TestForeignTimes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		marked, key, _, queues := newMarkedRepo(t, p, listrepo.MaxLen(5000)) // every push repairs the schedule
		age := beside(p, "age", key)
		for i := range 600 {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", age, strconv.Itoa(i*10), fmt.Sprint("garbage", i)).Error())
		}
		for _, entry := range [][2]string{{"inf", "taken"}, {"inf", "much"}, {"-inf", "little"}, {"-inf", "taken"}, {"1e300", "huge"}} {
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", age, entry[0], entry[1]).Error())
			require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", queues, entry[0], "which").Error())
			_, err := marked.Push(ctx, "q", 1, 2)
			require.NoError(t, err)
			_, err = marked.PushFront(ctx, "q", 3)
			require.NoError(t, err)
			_, err = marked.Backlog(ctx, "q")
			require.NoError(t, err)
			require.NoError(t, mustClaim(t, marked, 1, time.Minute).Release(ctx))
			require.NoError(t, mustClaim(t, marked, 100, time.Minute).Ack(ctx))
		}
	})
}

// The error for a key of another type names the key and what to do, and no item
// is lost.
func TestWrongTypeNamesTheKey(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, kind := range []string{"due", "again", "back", "dead", "age", "queues", "tenants", "set"} {
			t.Run(kind, func(t *testing.T) {
				marked, key, set, queues := newMarkedRepo(t, p, listrepo.MaxAttempts(1))
				name := map[string]string{"queues": queues, "tenants": pending.TenantsKey(p.Prefix(pool.Handlers) + set), "set": set}[kind]
				if name == "" {
					name = beside(p, kind, key)
				}
				nameInErrors := name
				if kind == "set" {
					nameInErrors = p.Prefix(pool.Handlers) + set
				}
				_, err := marked.Push(ctx, "q", 1, 2, 3)
				require.NoError(t, err)
				c := mustClaim(t, marked, 1, time.Minute)
				free := mustClaim(t, marked.With(listrepo.MaxAttempts(9)), 1, time.Minute)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", name).Error())
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", name, "x").Error())
				named := 0
				for _, call := range []func() error{
					func() error { _, err := marked.With(listrepo.MaxLen(100)).Push(ctx, "q", 4); return err },
					func() error { _, err := marked.Claim(ctx, "q", 1, time.Minute); return err },
					func() error { return c.Release(ctx) },
					func() error { return free.Release(ctx) },
					func() error { _, err := marked.Retry(ctx, "q", "x"); return err },
					func() error { _, err := marked.Discard(ctx, "q", "x"); return err },
					func() error { _, err := marked.Backlog(ctx, "q"); return err },
				} {
					if err := call(); err != nil {
						require.ErrorIs(t, err, symphony.ErrWrongType)
						require.ErrorContains(t, err, strconv.Quote(nameInErrors))
						require.ErrorContains(t, err, "RENAME")
						named++
					}
				}
				require.Positive(t, named)

				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", name).Error())
				seen := map[int]bool{}
				for range 5 {
					_ = c.Release(ctx)
					_ = free.Release(ctx)
					next, err := marked.With(listrepo.MaxAttempts(50)).Claim(ctx, "q", 10, time.Minute)
					require.NoError(t, err)
					for _, item := range next.Items {
						seen[item.Value] = true
					}
				}
				for d, err := range marked.Dead(ctx, "q") {
					require.NoError(t, err)
					seen[d.Value] = true
				}
				if kind == "due" { // only their holders know the items in flight
					seen[c.Items[0].Value], seen[free.Items[0].Value] = true, true
				}
				for _, v := range []int{1, 2} {
					require.True(t, seen[v], v)
				}
			})
		}
	})
}

// Retry does not put back foreign entries among the dead letters.
func TestRetryOfForeignDeadLetters(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "a", "garbage", "b", "1 x 0 7", "c", "1 1 0 7").Error())
		n, err := repo.Retry(ctx, "q", "a", "b", "c", "d")
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		require.Equal(t, []int{7}, valuesOf(mustClaim(t, repo, 5, time.Minute).Items))
	})
}

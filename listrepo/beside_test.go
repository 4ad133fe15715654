package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// Foreign entries in due do not make a write fail that took or pushed items.
func TestForeignDueLosesNothing(t *testing.T) {
	foreignEntries := map[string][]string{
		"a string":           {"SET", "x"},
		"a fractional score": {"ZADD", "1900000000000.5", "1-A"},
		"an infinite score":  {"ZADD", "inf", "1-A"},
	}
	for name, entry := range foreignEntries {
		t.Run(name, func(t *testing.T) {
			pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
				repo, key := newRepo[int](t, p, listrepo.TTL(time.Hour))
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "HSET", beside(p, "dead", key), "1-a-1", "5 1 0 7").Error())
				write := append([]string{entry[0], beside(p, "due", key)}, entry[1:]...)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, write...).Error())
				n, err := repo.Push(ctx, "q", 1, 2, 3)
				require.NoError(t, err)
				require.EqualValues(t, 3, n)
				n, err = repo.Retry(ctx, "q", "1-a-1")
				require.NoError(t, err)
				require.EqualValues(t, 1, n)
				require.NoError(t, repo.Trim(ctx, "q", 0, 2))
				got, err := repo.Pop(ctx, "q", 5)
				require.NoError(t, err)
				require.Equal(t, []int{7, 1, 2}, got)
			})
		})
	}
}

// The warning of a claim counts the foreign entries of the whole call.
func TestForeignEntriesAreCounted(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		garbage := []string{"ZADD", beside(p, "again", key)}
		for i := range 1700 {
			garbage = append(garbage, "0", fmt.Sprint("garbage ", i))
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, garbage...).Error())
		c, err := repo.Claim(ctx, "q", 10, time.Minute)
		require.Empty(t, c.Items)
		var foreign *listrepo.ForeignEntriesError
		require.ErrorAs(t, err, &foreign)
		require.Equal(t, 1700, foreign.Count)
	})
}

// An entry that can neither be claimed nor become a dead letter does not block
// the items behind it.
func TestStuckEntriesBlockNothing(t *testing.T) {
	for _, kind := range []string{"due", "again"} {
		t.Run(kind, func(t *testing.T) {
			pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
				repo, key := newRepo[int](t, p)
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, "SET", beside(p, "dead", key), "x").Error())
				garbage := []string{"ZADD", beside(p, kind, key)}
				for i := range 600 {
					garbage = append(garbage, "0", fmt.Sprint("garbage ", i))
				}
				require.NoError(t, pooltest.Do(t, p, pool.Handlers, garbage...).Error())
				_, err := repo.Push(ctx, "q", 1, 2)
				require.NoError(t, err)
				c, err := repo.Claim(ctx, "q", 10, time.Minute)
				require.ErrorIs(t, err, listrepo.ErrWrongType)
				require.Equal(t, []int{1, 2}, valuesOf(c.Items))
				require.NoError(t, c.Ack(ctx))
			})
		})
	}
}

// A handler may change its slice of items. The items that it names as not done
// are redelivered.
func TestUndoneIfTheHandlerChangesItsItems(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, _ := newRepo[int](t, p)
		_, err := repo.Push(ctx, "q", 1, 2, 3, 4)
		require.NoError(t, err)
		n, err := repo.Process(ctx, "q", 4, func(_ context.Context, items []listrepo.Item[int]) error {
			undone := []listrepo.Item[int]{items[1], items[3], items[3]}
			clear(items[2:])
			return listrepo.Undone(errors.New("two"), undone...)
		})
		require.ErrorContains(t, err, "two")
		require.Equal(t, 2, n)
		require.Equal(t, []int{2, 4}, valuesOf(mustClaim(t, repo, 10, time.Minute).Items))
	})
}

// If services give one queue different lifetimes, none loses items while the
// queue exists.
func TestMixedLifetimes(t *testing.T) {
	short, long := listrepo.TTL(100*time.Millisecond), listrepo.TTL(time.Hour)
	for name, other := range map[string][]listrepo.Option{"long": {long}, "none": {listrepo.NoTTL()}} {
		for _, write := range []string{"Push", "Pop", "Claim", "Release"} {
			t.Run(name+" "+write, func(t *testing.T) {
				pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
					repo, key := newRepo[int](t, p, other...)
					_, err := repo.Push(ctx, "q", 1, 2, 3, 4)
					require.NoError(t, err)
					held := mustClaim(t, repo, 1, time.Minute)
					died := mustClaim(t, repo.With(short), 1, 50*time.Millisecond)
					switch write {
					case "Push":
						_, err = repo.Push(ctx, "q", 5)
					case "Pop":
						_, err = repo.Pop(ctx, "q", 1)
					case "Claim":
						_, err = repo.Claim(ctx, "q", 1, time.Minute)
					case "Release":
						err = held.Release(ctx)
					}
					require.NoError(t, err)
					lives := pttl(t, p, key+"q")
					for _, name := range keysBeside(t, p, key) {
						if at := pttl(t, p, name); at != -1 {
							require.Greater(t, at, lives-1000, name) // some time passes between the two commands
							require.Positive(t, lives, "%s has a lifetime, the queue has none", name)
						}
					}
					require.Len(t, died.Items, 1)
				})
			})
		}
	}
}

// The items of an expired claim with a very long header keep their ids and
// attempts.
func TestLongHeader(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		const n = 3000
		writeExpiredClaim(t, p, key, n)
		var header strings.Builder
		header.WriteString("1000000000000001-TOKEN")
		for i := 1; i <= n; i += 2 {
			fmt.Fprintf(&header, " %d=0900000000000000-OLD-%d=%d", i, i, 1+i%7)
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", beside(p, "due", key)).Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "due", key), "1", header.String()).Error())
		seen := map[string]int{}
		for {
			c := mustClaim(t, repo, 500, time.Minute)
			if len(c.Items) == 0 {
				break
			}
			for _, item := range c.Items {
				id, attempt := "1000000000000001-TOKEN-", 2
				if item.Value%2 == 1 {
					id, attempt = "0900000000000000-OLD-", 2+item.Value%7
				}
				require.Equal(t, id+strconv.Itoa(item.Value), item.ID)
				require.Equal(t, attempt, item.Attempt)
				seen[item.ID]++
			}
			require.NoError(t, c.Ack(ctx))
		}
		require.Len(t, seen, n)
		requireNoKeys(t, p)
	})
}

// Big items whose lease expired are claimed in their order, a bounded number of
// bytes at a time, and none is lost.
func TestRedeliveryOfBigItems(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[string](t, p)
		var want []string
		for i := range 90 {
			want = append(want, strconv.Itoa(i)+strings.Repeat("x", 100_000))
		}
		for page := range slices.Chunk(want, 30) {
			_, err := repo.Push(ctx, "q", page...)
			require.NoError(t, err)
		}
		require.Len(t, mustClaim(t, repo, 90, time.Minute).Items, 90)
		expireLeases(t, p, key)
		var got []string
		claims := 0
		for {
			c := mustClaim(t, repo, 500, time.Minute)
			if len(c.Items) == 0 {
				break
			}
			claims++
			got = append(got, valuesOf(c.Items)...)
			require.NoError(t, c.Ack(ctx))
		}
		require.Equal(t, want, got)
		require.Greater(t, claims, 1, "one claim takes them all")
		requireNoKeys(t, p)
	})
}

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

// Whatever stands under due, a write that took or pushed items says so.
func TestStrangeDueLosesNothing(t *testing.T) {
	strange := map[string][]string{
		"a string":           {"SET", "x"},
		"a fractional score": {"ZADD", "1900000000000.5", "1-A"},
		"an infinite score":  {"ZADD", "inf", "1-A"},
	}
	for name, entry := range strange {
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

// The error beside a claim counts the strange entries of the whole call.
func TestStrangeEntriesAreCounted(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		garbage := []string{"ZADD", beside(p, "again", key)}
		for i := range 1700 {
			garbage = append(garbage, "0", fmt.Sprint("garbage ", i))
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, garbage...).Error())
		c, err := repo.Claim(ctx, "q", 10, time.Minute)
		require.Empty(t, c.Items)
		var strange *listrepo.ForeignEntriesError
		require.ErrorAs(t, err, &strange)
		require.Equal(t, 1700, strange.Count)
	})
}

// What can neither be taken nor be a dead letter holds up nothing behind it.
func TestWhatCannotBeSetAsideHoldsUpNothing(t *testing.T) {
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
				require.Equal(t, []int{1, 2}, values(c.Items))
				require.NoError(t, c.Ack(ctx))
			})
		})
	}
}

// A handler may do what it likes with the items that it is given: those that it
// names as not done come again.
func TestUndoneOfAHandlerThatMovesItsItems(t *testing.T) {
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
		require.Equal(t, []int{2, 4}, values(claim(t, repo, 10, time.Minute).Items))
	})
}

// Services that give one queue different lifetimes lose nothing of each other's
// while the queue lives.
func TestMixedLifetimes(t *testing.T) {
	short, long := listrepo.TTL(100*time.Millisecond), listrepo.TTL(time.Hour)
	for name, other := range map[string][]listrepo.Option{"long": {long}, "none": {listrepo.NoTTL()}} {
		for _, write := range []string{"Push", "Pop", "Claim", "Release"} {
			t.Run(name+" "+write, func(t *testing.T) {
				pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
					repo, key := newRepo[int](t, p, other...)
					_, err := repo.Push(ctx, "q", 1, 2, 3, 4)
					require.NoError(t, err)
					held := claim(t, repo, 1, time.Minute)
					died := claim(t, repo.With(short), 1, 50*time.Millisecond)
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
					for _, name := range own(t, p, key) {
						if at := pttl(t, p, name); at != -1 {
							require.Greater(t, at, lives-1000, name) // time passes between the two looks
							require.Positive(t, lives, "%s has a lifetime, the queue has none", name)
						}
					}
					require.Len(t, died.Items, 1)
				})
			})
		}
	}
}

// A claim of an older version, whose header names very many items, is worked off
// with every item's number.
func TestLongHeader(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[int](t, p)
		const n = 3000
		longClaim(t, p, key, n)
		var header strings.Builder
		header.WriteString("1000000000000001-TOKEN")
		for i := 1; i <= n; i += 2 {
			fmt.Fprintf(&header, " %d=0900000000000000-OLD-%d=%d", i, i, 1+i%7)
		}
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "DEL", beside(p, "due", key)).Error())
		require.NoError(t, pooltest.Do(t, p, pool.Handlers, "ZADD", beside(p, "due", key), "1", header.String()).Error())
		seen := map[string]int{}
		for {
			c := claim(t, repo, 500, time.Minute)
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
		requireGone(t, p)
	})
}

// Big items that come back are worked on by a bounded number of bytes in a call,
// in their order, and none is lost.
func TestBigItemsThatComeBack(t *testing.T) {
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
		require.Len(t, claim(t, repo, 90, time.Minute).Items, 90)
		expire(t, p, key)
		var got []string
		claims := 0
		for {
			c := claim(t, repo, 500, time.Minute)
			if len(c.Items) == 0 {
				break
			}
			claims++
			got = append(got, values(c.Items)...)
			require.NoError(t, c.Ack(ctx))
		}
		require.Equal(t, want, got)
		require.Greater(t, claims, 1, "one script does not move them all")
		requireGone(t, p)
	})
}

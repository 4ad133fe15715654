package hashrepo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// numbered writes n records r00, r01 ... with the numbers from 100 on.
func numbered(t testing.TB, repo *HashRepo[indexable], n int) {
	t.Helper()
	records := make([]Record[indexable], n)
	for i := range records {
		records[i] = Record[indexable]{fmt.Sprintf("r%02d", i), indexable{Int: int64(100 + i), Text: fmt.Sprintf("text %03d", 100+i)}}
	}
	require.NoError(t, repo.UpsertMany(context.Background(), records...))
}

// idsOf returns the ids that an iterator yields. It calls after for each of
// them.
func idsOf(t testing.TB, records iter.Seq2[Record[indexable], error], after func(n int)) (ids []string) {
	t.Helper()
	for r, err := range records {
		require.NoError(t, err)
		ids = append(ids, r.ID)
		after(len(ids))
	}
	return ids
}

func nothing(int) {}

// Find yields every record that matches all the time exactly once, although
// records move within the index while it is walked.
func TestFindWhileRecordsMove(t *testing.T) {
	lowerWalkLimits(t, 2, 5)
	values := make([]int64, 1000)
	for i := range values {
		values[i] = int64(i)
	}
	conditions := map[string]Cond[indexable]{
		"range":  onInt.AtLeast(0),
		"values": onInt.In(values...),
		"prefix": onText.Prefix("text "),
	}
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		for name, cond := range conditions {
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " lost ", lost), func(t *testing.T) {
					if name == "values" {
						lowerWalkLimits(t, 2, 200)
					}
					ctx := context.Background()
					repo := openIndexable(t, p)
					numbered(t, repo, 20)
					move := func(id string, to int64) {
						require.NoError(t, repo.Update(ctx, id, onInt.Set(to), onText.Set(fmt.Sprintf("text %03d", to))))
					}
					ids := idsOf(t, repo.Find(ctx, cond), func(n int) {
						switch n {
						case 3:
							if lost {
								require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", "%moved"+repo.core.listing.tail).Error())
							}
							move("r19", 1)   // behind the walk
							move("r00", 900) // ahead of it, again
						case 7:
							move("r18", 2)
							move("r19", 950)
						case 9:
							move("r19", 3)
						}
					})
					slices.Sort(ids)
					want := []string{}
					for i := range 20 {
						want = append(want, fmt.Sprintf("r%02d", i))
					}
					require.Equal(t, want, ids)
				})
			}
		}
	})
}

// commandsOf returns how many commands a call sends.
func commandsOf(p *pool.Pools, call func()) int64 {
	before := p.Stats()[pool.User].Commands
	call()
	return p.Stats()[pool.User].Commands - before
}

// FindOne, Page and Count are one command, and so are pages of Find and IDs.
func TestIndexRoundTrips(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		ctx := context.Background()
		repo := openIndexable(t, p)
		numbered(t, repo, 50)
		calls := map[string]func() error{
			"FindOne":     func() error { _, err := repo.FindOne(ctx, onText.Eq("text 120")); return err },
			"FindByField": func() error { _, err := repo.FindByField(ctx, "int", 120); return err },
			"Find": func() error {
				require.Len(t, idsOf(t, repo.Find(ctx, onInt.AtLeast(110), onInt.AtMost(130)), nothing), 21)
				return nil
			},
			"All": func() error { require.Len(t, idsOf(t, repo.All(ctx), nothing), 50); return nil },
			"IDs": func() error {
				var ids []string
				for id, err := range repo.IDs(ctx) {
					require.NoError(t, err)
					ids = append(ids, id)
				}
				require.True(t, slices.IsSorted(ids))
				require.Len(t, ids, 50)
				return nil
			},
			"Page": func() error {
				page, err := repo.Page(ctx, Query[indexable]{Order: onInt.Desc(), Limit: 20})
				require.Len(t, page.Records, 20)
				require.NotEmpty(t, page.Next)
				return err
			},
			"Count":       func() error { n, err := repo.Count(ctx); require.EqualValues(t, 50, n); return err },
			"Count range": func() error { n, err := repo.Count(ctx, onInt.AtLeast(130)); require.EqualValues(t, 20, n); return err },
		}
		for name, call := range calls {
			require.NoError(t, call()) // loads the script
			require.EqualValues(t, 1, commandsOf(p, func() { require.NoError(t, call()) }), name)
		}
		pooltest.RequireNothingSent(t, p, ErrNotFound, func() error { _, err := repo.FindOne(ctx, onInt.In()); return err })
	})
}

// Readers never return a record that another program changed, removed or
// replaced by another type, and they remove its entries.
func TestReadersRemoveWhatIsStale(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		ctx := context.Background()
		repo := openIndexable(t, p)
		numbered(t, repo, 8)
		key := func(id string) string {
			k, err := repo.core.Space().Key(id)
			require.NoError(t, err)
			return k
		}
		do := func(args ...string) { require.NoError(t, pooltest.Do(t, p, pool.User, args...).Error()) }
		do("HSET", key("r00"), "int", "999")
		do("HDEL", key("r01"), "int")
		do("DEL", key("r02"))
		do("SET", key("r03"), "text")
		do("DEL", key("r04"))
		do("HSET", key("r04"), "note", "another")
		do("PEXPIRE", key("r05"), "1")
		require.Eventually(t, func() bool { exists, err := repo.Exists(ctx, "r05"); return err == nil && !exists }, 5*time.Second, time.Millisecond)
		do("HSET", key("new"), "int", "101")

		require.Equal(t, []string{"r06", "r07"}, idsOf(t, repo.Find(ctx, onInt.AtLeast(0)), nothing))
		n, err := repo.Count(ctx, onInt.AtLeast(0))
		require.NoError(t, err)
		require.EqualValues(t, 2, n, "the stale entries are gone")
		page, err := repo.Page(ctx, Query[indexable]{Order: onInt.Asc(), Limit: 5})
		require.NoError(t, err)
		require.Len(t, page.Records, 2)

		all := idsOf(t, repo.All(ctx), nothing)
		require.Equal(t, []string{"r00", "r01", "r04", "r06", "r07"}, all)
		for id, err := range repo.IDs(ctx) {
			require.NoError(t, err)
			require.Contains(t, all, id)
		}
		n, err = repo.Count(ctx)
		require.NoError(t, err)
		require.EqualValues(t, 5, n)
	})
}

// Readers answer on a server that refuses writes.
func TestReadersOnAServerThatRefusesWrites(t *testing.T) {
	lowerWalkLimits(t, 3, 1000)
	p := pooltest.Redis(t, pool.Config{})
	ctx := context.Background()
	repo := openIndexable(t, p)
	numbered(t, repo, 9)
	key, err := repo.core.Space().Key("r01")
	require.NoError(t, err)
	require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key).Error())
	require.NoError(t, pooltest.Do(t, p, pool.User, "CONFIG", "SET", "min-replicas-to-write", "1").Error())
	require.Error(t, repo.Upsert(ctx, "x", indexable{}))
	want := []string{"r00", "r02", "r03", "r04", "r05", "r06", "r07", "r08"}
	require.Equal(t, want, idsOf(t, repo.Find(ctx, onInt.AtLeast(0)), nothing))
	require.Equal(t, want, idsOf(t, repo.All(ctx), nothing))
	page, err := repo.Page(ctx, Query[indexable]{Order: onInt.Asc(), Limit: 20})
	require.NoError(t, err)
	require.Len(t, page.Records, 8)
	_, err = repo.Count(ctx)
	require.NoError(t, err)
}

// Records that are added and removed between pages neither repeat nor hide
// another record.
func TestPagesWhileRecordsComeAndGo(t *testing.T) {
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		ctx := context.Background()
		for name, order := range map[string]Order[indexable]{"asc": onInt.Asc(), "desc": onInt.Desc(), "ids": {}} {
			repo := openIndexable(t, p)
			numbered(t, repo, 20)
			q := Query[indexable]{Order: order, Limit: 3}
			times := map[string]int{}
			for n := 0; ; n++ {
				page, err := repo.Page(ctx, q)
				require.NoError(t, err)
				for _, r := range page.Records {
					times[r.ID]++
				}
				if page.Next == "" {
					break
				}
				q.After = page.Next
				require.NoError(t, repo.Upsert(ctx, fmt.Sprint("new", n), indexable{Int: int64(95 + 7*n)}))
				last := page.Records[len(page.Records)-1].ID
				_, err = repo.Delete(ctx, last, fmt.Sprintf("r%02d", 2*n))
				require.NoError(t, err)
			}
			for id, n := range times {
				require.Equal(t, 1, n, "%s: %s", name, id)
			}
			for r, err := range repo.All(ctx) {
				require.NoError(t, err)
				if strings.HasPrefix(r.ID, "r") {
					require.Equal(t, 1, times[r.ID], "%s: %s", name, r.ID)
				}
			}
		}
	})
}

// A query that is no query is refused before anything is sent.
func TestQueriesAreChecked(t *testing.T) {
	p := pooltest.Embedded(t)
	ctx := context.Background()
	repo, other := openIndexable(t, p), openIndexable(t, p)
	numbered(t, repo, 5)
	q := Query[indexable]{Where: []Cond[indexable]{onInt.AtLeast(0)}, Order: onInt.Asc(), Limit: 2}
	page, err := repo.Page(ctx, q)
	require.NoError(t, err)
	refused := func(name string, want error, repo *HashRepo[indexable], change func(q *Query[indexable])) {
		t.Helper()
		bad := q
		bad.After = page.Next
		change(&bad)
		pooltest.RequireNothingSent(t, p, want, func() error {
			_, err := repo.Page(ctx, bad)
			require.Error(t, err, name)
			return err
		})
	}
	refused("another space", ErrInvalidPage, other, func(*Query[indexable]) {})
	refused("another order", ErrInvalidPage, repo, func(q *Query[indexable]) { q.Order = onInt.Desc() })
	refused("the order of ids", ErrInvalidPage, repo, func(q *Query[indexable]) { q.Order = Order[indexable]{} })
	refused("another condition", ErrInvalidPage, repo, func(q *Query[indexable]) { q.Where = []Cond[indexable]{onInt.AtLeast(1)} })
	refused("fewer conditions", ErrInvalidPage, repo, func(q *Query[indexable]) { q.Where = nil })
	for _, token := range []string{"x", "====", page.Next[:5], page.Next + "A", "AAAA" + page.Next[4:]} {
		refused(token, ErrInvalidPage, repo, func(q *Query[indexable]) { q.After = token })
	}
	for _, limit := range []int{0, -1, MaxPage + 1} {
		refused(fmt.Sprint(limit), ErrInvalidArgument, repo, func(q *Query[indexable]) { q.Limit = limit })
	}
	refused("no index", ErrUnsupported, repo, func(q *Query[indexable]) { q.Order = onPlain.Asc() })
	refused("a list", ErrFieldType, repo, func(q *Query[indexable]) { q.Order = onTags.Asc() })
	refused("no field", ErrUnknownField, repo, func(q *Query[indexable]) { q.Order = At[indexable]("none").Asc() })

	q.After, q.Limit = page.Next, 10
	next, err := repo.Page(ctx, q)
	require.NoError(t, err, "another limit")
	require.Len(t, next.Records, 3)

	at := At[indexable]
	for name, cond := range map[string]Cond[indexable]{
		"a list in a range":    onTags.Between([]string{"a"}, []string{"b"}),
		"nil":                  onPInt.AtLeast(nil),
		"nil by name":          at("int").AtMost(nil),
		"another type by name": at("int").AtLeast("a"),
	} {
		pooltest.RequireNothingSent(t, p, ErrFieldType, func() error { _, err := repo.Count(ctx, cond); require.Error(t, err, name); return err })
	}
	pooltest.RequireNothingSent(t, p, ErrOverflow, func() error { _, err := repo.Count(ctx, at("int8").AtLeast(1000)); return err })
	pooltest.RequireNothingSent(t, p, ErrUnknownField, func() error { _, err := repo.Count(ctx, at("none").In(1)); return err })
}

// Conditions on the order of values work on maps, whose values have the type of
// the bound.
func TestConditionsOnMaps(t *testing.T) {
	p := pooltest.Embedded(t)
	ctx := context.Background()
	s, err := keyspace.MustCompile("{tenant}:map:{id}").Bind("acme")
	require.NoError(t, err)
	open, err := New[map[string]any](p, pool.User, s)
	require.NoError(t, err)
	require.NoError(t, open.Upsert(ctx, "a", map[string]any{"n": 9, "tags": []string{"x"}}))
	require.NoError(t, open.Upsert(ctx, "b", map[string]any{"n": 10, "s": "text"}))
	at := At[map[string]any]
	for want, cond := range map[int64]Cond[map[string]any]{1: at("n").AtLeast(10), 2: at("n").Between(9, 11), 0: at("n").AtMost(8)} {
		n, err := open.Count(ctx, cond)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	pooltest.RequireNothingSent(t, p, ErrFieldType, func() error { _, err := open.Count(ctx, at("n").AtLeast([]string{"x"})); return err })
}

package hashrepo

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// pageOrder is an order of pages, and how it compares two records.
type pageOrder struct {
	name    string
	order   Order[indexable]
	has     func(v *indexable) bool
	compare func(a, b *indexable) int
}

// ordersOf returns the two orders by a field.
func ordersOf[V any](f Field[indexable, V], get func(v *indexable) (V, bool), compare func(a, b V) int) []pageOrder {
	has := func(v *indexable) bool {
		_, ok := get(v)
		return ok
	}
	ascending := func(x, y *indexable) int {
		a, _ := get(x)
		b, _ := get(y)
		return compare(a, b)
	}
	return []pageOrder{
		{f.Name() + " asc", f.Asc(), has, ascending},
		{f.Name() + " desc", f.Desc(), has, func(x, y *indexable) int { return ascending(y, x) }},
	}
}

var pageOrders = slices.Concat(
	[]pageOrder{{"ids", Order[indexable]{}, func(*indexable) bool { return true }, func(_, _ *indexable) int { return 0 }}},
	ordersOf(onInt.Field, always(func(v *indexable) int64 { return v.Int }), cmp.Compare),
	ordersOf(onUint.Field, always(func(v *indexable) uint64 { return v.Uint }), cmp.Compare),
	ordersOf(onFloat.Field, always(func(v *indexable) float64 { return v.Float }), func(a, b float64) int {
		if math.IsNaN(a) || math.IsNaN(b) { // the greatest
			return cmp.Compare(fmt.Sprint(math.IsNaN(a)), fmt.Sprint(math.IsNaN(b)))
		}
		return cmp.Compare(a, b)
	}),
	ordersOf(onText.Field, always(func(v *indexable) string { return v.Text }), strings.Compare),
	ordersOf(onTime, always(func(v *indexable) time.Time { return v.Time }), time.Time.Compare),
	ordersOf(onPInt, func(v *indexable) (*int64, bool) { return v.PInt, v.PInt != nil }, func(a, b *int64) int { return cmp.Compare(*a, *b) }),
	ordersOf(onZero.Field, func(v *indexable) (int, bool) { return v.Zero, v.Zero != 0 }, cmp.Compare),
)

// sorted returns the ids in an order.
func (m *model) sorted(o pageOrder, checks ...check) []string {
	ids := m.ids(checks...)
	ids = slices.DeleteFunc(ids, func(id string) bool { v := m.records[id]; return !o.has(&v) })
	slices.SortFunc(ids, func(x, y string) int {
		a, b := m.records[x], m.records[y]
		byID := strings.Compare(x, y)
		if strings.HasSuffix(o.name, "desc") {
			byID = -byID
		}
		return cmp.Or(o.compare(&a, &b), byID)
	})
	return append([]string{}, ids...)
}

// requirePages requires that the pages of a query follow the model.
func (m *model) requirePages(t testing.TB, o pageOrder, limit int, checks ...check) {
	t.Helper()
	q := Query[indexable]{Where: condsOf(checks), Order: o.order, Limit: limit}
	ids := []string{}
	for {
		page, err := m.repo.Page(context.Background(), q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Records), limit)
		for _, r := range page.Records {
			ids = append(ids, r.ID)
		}
		if page.Next == "" {
			break
		}
		require.Len(t, page.Records, limit)
		q.After = page.Next
	}
	require.Equal(t, m.sorted(o, checks...), ids, "%s, limit %d, %v", o.name, limit, len(checks))
}

// Pages are in the order of the model, for every order, limit and condition.
func TestPage(t *testing.T) {
	test := func(t *testing.T, p *pool.Pools, n int, ready bool) {
		r := rand.New(rand.NewPCG(3, 4))
		repo := openIndexable(t, p)
		if !ready {
			require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", repo.core.listing.indexed).Error())
		}
		m := newModel(t, repo, r, n)
		m.requirePages(t, pageOrders[0], 1+n/20, check{"bool", onBool.Eq(true), func(v *indexable) bool { return v.Bool }})
		for _, o := range pageOrders {
			checks := randomChecks(r, codec.Compact)
			least := 1 + n/50
			m.requirePages(t, o, least+r.IntN(4))
			m.requirePages(t, o, 1000)
			for range 4 {
				m.requirePages(t, o, least+r.IntN(9), pick(r, checks))
			}
			m.requirePages(t, o, least+r.IntN(5), pick(r, checks), pick(r, checks))
			for _, f := range checks {
				if name, _, _ := strings.Cut(f.name, " "); strings.HasPrefix(o.name, name+" ") {
					m.requirePages(t, o, least+r.IntN(9), f)
				}
			}
		}
	}
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) { test(t, p, 40, true) })
	t.Run("many records", func(t *testing.T) { test(t, pooltest.Redis(t, pool.Config{}), 700, true) })
	t.Run("many runs", func(t *testing.T) {
		lowerWalkLimits(t, 3, 7)
		test(t, pooltest.Redis(t, pool.Config{}), 40, true)
	})
	t.Run("not indexed yet", func(t *testing.T) { test(t, pooltest.Redis(t, pool.Config{}), 40, false) })
}

// A page in the order of ids walks the index of a condition on one value, in
// several runs of the script.
func TestPageByIDThroughAnIndex(t *testing.T) {
	lowerWalkLimits(t, 3, 5)
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		r := openIndexable(t, p)
		var want, got []string
		for i := range 30 {
			v := indexable{Text: "a", Plain: i % 3}
			require.NoError(t, r.Upsert(t.Context(), fmt.Sprintf("%02d", i), v))
			if i%3 == 0 {
				want = append(want, fmt.Sprintf("%02d", i))
			}
		}
		q := Query[indexable]{Where: []Cond[indexable]{onText.Eq("a"), onPlain.Eq(0)}, Limit: 4}
		for {
			page, err := r.Page(t.Context(), q)
			require.NoError(t, err)
			for _, record := range page.Records {
				got = append(got, record.ID)
			}
			if q.After = page.Next; page.Next == "" {
				break
			}
		}
		require.Equal(t, want, got)
	})
}

// A run of the script that ends between two ranges of the order goes on with
// the second one.
func TestPageOverManyRanges(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	r := openIndexable(t, p)
	texts := []string{"a", "b", "c", "d", "e", "f"}
	want := []string{}
	for i, text := range texts[:5] {
		for range 2 {
			want = append(want, fmt.Sprint(len(want)))
			require.NoError(t, r.Upsert(t.Context(), want[len(want)-1], indexable{Text: text, Int: int64(i)}))
		}
	}
	for members := 1; members < 8; members++ {
		lowerWalkLimits(t, 3, members)
		for _, descending := range []bool{false, true} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			q := Query[indexable]{Where: []Cond[indexable]{onText.In(texts...)}, Order: onText.Asc(), Limit: 3}
			expected := slices.Clone(want)
			if descending {
				q.Order = onText.Desc()
				slices.Reverse(expected)
			}
			got := []string{}
			for {
				page, err := r.Page(ctx, q)
				require.NoError(t, err)
				for _, record := range page.Records {
					got = append(got, record.ID)
				}
				if q.After = page.Next; page.Next == "" {
					break
				}
			}
			cancel()
			require.Equal(t, expected, got, "%d members", members)
		}
	}
}

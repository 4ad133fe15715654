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
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// color has a text of its own.
type color int

func (c color) MarshalText() ([]byte, error) { return []byte(colors[c]), nil }

func (c *color) UnmarshalText(text []byte) error {
	if *c = color(slices.Index(colors, string(text))); *c < 0 {
		return fmt.Errorf("no color")
	}
	return nil
}

var colors = []string{"red", "green", "blue"}

// indexable has an index over a field of every kind.
type indexable struct {
	Bool   bool      `redis:"bool,index"`
	Int    int64     `redis:"int,index"`
	Int8   int8      `redis:"int8,index"`
	Uint   uint64    `redis:"uint,index"`
	Float  float64   `redis:"float,index"`
	Float3 float32   `redis:"float3,index"`
	Text   string    `redis:"text:%,index"`
	Color  color     `redis:"color,index"`
	Time   time.Time `redis:"time,index"`
	PInt   *int64    `redis:"pint,index"`
	Zero   int       `redis:"zero,omitzero,index"`
	Tags   []string  `redis:"tags,index"`
	Nums   []float64 `redis:"nums,index"`

	Plain int    `redis:"plain"`
	Note  string `redis:"note"`
}

var (
	onBool   = FieldOf(func(v *indexable) *bool { return &v.Bool })
	onInt    = NumberOf(func(v *indexable) *int64 { return &v.Int })
	onInt8   = NumberOf(func(v *indexable) *int8 { return &v.Int8 })
	onUint   = NumberOf(func(v *indexable) *uint64 { return &v.Uint })
	onFloat  = NumberOf(func(v *indexable) *float64 { return &v.Float })
	onFloat3 = NumberOf(func(v *indexable) *float32 { return &v.Float3 })
	onText   = TextOf(func(v *indexable) *string { return &v.Text })
	onColor  = FieldOf(func(v *indexable) *color { return &v.Color })
	onTime   = FieldOf(func(v *indexable) *time.Time { return &v.Time })
	onPInt   = FieldOf(func(v *indexable) **int64 { return &v.PInt })
	onZero   = NumberOf(func(v *indexable) *int { return &v.Zero })
	onTags   = ListOf(func(v *indexable) *[]string { return &v.Tags })
	onNums   = ListOf(func(v *indexable) *[]float64 { return &v.Nums })
	onPlain  = NumberOf(func(v *indexable) *int { return &v.Plain })
	onNote   = TextOf(func(v *indexable) *string { return &v.Note })
)

var indexableKeys = keyspace.MustCompile("{{tenant}}:indexable:{id}")

// openIndexable returns a new repository, whose indexes are complete.
func openIndexable(t testing.TB, p *pool.Pools, opts ...Option) *HashRepo[indexable] {
	t.Helper()
	s, err := indexableKeys.Bind(pooltest.UniqueTenant())
	require.NoError(t, err)
	r, err := New[indexable](p, pool.User, s, opts...)
	require.NoError(t, err)
	require.NoError(t, r.core.markComplete(context.Background(), fault.Target{}))
	return r
}

// lowerWalkLimits makes walks take many runs of the script.
func lowerWalkLimits(t testing.TB, records, members int) {
	t.Helper()
	oldRecords, oldMembers := walkRecords, walkMembers
	walkRecords, walkMembers = records, members
	t.Cleanup(func() { walkRecords, walkMembers = oldRecords, oldMembers })
}

var zones = []*time.Location{time.UTC, time.FixedZone("", 3600)}

// Values that are near each other in an order, or special.
var (
	someInts   = []int64{math.MinInt64, -1 << 53, -1<<53 - 1, -10, -9, -1, 0, 1, 9, 10, 1 << 53, 1<<53 + 1, math.MaxInt64}
	someUints  = []uint64{0, 1, 9, 10, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64}
	someFloats = []float64{math.Inf(-1), -math.MaxFloat64, -1.5, -1, math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64, 1, math.Nextafter(1, 2), 1e300, math.Inf(1), math.NaN()}
	someTexts  = []string{"", "\x00", "\x00\x00", "\x01", "a", "a\x00", "a\x00b", "a\x01", "ab", "b", "B", "é", "z", "\xff", "\xff\xff", strings.Repeat("long", 500)}
	someTimes  = []time.Time{{}, time.Unix(0, 0), time.Unix(0, 1), time.Unix(-1, 0), time.Date(2024, 1, 1, 0, 0, 0, 5, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
)

func pick[V any](r *rand.Rand, values []V) V { return values[r.IntN(len(values))] }

func someList[V any](r *rand.Rand, values []V) (list []V) {
	for range r.IntN(4) {
		list = append(list, pick(r, values))
	}
	return list
}

func randomIndexable(r *rand.Rand, c codec.Codec) indexable {
	floats, texts := someFloats, someTexts
	if c == codec.JSON { // which has no other floats
		floats = slices.DeleteFunc(slices.Clone(floats), func(f float64) bool { return math.IsNaN(f) || math.IsInf(f, 0) })
	}
	texts = slices.DeleteFunc(slices.Clone(texts), func(s string) bool { return strings.Contains(s, "\xff") && c != codec.Compact })
	v := indexable{
		Bool: r.IntN(2) == 1, Int: pick(r, someInts), Int8: int8(r.IntN(5) - 2), Uint: pick(r, someUints),
		Float: pick(r, floats), Float3: float32(r.IntN(5) - 2), Text: pick(r, texts), Color: color(r.IntN(3)),
		Time: pick(r, someTimes).In(pick(r, zones)), Zero: r.IntN(3), Plain: r.IntN(5), Note: pick(r, []string{"x", "xy", "z"}),
		Tags: someList(r, []string{"a", "b", "c", "a\x00"}), Nums: someList(r, floats),
	}
	if r.IntN(3) > 0 {
		v.PInt = &someInts[r.IntN(len(someInts))]
	}
	return v
}

// check is a condition and whether it holds for a value.
type check struct {
	name  string
	cond  Cond[indexable]
	holds func(v *indexable) bool
}

// checksOf returns the conditions on a field with two of its values.
func checksOf[V any](f Field[indexable, V], get func(v *indexable) (V, bool), compare func(a, b V) int, equal func(a, b V) bool, low, high V) []check {
	name := func(kind string) string { return fmt.Sprintf("%s %s %v %v", f.Name(), kind, low, high) }
	holds := func(is func(v V) bool) func(*indexable) bool {
		return func(r *indexable) bool {
			v, ok := get(r)
			return ok && is(v)
		}
	}
	return []check{
		{name("eq"), f.Eq(low), holds(func(v V) bool { return equal(v, low) })},
		{name("in"), f.In(low, high, low), holds(func(v V) bool { return equal(v, low) || equal(v, high) })},
		{name("between"), f.Between(low, high), holds(func(v V) bool { return compare(low, v) <= 0 && compare(v, high) < 0 })},
		{name("at least"), f.AtLeast(low), holds(func(v V) bool { return compare(low, v) <= 0 })},
		{name("at most"), f.AtMost(high), holds(func(v V) bool { return compare(v, high) <= 0 })},
	}
}

func always[V any](get func(v *indexable) V) func(v *indexable) (V, bool) {
	return func(v *indexable) (V, bool) { return get(v), true }
}

func is[V comparable](a, b V) bool { return a == b }

// compareFloats compares as the methods of a handle: NaN is in no range.
func compareFloats(a, b float64) int {
	if a < b {
		return -1
	}
	if a == b {
		return 0
	}
	return 1
}

func sameBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || math.IsNaN(a) && math.IsNaN(b)
}

// randomChecks returns one or more conditions on every field.
func randomChecks(r *rand.Rand, c codec.Codec) (all []check) {
	a, b := randomIndexable(r, c), randomIndexable(r, c)
	all = append(all, checksOf(onBool.self(), always(func(v *indexable) bool { return v.Bool }), func(a, b bool) int {
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	}, is, a.Bool, b.Bool)...)
	all = append(all, checksOf(onInt.Field, always(func(v *indexable) int64 { return v.Int }), cmp.Compare, is, a.Int, b.Int)...)
	all = append(all, checksOf(onInt8.Field, always(func(v *indexable) int8 { return v.Int8 }), cmp.Compare, is, a.Int8, b.Int8)...)
	all = append(all, checksOf(onUint.Field, always(func(v *indexable) uint64 { return v.Uint }), cmp.Compare, is, a.Uint, b.Uint)...)
	all = append(all, checksOf(onFloat.Field, always(func(v *indexable) float64 { return v.Float }), compareFloats, sameBits, a.Float, b.Float)...)
	all = append(all, checksOf(onFloat3.Field, always(func(v *indexable) float32 { return v.Float3 }), cmp.Compare, is, a.Float3, b.Float3)...)
	all = append(all, checksOf(onText.Field, always(func(v *indexable) string { return v.Text }), strings.Compare, is, a.Text, b.Text)...)
	all = append(all, checksOf(onColor.self(), always(func(v *indexable) color { return v.Color }), func(a, b color) int {
		return strings.Compare(colors[a], colors[b])
	}, is, a.Color, b.Color)...)
	all = append(all, checksOf(onTime.self(), always(func(v *indexable) time.Time { return v.Time }), time.Time.Compare, time.Time.Equal, a.Time, b.Time)...)
	all = append(all, checksOf(onPlain.Field, always(func(v *indexable) int { return v.Plain }), cmp.Compare, is, a.Plain, b.Plain)...)
	low, high := pick(r, someInts), pick(r, someInts)
	all = append(all, checksOf(onPInt.self(), func(v *indexable) (*int64, bool) { return v.PInt, v.PInt != nil }, func(a, b *int64) int {
		return cmp.Compare(*a, *b)
	}, func(a, b *int64) bool { return *a == *b }, &low, &high)...)
	prefix := a.Text[:min(len(a.Text), r.IntN(3))]
	return append(all,
		check{"zero 0", onZero.Eq(0), func(v *indexable) bool { return v.Zero == 0 }},
		check{"zero 1", onZero.Eq(1), func(v *indexable) bool { return v.Zero == 1 }},
		check{"zero in", onZero.In(0, 2), func(v *indexable) bool { return v.Zero != 1 }},
		check{"zero at most", onZero.AtMost(1), func(v *indexable) bool { return v.Zero == 1 }},
		check{"nil", onPInt.Eq(nil), func(v *indexable) bool { return v.PInt == nil }},
		check{"in nothing", onInt.In(), func(*indexable) bool { return false }},
		check{"nan", onFloat.AtLeast(math.NaN()), func(*indexable) bool { return false }},
		check{fmt.Sprintf("prefix %q", prefix), onText.Prefix(prefix), func(v *indexable) bool { return strings.HasPrefix(v.Text, prefix) }},
		check{"prefix note", onNote.Prefix("x"), func(v *indexable) bool { return v.Note[0] == 'x' }},
		check{"tags", onTags.Contains("a"), func(v *indexable) bool { return slices.Contains(v.Tags, "a") }},
		check{"tags nul", onTags.Contains("a\x00"), func(v *indexable) bool { return slices.Contains(v.Tags, "a\x00") }},
		check{"tags eq", onTags.Eq(a.Tags), func(v *indexable) bool { return slices.Equal(v.Tags, a.Tags) && (v.Tags == nil) == (a.Tags == nil) }},
		check{"nums", onNums.Contains(0), func(v *indexable) bool { return slices.Contains(v.Nums, 0) }},
	)
}

// self returns the handle itself, for handles that embed none.
func (f Field[T, V]) self() Field[T, V] { return f }

// model holds what a repository should hold.
type model struct {
	repo    *HashRepo[indexable]
	records map[string]indexable
}

// newModel writes n random records.
func newModel(t testing.TB, repo *HashRepo[indexable], r *rand.Rand, n int) *model {
	t.Helper()
	m := &model{repo, map[string]indexable{}}
	var all []Record[indexable]
	for i := range n {
		id := fmt.Sprintf("%s%d%%", []string{"u:", "", "a\n"}[i%3], i)
		m.records[id] = randomIndexable(r, repo.core.Codec)
		all = append(all, Record[indexable]{id, m.records[id]})
	}
	require.NoError(t, repo.UpsertMany(context.Background(), all...))
	return m
}

// ids returns the ids of the records for which all checks hold, in order.
func (m *model) ids(checks ...check) (ids []string) {
	for id, v := range m.records {
		if !slices.ContainsFunc(checks, func(c check) bool { return !c.holds(&v) }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func condsOf(checks []check) (conds []Cond[indexable]) {
	for _, c := range checks {
		conds = append(conds, c.cond)
	}
	return conds
}

// requireFound requires that Find and Count agree with the model.
func (m *model) requireFound(t testing.TB, checks ...check) {
	t.Helper()
	ctx := context.Background()
	ids := []string{}
	for r, err := range m.repo.Find(ctx, condsOf(checks)...) {
		require.NoError(t, err)
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	want := m.ids(checks...)
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	require.Equal(t, append([]string{}, want...), ids, "%q", names)
	n, err := m.repo.Count(ctx, condsOf(checks)...)
	require.NoError(t, err)
	require.EqualValues(t, len(want), n, "Count of %q", names)
	one, err := m.repo.FindOne(ctx, condsOf(checks)...)
	if len(want) == 0 {
		require.ErrorIs(t, err, ErrNotFound)
	} else {
		require.NoError(t, err)
		require.Contains(t, want, one.ID)
	}
}

// Find, FindOne and Count return what a model of the records says, for every
// kind of field and condition, alone and together.
func TestFindByIndex(t *testing.T) {
	test := func(t *testing.T, p *pool.Pools, c codec.Codec, n int, ready bool) {
		r := rand.New(rand.NewPCG(1, 2))
		repo := openIndexable(t, p, Codec(c))
		if !ready {
			require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", repo.core.listing.indexed).Error())
		}
		m := newModel(t, repo, r, n)
		for range 3 {
			checks := randomChecks(r, c)
			for i, one := range checks {
				m.requireFound(t, one)
				if i%3 == 0 {
					m.requireFound(t, one, pick(r, checks))
				}
			}
			m.requireFound(t, pick(r, checks), pick(r, checks), pick(r, checks))
		}
		m.requireFound(t)
	}
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) { test(t, p, codec.Compact, 60, true) })
	for _, c := range []codec.Codec{codec.JSON, codec.MsgPack} {
		t.Run(c.Name(), func(t *testing.T) { test(t, pooltest.Redis(t, pool.Config{}), c, 60, true) })
	}
	t.Run("many runs", func(t *testing.T) {
		lowerWalkLimits(t, 3, 7)
		test(t, pooltest.Redis(t, pool.Config{}), codec.Compact, 60, true)
	})
	t.Run("not indexed yet", func(t *testing.T) {
		test(t, pooltest.Redis(t, pool.Config{}), codec.Compact, 60, false)
	})
}

package hashrepo_test

import (
	"fmt"
	"math"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Goods has numbers of several types, in the record and in a struct that it
// embeds, one of them with a former name.
type Goods struct {
	Depot
	Small int8    `redis:"small"`
	Big   uint64  `redis:"big"`
	Price float64 `redis:"price"`
	Half  float32 `redis:"half"`
	Note  string  `redis:"note"`
}

type Depot struct {
	Stock int64 `redis:"stock,was=amount"`
}

var (
	goodsStock = hashrepo.NumberOf(func(g *Goods) *int64 { return &g.Stock })
	goodsSmall = hashrepo.NumberOf(func(g *Goods) *int8 { return &g.Small })
	goodsBig   = hashrepo.NumberOf(func(g *Goods) *uint64 { return &g.Big })
	goodsPrice = hashrepo.NumberOf(func(g *Goods) *float64 { return &g.Price })
	goodsHalf  = hashrepo.NumberOf(func(g *Goods) *float32 { return &g.Half })
	goodsNote  = hashrepo.FieldOf(func(g *Goods) *string { return &g.Note })
)

// A sum within its bounds is stored. A sum out of its bounds, or out of the
// range of the type where it has no bound, changes nothing.
func TestBoundsMatchGoComparisons(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Goods](t, p, hashrepo.Codec(c))
			t.Run(c.Name(), rapid.MakeCheck(func(rt *rapid.T) {
				checkBounds(rt, repo, goodsStock, rapid.SampledFrom([]int64{0, 1, -1, 3, -3, 100, 1e10, -1e15, 1 << 53, math.MaxInt64, math.MinInt64}),
					func(g *Goods) *int64 { return &g.Stock })
				checkBounds(rt, repo, goodsSmall, rapid.Int8(), func(g *Goods) *int8 { return &g.Small })
				checkBounds(rt, repo, goodsBig, rapid.SampledFrom([]uint64{0, 1, 5, 1 << 53, 1e19, math.MaxUint64}), func(g *Goods) *uint64 { return &g.Big })
				checkBounds(rt, repo, goodsPrice, floats[float64](c, math.MaxFloat64, math.NaN()), func(g *Goods) *float64 { return &g.Price })
				checkBounds(rt, repo, goodsHalf, floats[float32](c, math.MaxFloat32, float32(math.NaN())), func(g *Goods) *float32 { return &g.Half })
			}))
		}
	})
}

func floats[F float32 | float64](c codec.Codec, greatest, nan F) *rapid.Generator[F] {
	finite := []F{0, 0.1, 0.2, -0.3, 1, -1.5, 1e16, greatest, -greatest}
	if c == codec.JSON { // which refuses other numbers
		return rapid.SampledFrom(finite)
	}
	return rapid.SampledFrom(append(finite, F(math.Inf(1)), F(math.Inf(-1)), nan))
}

// checkBounds adds to a field with bounds and compares the outcome with that of
// a model.
func checkBounds[N hashrepo.Numeric](rt *rapid.T, repo *hashrepo.HashRepo[Goods], number hashrepo.Number[Goods, N], draw *rapid.Generator[N], at func(*Goods) *N) {
	stored, by := draw.Draw(rt, "stored"), draw.Draw(rt, "by")
	before := Goods{Note: "before"}
	*at(&before) = stored
	require.NoError(rt, repo.Replace(ctx, "g", before))

	addition := number.Add(by)
	exact, overflows := exactSum(stored, by)
	within, invalid := true, false
	least, greatest := draw.Draw(rt, "least"), draw.Draw(rt, "greatest")
	hasLeast, hasGreatest := rapid.Bool().Draw(rt, "has least"), rapid.Bool().Draw(rt, "has greatest")
	if hasLeast {
		addition = addition.AtLeast(least)
		invalid = math.IsNaN(float64(least))
		within = !invalid && exact != nil && exact.Cmp(exactNumber(least)) >= 0
	}
	if hasGreatest {
		addition = addition.AtMost(greatest)
		invalid = invalid || math.IsNaN(float64(greatest))
		within = within && !invalid && exact != nil && exact.Cmp(exactNumber(greatest)) <= 0
	}
	invalid = invalid || hasLeast && hasGreatest && least > greatest

	err := repo.Update(ctx, "g", goodsNote.Set("after"), addition)
	got, getErr := repo.Get(ctx, "g")
	require.NoError(rt, getErr)
	if !invalid && within && !overflows {
		require.NoError(rt, err)
		after := Goods{Note: "after"}
		*at(&after) = stored + by
		require.Equal(rt, fmt.Sprint(after), fmt.Sprint(got)) // NaN is not equal to itself
		return
	}
	require.Equal(rt, fmt.Sprint(before), fmt.Sprint(got))
	var op *symphony.OpError
	require.ErrorAs(rt, err, &op)
	require.Equal(rt, number.Name(), op.Field)
	require.False(rt, op.MaybeApplied())
	switch {
	case invalid:
		require.ErrorIs(rt, err, symphony.ErrInvalidArgument)
	case !within:
		require.ErrorIs(rt, err, symphony.ErrOutOfRange)
	default:
		require.ErrorIs(rt, err, symphony.ErrOverflow)
	}
}

// exactSum returns the sum as the field stores it, and whether it overflows the
// type. The sum is nil for NaN.
func exactSum[N hashrepo.Numeric](x, y N) (sum *big.Float, overflows bool) {
	switch any(x).(type) {
	case float32, float64:
		sum := x + y
		return exactNumber(sum), isInfinite(sum) && !isInfinite(x) && !isInfinite(y)
	}
	sum = new(big.Float).Add(exactNumber(x), exactNumber(y))
	fits := sum.Cmp(exactNumber(x+y)) == 0
	return sum, !fits
}

func isInfinite[N hashrepo.Numeric](x N) bool { return math.IsInf(float64(x), 0) }

func exactNumber[N hashrepo.Numeric](x N) *big.Float {
	if math.IsNaN(float64(x)) {
		return nil
	}
	switch x := any(x).(type) {
	case float32:
		return big.NewFloat(float64(x)).SetPrec(200)
	case float64:
		return big.NewFloat(x).SetPrec(200)
	}
	f, _, _ := big.ParseFloat(fmt.Sprint(x), 10, 200, big.ToNearestEven)
	return f
}

// A refused sum changes nothing in Redis: no field, no old name, no version, no
// lifetime and no index.
func TestOutOfRangeChangesNothing(t *testing.T) {
	type Item struct {
		Stock   int64   `redis:"stock,index,was=amount"`
		Price   float64 `redis:"price,index"`
		Name    string  `redis:"name,unique"`
		Version int64   `redis:",version"`
	}
	stock := hashrepo.NumberOf(func(v *Item) *int64 { return &v.Stock })
	price := hashrepo.NumberOf(func(v *Item) *float64 { return &v.Price })
	name := hashrepo.FieldOf(func(v *Item) *string { return &v.Name })
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		repo, s := newListedRepo[Item](t, p)
		require.NoError(t, repo.With(hashrepo.TTL(100*time.Second)).Upsert(ctx, "i", Item{Stock: 3, Price: 2.5, Name: "cup"}))
		key, err := s.Key("i")
		require.NoError(t, err)
		before, err := repo.Get(ctx, "i")
		require.NoError(t, err)
		for _, write := range []*hashrepo.HashRepo[Item]{
			repo, repo.With(hashrepo.KeepTTL()), repo.With(hashrepo.IfExists()), repo.With(hashrepo.IfVersion(1)), repo.With(hashrepo.NoTTL()),
		} {
			for _, patch := range []hashrepo.Patch[Item]{stock.Add(-4).AtLeast(0), stock.Add(4).AtMost(6), price.Add(-2.6).AtLeast(0), price.Add(1).AtMost(3)} {
				require.ErrorIs(t, write.Update(ctx, "i", name.Set("mug"), patch), symphony.ErrOutOfRange)
				_, err := write.Merge(ctx, "i", patch, name.Set("mug"))
				require.ErrorIs(t, err, symphony.ErrOutOfRange)
			}
			_, err := stock.Add(-4).AtLeast(0).Apply(ctx, write, "i")
			require.ErrorIs(t, err, symphony.ErrOutOfRange)
		}
		got, err := repo.Get(ctx, "i")
		require.NoError(t, err)
		require.Equal(t, before, got)
		left, err := repo.TTL(ctx, "i")
		require.NoError(t, err)
		require.LessOrEqual(t, left, 100*time.Second)
		require.Positive(t, left)
		requireIndexes[Item](t, p, s, codec.Compact)

		sum, err := stock.Add(-3).AtLeast(0).AtMost(10).Apply(ctx, repo, "i")
		require.NoError(t, err)
		require.Zero(t, sum)
		requireIndexes[Item](t, p, s, codec.Compact)

		require.ErrorIs(t, repo.Update(ctx, "absent", stock.Add(-1).AtLeast(0)), symphony.ErrOutOfRange)
		require.ErrorIs(t, repo.With(hashrepo.IfExists()).Update(ctx, "absent", stock.Add(-1).AtLeast(0)), symphony.ErrNotFound)
		exists, err := repo.Exists(ctx, "absent")
		require.NoError(t, err)
		require.False(t, exists)

		require.NoError(t, pooltest.Do(t, p, pool.User, "HDEL", key, "stock").Error())
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key, "amount", "7").Error())
		err = repo.Update(ctx, "i", stock.Add(-8).AtLeast(0))
		require.ErrorContains(t, err, "the field has 7,")
		require.Equal(t, "7", pooltest.Hash(t, p, pool.User, key)["amount"])
		require.NoError(t, repo.Update(ctx, "i", stock.Add(-7).AtLeast(0)))
		require.NotContains(t, pooltest.Hash(t, p, pool.User, key), "amount")
	})
}

// Each sum of several patches of one field must be within its own bounds.
func TestBoundsOfSeveralPatches(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Goods](t, p, hashrepo.Codec(c))
			require.NoError(t, repo.Update(ctx, "g", goodsStock.Set(5), goodsStock.Add(-5).AtLeast(0), goodsStock.Add(2).AtMost(2)))
			require.ErrorIs(t, repo.Update(ctx, "g", goodsStock.Add(-3).AtLeast(0), goodsStock.Add(3)), symphony.ErrOutOfRange)
			require.NoError(t, repo.Update(ctx, "g", goodsStock.Add(3), goodsStock.Add(-4).AtLeast(0).AtLeast(1)))
			require.ErrorIs(t, repo.Update(ctx, "g", goodsPrice.Set(5), goodsPrice.Add(1).AtMost(5.5)), symphony.ErrOutOfRange)
			require.NoError(t, repo.Update(ctx, "g", goodsPrice.Set(5), goodsPrice.Add(1).AtMost(6)))
			got, err := repo.Get(ctx, "g")
			require.NoError(t, err)
			require.Equal(t, Goods{Depot: Depot{Stock: 1}, Price: 6}, got)
		}
	})
}

// An Addition is a value: limiting it leaves the one it was made from as it
// was.
func TestAdditionIsAValue(t *testing.T) {
	repo, _ := newRepo[Goods](t, pooltest.Embedded(t))
	take := goodsStock.Add(-1)
	limited := take.AtLeast(0)
	_ = limited.AtMost(-1)
	require.NoError(t, repo.Update(ctx, "g", take))
	require.ErrorIs(t, repo.Update(ctx, "g", limited), symphony.ErrOutOfRange)
}

// The error says what the field has and what the sum must be.
func TestOutOfRangeError(t *testing.T) {
	repo, _ := newRepo[Goods](t, pooltest.Embedded(t))
	require.NoError(t, repo.Upsert(ctx, "g", Goods{Depot: Depot{Stock: 3}, Price: 0.5}))
	for want, patch := range map[string]hashrepo.Patch[Goods]{
		"the field has 3, and adding -5 makes -2; the sum must be at least 0; nothing was changed": goodsStock.Add(-5).AtLeast(0),
		"adding 9223372036854775807 makes 9223372036854775810; the sum must be at most 10":         goodsStock.Add(math.MaxInt64).AtMost(10),
		"the sum must be at least 0 and at most 10":                                                goodsStock.Add(8).AtLeast(0).AtMost(10),
		"the field has 0.5, and adding 0.25 makes 0.75; the sum must be at most 0.6":               goodsPrice.Add(0.25).AtMost(0.6),
		"the field has 0, and adding 1 makes 1":                                                    goodsHalf.Add(1).AtMost(0),
	} {
		require.ErrorContains(t, repo.Update(ctx, "g", patch), want)
	}
}

func TestInvalidBoundsAreNotSent(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[Goods](t, p)
	for _, patch := range []hashrepo.Patch[Goods]{
		goodsStock.Add(1).AtLeast(2).AtMost(1), goodsPrice.Add(1).AtMost(math.NaN()), goodsHalf.Add(1).AtLeast(float32(math.NaN())),
	} {
		pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error { return repo.Update(ctx, "g", goodsNote.Set("x"), patch) })
	}
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, func() error {
		_, err := hashrepo.Addition[Goods, int64]{}.Apply(ctx, repo, "g")
		return err
	})
}

// Callers at the same time take no more than there is.
func TestBoundsHoldForCallersAtTheSameTime(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Goods](t, p, hashrepo.Codec(c))
			require.NoError(t, repo.Upsert(ctx, "g", Goods{Depot: Depot{Stock: 100}, Price: 50}))
			var taken, spent atomic.Int64
			var wait sync.WaitGroup
			for range 8 {
				wait.Go(func() {
					for repo.Update(ctx, "g", goodsStock.Add(-3).AtLeast(0)) == nil {
						taken.Add(3)
					}
					for repo.Update(ctx, "g", goodsPrice.Add(-3).AtLeast(0)) == nil {
						spent.Add(3)
					}
				})
			}
			wait.Wait()
			require.EqualValues(t, 99, taken.Load())
			require.EqualValues(t, 48, spent.Load())
			got, err := repo.Get(ctx, "g")
			require.NoError(t, err)
			require.Equal(t, Goods{Depot: Depot{Stock: 1}, Price: 2}, got)
		}
	})
}

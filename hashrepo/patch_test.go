package hashrepo_test

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

var (
	nameOf   = hashrepo.FieldOf(func(p *Profile) *string { return &p.Name })
	scoreOf  = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
	ratioOf  = hashrepo.NumberOf(func(p *Profile) *float64 { return &p.Ratio })
	levelOf  = hashrepo.NumberOf(func(p *Profile) *Level { return &p.Level })
	quietOf  = hashrepo.NumberOf(func(p *Profile) *time.Duration { return &p.Quiet })
	tagsOf   = hashrepo.ListOf(func(p *Profile) *[]string { return &p.Tags })
	nickOf   = hashrepo.FieldOf(func(p *Profile) **string { return &p.Nick })
	ownerOf  = hashrepo.FieldOf(func(p *Profile) *string { return &p.Owner })
	seenOf   = hashrepo.FieldOf(func(p *Profile) *time.Time { return &p.Seen })
	labelsOf = hashrepo.FieldOf(func(p *Profile) *map[string]int { return &p.Labels })
)

// Patches change a record as the same changes in Go change the value, with
// every codec. Fields that T does not declare stay.
func TestPatchesMatchGoChanges(t *testing.T) {
	type change struct {
		name  string
		patch func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile))
	}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "null", "1", `a","b`, "]", "é"}))
	small := rapid.Int64Range(-1<<40, 1<<40)
	changes := []change{
		{"name", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := text.Draw(rt, "name")
			return nameOf.Set(v), func(p *Profile) { p.Name = v }
		}},
		{"owner", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := text.Draw(rt, "owner")
			return ownerOf.Set(v), func(p *Profile) { p.Owner = v }
		}},
		{"clear", func(*rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			return tagsOf.Clear(), func(p *Profile) { p.Tags = nil }
		}},
		{"set tags", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := rapid.SliceOfN(text, 0, 3).Draw(rt, "tags")
			return tagsOf.Set(v), func(p *Profile) { p.Tags = append([]string{}, v...) }
		}},
		{"append", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := rapid.SliceOfN(text, 0, 3).Draw(rt, "elements")
			return tagsOf.Append(v...), func(p *Profile) { p.Tags = append(p.Tags, v...) }
		}},
		{"score", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := small.Draw(rt, "by")
			return scoreOf.Add(v), func(p *Profile) { p.Score += v }
		}},
		{"set score", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := rapid.Int64Range(-1<<62, 1<<62).Draw(rt, "score")
			return scoreOf.Set(v), func(p *Profile) { p.Score = v }
		}},
		{"ratio", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := rapid.Float64Range(-1e300, 1e300).Draw(rt, "by")
			return ratioOf.Add(v), func(p *Profile) { p.Ratio += v }
		}},
		{"quiet", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := time.Duration(small.Draw(rt, "by"))
			return quietOf.Add(v), func(p *Profile) { p.Quiet += v }
		}},
		{"nick", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := rapid.Ptr(text, true).Draw(rt, "nick")
			return nickOf.Set(v), func(p *Profile) { p.Nick = v }
		}},
		{"seen", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := time.Unix(rapid.Int64Range(0, 1<<33).Draw(rt, "seen"), 0).UTC()
			return seenOf.Set(v), func(p *Profile) { p.Seen = v }
		}},
		{"labels", func(rt *rapid.T) (hashrepo.Patch[Profile], func(*Profile)) {
			v := rapid.MapOf(text, rapid.Int()).Draw(rt, "labels")
			return labelsOf.Set(v), func(p *Profile) { p.Labels = v }
		}},
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, key := newRepo[Profile](t, p, hashrepo.Codec(c))
			t.Run(c.Name(), rapid.MakeCheck(func(rt *rapid.T) {
				_, err := repo.Delete(ctx, "u")
				require.NoError(rt, err)
				require.NoError(rt, pooltest.Do(t, p, pool.User, "HSET", key+"u", "unknown", "stays").Error())
				var want Profile
				for range rapid.IntRange(1, 3).Draw(rt, "calls") {
					var patches []hashrepo.Patch[Profile]
					for _, ch := range rapid.SliceOfN(rapid.SampledFrom(changes), 1, 6).Draw(rt, "changes") {
						patch, apply := ch.patch(rt)
						patches = append(patches, patch)
						apply(&want)
					}
					if rapid.Bool().Draw(rt, "merge") {
						got, err := repo.Merge(ctx, "u", patches...)
						require.NoError(rt, err)
						require.Equal(rt, want, got)
						continue
					}
					require.NoError(rt, repo.Update(ctx, "u", patches...))
				}
				got, err := repo.Get(ctx, "u")
				require.NoError(rt, err)
				require.Equal(rt, want, got)
				require.Equal(rt, "stays", pooltest.Hash(t, p, pool.User, key+"u")["unknown"])
			}))
		}
	})
}

// Integer sums are exact in the whole range of every type. If one sum is out of
// range, the whole call changes nothing.
func TestAddIsExact(t *testing.T) {
	type Widths struct {
		I8   int8   `redis:"i8"`
		I16  int16  `redis:"i16"`
		I32  int32  `redis:"i32"`
		I64  int64  `redis:"i64"`
		I    int    `redis:"i"`
		U8   uint8  `redis:"u8"`
		U16  uint16 `redis:"u16"`
		U32  uint32 `redis:"u32"`
		U64  uint64 `redis:"u64"`
		U    uint   `redis:"u"`
		Note string `redis:"note"`
	}
	note := hashrepo.FieldOf(func(w *Widths) *string { return &w.Note })
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Widths](t, p, hashrepo.Codec(c))
			try := func(field string, add func(rt *rapid.T, a, b uint64) (x, y *big.Int, patch hashrepo.Patch[Widths], start Widths), fits func(*big.Int) bool, read func(Widths) string) {
				t.Run(c.Name()+"/"+field, rapid.MakeCheck(func(rt *rapid.T) {
					edge := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, math.MaxUint64, 1 << 63, 1<<63 - 1, 1 << 53, 1e10, 1e10 - 1, 127, 128, 255, 1 << 15, 1 << 31}))
					x, y, patch, start := add(rt, edge.Draw(rt, "held"), edge.Draw(rt, "by"))
					require.NoError(rt, repo.Upsert(ctx, "u", start))
					err := repo.Update(ctx, "u", note.Set("changed"), patch)
					got, getErr := repo.Get(ctx, "u")
					require.NoError(rt, getErr)
					sum := new(big.Int).Add(x, y)
					if fits(sum) {
						require.NoError(rt, err)
						require.Equal(rt, sum.String(), read(got))
						require.Equal(rt, "changed", got.Note)
						return
					}
					require.ErrorIs(rt, err, symphony.ErrOverflow)
					var op *symphony.OpError
					require.ErrorAs(rt, err, &op)
					require.Equal(rt, field, op.Field)
					require.False(rt, op.MaybeApplied())
					require.Equal(rt, start, got)
				}))
			}
			width(try, "i8", func(w *Widths) *int8 { return &w.I8 })
			width(try, "i16", func(w *Widths) *int16 { return &w.I16 })
			width(try, "i32", func(w *Widths) *int32 { return &w.I32 })
			width(try, "i64", func(w *Widths) *int64 { return &w.I64 })
			width(try, "i", func(w *Widths) *int { return &w.I })
			width(try, "u8", func(w *Widths) *uint8 { return &w.U8 })
			width(try, "u16", func(w *Widths) *uint16 { return &w.U16 })
			width(try, "u32", func(w *Widths) *uint32 { return &w.U32 })
			width(try, "u64", func(w *Widths) *uint64 { return &w.U64 })
			width(try, "u", func(w *Widths) *uint { return &w.U })
		}
	})
}

type integer interface {
	int | int8 | int16 | int32 | int64 | uint | uint8 | uint16 | uint32 | uint64
}

func width[T any, N integer](try func(string, func(*rapid.T, uint64, uint64) (*big.Int, *big.Int, hashrepo.Patch[T], T), func(*big.Int) bool, func(T) string), field string, of func(*T) *N) {
	number := hashrepo.NumberOf(of)
	exact := func(n N) *big.Int { b, _ := new(big.Int).SetString(fmt.Sprint(n), 10); return b }
	try(field, func(_ *rapid.T, a, b uint64) (*big.Int, *big.Int, hashrepo.Patch[T], T) {
		x, y := N(a), N(b)
		var start T
		*of(&start) = x
		return exact(x), exact(y), number.Add(y), start
	}, func(sum *big.Int) bool {
		v := reflect.ValueOf(new(N)).Elem()
		if v.CanInt() {
			return sum.IsInt64() && !v.OverflowInt(sum.Int64())
		}
		return sum.IsUint64() && !v.OverflowUint(sum.Uint64())
	}, func(v T) string { return fmt.Sprint(*of(&v)) })
}

// Float sums equal those of Go and are stored as the codec encodes them.
func TestAddOfFloats(t *testing.T) {
	type Floats struct {
		F64 float64 `redis:"f64"`
		F32 float32 `redis:"f32"`
	}
	f64 := hashrepo.NumberOf(func(f *Floats) *float64 { return &f.F64 })
	f32 := hashrepo.NumberOf(func(f *Floats) *float32 { return &f.F32 })
	powers := rapid.Map(rapid.IntRange(-1074, 1023), func(e int) float64 { return math.Ldexp(1, e) })
	numbers := rapid.OneOf(rapid.Float64(), powers, rapid.SampledFrom([]float64{
		0, math.Copysign(0, -1), 0.1, 0.2, 1e15, 1e16, 1e17, 1e-4, 1e-5, 123456789012345680, 1.5, 100, 1e21, 1e22, math.MaxFloat64, 5e-324, math.Inf(1), math.Inf(-1), math.NaN(),
	}))
	spelled := func(t require.TestingT, c codec.Codec, v any) string {
		data, err := c.Marshal(v)
		require.NoError(t, err)
		return string(data)
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, key := newRepo[Floats](t, p, hashrepo.Codec(c))
			t.Run(c.Name(), rapid.MakeCheck(func(rt *rapid.T) {
				x, y := numbers.Draw(rt, "held"), numbers.Draw(rt, "by")
				if c == codec.JSON && (math.IsNaN(x+y-x-y) || math.IsInf(x, 0) || math.IsInf(y, 0)) {
					return // codec.JSON refuses numbers that are not finite
				}
				if x == 0 && y == 0 {
					x = 0 // the embedded server's Lua loses the sign of -0 + -0
				}
				require.NoError(rt, repo.Replace(ctx, "u", Floats{F64: x}))
				sum, err := f64.Increment(ctx, repo, "u", y)
				if math.IsInf(x+y, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
					require.ErrorIs(rt, err, symphony.ErrOverflow)
					return
				}
				require.NoError(rt, err)
				require.Equal(rt, spelled(rt, c, x+y), spelled(rt, c, sum))
				require.Equal(rt, spelled(rt, c, x+y), pooltest.Hash(t, p, pool.User, key+"u")["f64"])
			}))
			require.NoError(t, repo.Replace(ctx, "u", Floats{F32: 0.1}))
			sum, err := f32.Increment(ctx, repo, "u", 0.2)
			require.NoError(t, err)
			require.Equal(t, float32(float64(float32(0.1))+float64(float32(0.2))), sum)
			require.NoError(t, repo.Replace(ctx, "u", Floats{F32: math.MaxFloat32}))
			require.ErrorIs(t, repo.Update(ctx, "u", f32.Add(math.MaxFloat32)), symphony.ErrOverflow)
		}
		repo, key := newRepo[Floats](t, p)
		for text, want := range map[string]float64{
			"7": 8, "-0.5": 0.5, "1e3": 1001, "2E-1": 1.2, "inf": math.Inf(1), "-Infinity": math.Inf(-1),
			"+Inf": math.Inf(1), "-Inf": math.Inf(-1), "+inf": math.Inf(1), "Inf": math.Inf(1),
			"-9223372036854775809": -9223372036854775808, "123456789012345678901234567890": 123456789012345678901234567890,
		} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "f64", text).Error())
			sum, err := f64.Increment(ctx, repo, "u", 1)
			require.NoError(t, err, text)
			require.InDelta(t, want, sum, 0, text)
		}
	})
}

// One impossible patch leaves the record as it was, wherever it is in the list.
// The error names its field.
func TestOneBadPatchChangesNothing(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, key := newRepo[Profile](t, p, hashrepo.Codec(c))
			for _, bad := range []struct {
				field, text string
				patch       hashrepo.Patch[Profile]
				want        error
			}{
				{"score", "many", scoreOf.Add(1), symphony.ErrFieldType},
				{"score", "1.5", scoreOf.Add(1), symphony.ErrFieldType},
				{"score", "", scoreOf.Add(1), symphony.ErrFieldType},
				{"score", strings.Repeat("9", 25), scoreOf.Add(1), symphony.ErrFieldType},
				{"ratio", "0x10", ratioOf.Add(1), symphony.ErrFieldType},
				{"ratio", "1e", ratioOf.Add(1), symphony.ErrFieldType},
				{"tags", `{"a":1}`, tagsOf.Append("x"), symphony.ErrFieldType},
				{"tags", "text", tagsOf.Append("x"), symphony.ErrFieldType},
				{"score", "007", scoreOf.Add(1), symphony.ErrFieldType},
				{"ratio", "1e400", ratioOf.Add(1), symphony.ErrFieldType},
				{"ratio", "5.", ratioOf.Add(1), symphony.ErrFieldType},
				{"ratio", "01.5", ratioOf.Add(1), symphony.ErrFieldType},
				{"ratio", "+nan", ratioOf.Add(1), symphony.ErrFieldType},
				{"ratio", "Infinite", ratioOf.Add(1), symphony.ErrFieldType},
			} {
				t.Run(c.Name()+"/"+bad.field+"/"+bad.text, func(t *testing.T) {
					require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key+"u").Error())
					require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", bad.field, bad.text, "name", "old").Error())
					before := pooltest.Hash(t, p, pool.User, key+"u")
					for _, patches := range [][]hashrepo.Patch[Profile]{
						{bad.patch, nameOf.Set("new")}, {nameOf.Set("new"), ownerOf.Clear(), bad.patch}, {levelOf.Add(1), bad.patch, quietOf.Add(1)},
					} {
						err := repo.Update(ctx, "u", patches...)
						require.ErrorIs(t, err, bad.want)
						var op *symphony.OpError
						require.ErrorAs(t, err, &op)
						require.Equal(t, bad.field, op.Field)
						require.False(t, op.MaybeApplied())
						var decodeError *codec.DecodeError
						require.ErrorAs(t, err, &decodeError)
						require.Equal(t, bad.field, decodeError.Field)
						require.NotContains(t, err.Error(), "many")
						_, err = repo.Merge(ctx, "u", patches...)
						require.ErrorIs(t, err, bad.want)
						require.Equal(t, before, pooltest.Hash(t, p, pool.User, key+"u"))
					}
				})
			}
		}
	})
}

func TestBadPatchesAreNotSent(t *testing.T) {
	p := pooltest.Embedded(t)
	repo, _ := newRepo[Profile](t, p)
	update := func(patches ...hashrepo.Patch[Profile]) func() error {
		return func() error { return repo.Update(ctx, "u", patches...) }
	}
	pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, update(hashrepo.At[Profile]("nome").Set("x")))
	pooltest.RequireNothingSent(t, p, symphony.ErrFieldType, update(nameOf.Set("x"), hashrepo.At[Profile]("score").Set("x")))
	var none hashrepo.Patch[Profile]
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, update(none))
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidArgument, update(hashrepo.Addition[Profile, int64]{}.AtLeast(0)))
	pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, update(nameOf.SetFor("x", time.Minute)))
	pooltest.RequireNothingSent(t, p, symphony.ErrInvalidKey, func() error { return repo.Update(ctx, "") })
	pooltest.RequireNothingSent(t, p, nil, update())
	pooltest.RequireNothingSent(t, p, nil, update(tagsOf.Append()))
	require.NoError(t, repo.Update(ctx, "u", nameOf.Set("x")))
	got, err := repo.Merge(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, "x", got.Name)
	_, err = repo.Merge(ctx, "gone", tagsOf.Append())
	require.ErrorIs(t, err, symphony.ErrNotFound)
	require.ErrorContains(t, err, "Merge")
}

func TestPatchesAndConditions(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		exists, absent := repo.With(hashrepo.IfExists()), repo.With(hashrepo.IfAbsent())
		require.ErrorIs(t, exists.Update(ctx, "u", scoreOf.Add(1)), symphony.ErrNotFound)
		require.Empty(t, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, absent.Update(ctx, "u", scoreOf.Add(1)))
		require.ErrorIs(t, absent.Update(ctx, "u", scoreOf.Add(1)), symphony.ErrExists)
		require.NoError(t, exists.Update(ctx, "u", scoreOf.Add(1)))
		require.Equal(t, map[string]string{"score": "2"}, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, repo.Update(ctx, "u", scoreOf.Clear()))
		require.Equal(t, map[string]string{"_": ""}, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, repo.Update(ctx, "cleared", scoreOf.Clear()))
		require.Equal(t, map[string]string{"_": ""}, pooltest.Hash(t, p, pool.User, key+"cleared"))
		require.NoError(t, repo.Update(ctx, "u", nameOf.Set("x")))
		require.Equal(t, map[string]string{"name": "x"}, pooltest.Hash(t, p, pool.User, key+"u"))
	})
}

// Append does not change the bytes of the stored elements.
func TestAppendKeepsStoredBytes(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "tags", `[ "a" , {"not":"T's"}, 1.50 ]`).Error())
		require.NoError(t, repo.Update(ctx, "u", tagsOf.Append("b"), tagsOf.Append("c")))
		require.Equal(t, map[string]string{"tags": `[ "a" , {"not":"T's"}, 1.50 ,"b","c"]`}, pooltest.Hash(t, p, pool.User, key+"u"))
	})
}

// If Merge cannot decode the record, its error reports that the patches may
// have been applied.
func TestMergeOfACorruptRecord(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Profile](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "score", "x").Error())
		got, err := repo.Merge(ctx, "u", nameOf.Set("a"))
		var op *symphony.OpError
		require.ErrorAs(t, err, &op)
		require.Equal(t, "score", op.Field)
		require.True(t, op.MaybeApplied())
		require.Zero(t, got)
		require.Equal(t, "a", pooltest.Hash(t, p, pool.User, key+"u")["name"])
	})
}

func TestPatchesOfMapRecords(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[map[string]any](t, p)
		at := hashrepo.At[map[string]any]
		got, err := repo.Merge(ctx, "m", at("a").Set(1), at("b").Set("x"), at("c").Set(nil))
		require.NoError(t, err)
		require.Equal(t, map[string]any{"a": int64(1), "b": "x"}, got)
		sum, err := repo.IncrementField(ctx, "m", "a", 2)
		require.NoError(t, err)
		require.EqualValues(t, 3, sum)
		require.NoError(t, repo.AppendToList(ctx, "m", "list", 1, "x"))
		require.Equal(t, map[string]string{"a": "3", "b": "x", "list": `[1,"x"]`}, pooltest.Hash(t, p, pool.User, key+"m"))
		value, err := at("a").Get(ctx, repo, "m")
		require.NoError(t, err)
		require.Equal(t, int64(3), value)

		texts, key := newRepo[map[string]string](t, p)
		require.NoError(t, texts.Update(ctx, "m", hashrepo.At[map[string]string]("a").Set("1"), hashrepo.Stamp[map[string]string]("at", time.Unix(0, 0))))
		require.Equal(t, map[string]string{"a": "1", "at": "1970-01-01T00:00:00Z"}, pooltest.Hash(t, p, pool.User, key+"m"))
		require.NoError(t, texts.Upsert(ctx, "m", map[string]string{"": "x"}))
		require.NoError(t, texts.Replace(ctx, "m", map[string]string{"b": "2"}))
		require.Equal(t, map[string]string{"b": "2"}, pooltest.Hash(t, p, pool.User, key+"m"))
		pooltest.RequireNothingSent(t, p, symphony.ErrUnknownField, func() error { return texts.Update(ctx, "m", hashrepo.At[map[string]string]("_").Set("1")) })
	})
}

func TestIncrementReturnsTheSum(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			repo, _ := newRepo[Profile](t, p, hashrepo.Codec(c))
			users := struct{ *hashrepo.HashRepo[Profile] }{repo}
			sum, err := scoreOf.Increment(ctx, users, "u", math.MaxInt64)
			require.NoError(t, err)
			require.Equal(t, int64(math.MaxInt64), sum)
			lvl, err := levelOf.Increment(ctx, users, "u", -3)
			require.NoError(t, err)
			require.Equal(t, Level(-3), lvl)
			wait, err := quietOf.Increment(ctx, users, "u", time.Second)
			require.NoError(t, err)
			require.Equal(t, time.Second, wait)
			held, err := scoreOf.Get(ctx, users, "u")
			require.NoError(t, err)
			require.Equal(t, sum, held)
			_, err = nameOf.Get(ctx, users, "gone")
			require.ErrorIs(t, err, symphony.ErrNotFound)
			list, err := tagsOf.Get(ctx, users, "u")
			require.NoError(t, err)
			require.Nil(t, list)
		}
	})
}

// testFieldTTL tests Field.TTL on a server that has lifetimes of fields.
func testFieldTTL(t *testing.T, p *pool.Pools) {
	repo, key := newRepo[Profile](t, p)
	_, err := nameOf.TTL(ctx, repo, "f")
	require.ErrorIs(t, err, symphony.ErrNotFound)
	require.NoError(t, repo.Update(ctx, "f", nameOf.SetFor("x", time.Minute), scoreOf.Set(1)))
	left, err := nameOf.TTL(ctx, repo, "f")
	require.NoError(t, err)
	require.InDelta(t, time.Minute, left, float64(30*time.Second))
	left, err = scoreOf.TTL(ctx, repo, "f")
	require.NoError(t, err)
	require.Equal(t, hashrepo.NoExpiry, left)
	_, err = ownerOf.TTL(ctx, repo, "f")
	require.ErrorIs(t, err, symphony.ErrNotFound)
	_, err = hashrepo.At[Profile]("none").TTL(ctx, repo, "f")
	require.ErrorIs(t, err, symphony.ErrUnknownField)
	require.NoError(t, pooltest.Do(t, p, pool.User, "SET", key+"g", "x").Error())
	_, err = nameOf.TTL(ctx, repo, "g")
	require.ErrorIs(t, err, symphony.ErrWrongType)
	require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key+"f", key+"g").Error())
}

func TestFieldLifetimes(t *testing.T) {
	server := redistest.Server(t, "enable-debug-command yes")
	p := pooltest.Redis(t, pool.Config{URL: server.URL()})
	repo, key := newRepo[Profile](t, p)
	if !p.SupportsFieldTTL(pool.User) {
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { return repo.Update(ctx, "u", nameOf.SetFor("x", time.Minute)) })
		pooltest.RequireNothingSent(t, p, symphony.ErrUnsupported, func() error { _, err := nameOf.TTL(ctx, repo, "u"); return err })
		t.Skip("the server does not support lifetimes of fields")
	}
	testFieldTTL(t, p)
	left := func(field string) int64 {
		ms, err := pooltest.Do(t, p, pool.User, "HPTTL", key+"u", "FIELDS", "1", field).AsIntSlice()
		require.NoError(t, err)
		return ms[0]
	}
	require.ErrorIs(t, repo.Update(ctx, "u", nameOf.SetFor("x", time.Microsecond)), symphony.ErrInvalidTTL)
	require.NoError(t, repo.Update(ctx, "u", nameOf.SetFor("x", time.Minute), scoreOf.SetFor(1, time.Minute), tagsOf.SetFor([]string{"a"}, time.Minute)))
	require.NoError(t, repo.Update(ctx, "u", ownerOf.Set("o"), scoreOf.Add(1), tagsOf.Append("b")))
	_, err := repo.Mutate(ctx, "u", func(p *Profile) error { p.Ratio++; return nil })
	require.NoError(t, err)
	for _, field := range []string{"name", "score", "tags"} {
		require.InDelta(t, 60_000, left(field), 30_000, field)
	}
	require.NoError(t, repo.Update(ctx, "u", nameOf.Set("y"), scoreOf.Set(5), scoreOf.Add(1)))
	require.EqualValues(t, -1, left("name"))
	require.EqualValues(t, -1, left("score"))
	require.NoError(t, repo.Update(ctx, "u", scoreOf.SetFor(5, time.Minute), scoreOf.Add(1)))
	require.InDelta(t, 60_000, left("score"), 30_000)
	require.NoError(t, repo.Update(ctx, "u", nameOf.SetFor("short", 5*time.Millisecond)))
	require.Eventually(t, func() bool {
		_, held := pooltest.Hash(t, p, pool.User, key+"u")["name"]
		return !held
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, repo.Upsert(ctx, "u", Profile{Score: 1}))
	require.EqualValues(t, -1, left("score"))

	// An expired field that the server has not removed yet does not count as a
	// field.
	require.NoError(t, pooltest.Do(t, p, pool.User, "DEBUG", "SET-ACTIVE-EXPIRE", "0").Error())
	for name, empty := range map[string]func() error{
		"DeleteField": func() error { _, err := repo.DeleteField(ctx, "u", "owner"); return err },
		"Clear":       func() error { return repo.Update(ctx, "u", ownerOf.Clear()) },
		"Mutate":      func() error { _, err := repo.Mutate(ctx, "u", func(*Profile) error { return nil }); return err },
	} {
		require.NoError(t, pooltest.Do(t, p, pool.User, "DEL", key+"u").Error())
		require.NoError(t, repo.Update(ctx, "u", ownerOf.Set("o"), nameOf.SetFor("x", time.Millisecond)))
		require.Eventually(t, func() bool { return len(pooltest.Hash(t, p, pool.User, key+"u")) == 1 }, 10*time.Second, time.Millisecond)
		require.NoError(t, empty(), name)
		_, err := repo.Get(ctx, "u")
		require.NoError(t, err, name)
	}
	maps, key := newRepo[map[string]string](t, p)
	at := hashrepo.At[map[string]string]
	require.NoError(t, maps.Update(ctx, "u", at("a").SetFor("x", time.Millisecond)))
	require.Eventually(t, func() bool { return len(pooltest.Hash(t, p, pool.User, key+"u")) == 0 }, 10*time.Second, time.Millisecond)
	calls := 0
	_, err = maps.Mutate(ctx, "u", func(m *map[string]string) error { calls++; *m = map[string]string{"b": "1"}; return nil })
	require.NoError(t, err)
	require.Equal(t, 1, calls)
}

package hashrepo_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Indexed has an index over a field of every kind.
type Indexed struct {
	Flag    bool          `redis:"flag,index"`
	Small   int8          `redis:"small,index"`
	Count   int64         `redis:"count,index"`
	Big     uint64        `redis:"big,index"`
	Ratio   float64       `redis:"ratio,index"`
	Half    float32       `redis:"half,index"`
	Name    string        `redis:"name,unique"`
	Kind    Hue           `redis:"kind,index"`
	Level   Level         `redis:"level,index"`
	At      time.Time     `redis:"at,index"`
	Quiet   time.Duration `redis:"quiet,index"`
	Nick    *string       `redis:"nick,unique"`
	Score   *int64        `redis:"score,index"`
	When    *time.Time    `redis:"when,index"`
	Tags    []string      `redis:"tags,index"`
	Numbers []int64       `redis:"numbers,index"`
	Moments []time.Time   `redis:"moments,index"`
	Codes   []string      `redis:"codes,unique"`
	Rank    int           `redis:"rank,index,omitzero"`
	Alias   string        `redis:"alias,unique,omitempty"`
	Odd     string        "redis:\"o:d=d {%}\\n\\u00e9,index\""
	Plain   string        `redis:"plain"`
}

// Hue is stored as text.
type Hue int

func (c Hue) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "hue %d", int(c)), nil }

func (c *Hue) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "hue %d", (*int)(c))
	return err
}

var (
	indexedCount   = hashrepo.NumberOf(func(v *Indexed) *int64 { return &v.Count })
	indexedBig     = hashrepo.NumberOf(func(v *Indexed) *uint64 { return &v.Big })
	indexedRatio   = hashrepo.NumberOf(func(v *Indexed) *float64 { return &v.Ratio })
	indexedHalf    = hashrepo.NumberOf(func(v *Indexed) *float32 { return &v.Half })
	indexedRank    = hashrepo.NumberOf(func(v *Indexed) *int { return &v.Rank })
	indexedName    = hashrepo.FieldOf(func(v *Indexed) *string { return &v.Name })
	indexedNick    = hashrepo.FieldOf(func(v *Indexed) **string { return &v.Nick })
	indexedTags    = hashrepo.ListOf(func(v *Indexed) *[]string { return &v.Tags })
	indexedNumbers = hashrepo.ListOf(func(v *Indexed) *[]int64 { return &v.Numbers })
	indexedCodes   = hashrepo.ListOf(func(v *Indexed) *[]string { return &v.Codes })
	indexedPlain   = hashrepo.FieldOf(func(v *Indexed) *string { return &v.Plain })
)

func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

func some[T any](r *rand.Rand, values ...T) (list []T) {
	for range r.IntN(4) {
		list = append(list, pick(r, values...))
	}
	return list
}

// drawIndexed returns a record with values of which many are equal. allFloats
// includes those that JSON does not have.
func drawIndexed(r *rand.Rand, allFloats bool) Indexed {
	moments := []time.Time{
		{}, time.Unix(0, 0), time.Unix(1e9, 1), time.Unix(1e9, 1).In(time.FixedZone("", 3600)),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC),
	}
	texts := []string{"", "a", "b", "a\x00b", "\x01", "é", "a:1", "%41\r\n", "{}"}
	name := pick(r, texts...)
	if r.IntN(2) == 0 {
		name = fmt.Sprint(r.Uint64())
	}
	v := Indexed{
		Flag: r.IntN(2) == 0, Small: pick[int8](r, -128, -1, 0, 127), Name: name,
		Count: pick[int64](r, math.MinInt64, -1, 0, 1, 1<<53+1, math.MaxInt64), Big: pick[uint64](r, 0, 1, math.MaxInt64, math.MaxUint64),
		Ratio: pick(r, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 1e-310, 0.1, -2.5, 1e21, math.MaxFloat64),
		Half:  pick(r, float32(math.NaN()), float32(math.Inf(1)), 0, 0.1, -3),
		Kind:  Hue(r.IntN(3)), Level: Level(r.IntN(3)), At: pick(r, moments...), Quiet: pick(r, 0, time.Second, -time.Hour),
		Tags: some(r, texts...), Numbers: some[int64](r, -5, 0, 7, math.MaxInt64), Moments: some(r, moments...),
		Rank: r.IntN(2), Odd: pick(r, texts...), Plain: pick(r, texts...),
	}
	if !allFloats && (math.IsNaN(v.Ratio) || math.IsInf(v.Ratio, 0)) {
		v.Ratio = 1
	}
	if h := float64(v.Half); !allFloats && (math.IsNaN(h) || math.IsInf(h, 0)) {
		v.Half = 1
	}
	if r.IntN(3) == 0 {
		v.Nick, v.Score, v.When = new(pick(r, texts...)), new(r.Int64N(3)), new(pick(r, moments...))
	}
	if r.IntN(4) == 0 {
		v.Codes, v.Alias = some(r, texts...), pick(r, texts...)
	}
	return v
}

// After every write, the list and the indexes hold what the records say. A
// write that is refused changes nothing, and the record that its error names
// has the unique value.
func TestEveryWriteKeepsTheIndexes(t *testing.T) {
	pooltest.Long(t)
	ids := []string{"u1", "u2", "u3", "a:b", "%41", "new\nline", "é", "é:ü", "+ "}
	pooltest.EachByTenant(t, func(t *testing.T, p *pool.Pools) {
		for _, c := range codecs {
			t.Run(c.Name(), func(t *testing.T) {
				seed := rand.Uint64()
				t.Logf("seed %d", seed)
				r := rand.New(rand.NewPCG(seed, 0))
				s, err := p.Layout().User.Bind(pooltest.UniqueTenant())
				require.NoError(t, err)
				repo, err := hashrepo.New[Indexed](p, pool.User, s, hashrepo.Codec(c))
				require.NoError(t, err)
				refused := 0
				for step := range 150 {
					id := pick(r, ids...)
					key, err := s.Key(id)
					require.NoError(t, err)
					before := pooltest.Hash(t, p, pool.User, key)
					method, err := writeIndexed(r, withRandomOption(r, repo), id, c != codec.JSON)
					requireIndexes[Indexed](t, p, s, c, "step %d: %s of %q: %v", step, method, id, err)
					if err == nil {
						continue
					}
					refused++
					requireRefusal(t, err)
					if method == "UpsertMany" || method == "Delete" {
						continue // other records may be changed
					}
					var op *symphony.OpError
					require.ErrorAs(t, err, &op)
					require.False(t, op.MaybeApplied(), err)
					if after := pooltest.Hash(t, p, pool.User, key); len(after) > 0 {
						require.Equal(t, before, after, "%s was refused: %v", method, err)
					}
				}
				require.NotZero(t, refused)
			})
		}
	})
}

// requireRefusal requires that err is one that random writes may return.
func requireRefusal(t *testing.T, err error) {
	t.Helper()
	known := errors.Is(err, symphony.ErrExists) || errors.Is(err, symphony.ErrNotFound) || errors.Is(err, symphony.ErrOverflow)
	require.True(t, known || errors.Is(err, symphony.ErrUnsupported), err) // IfAbsent of Delete and Touch
}

// withRandomOption returns a view of a repository.
func withRandomOption[T any](r *rand.Rand, repo *hashrepo.HashRepo[T]) *hashrepo.HashRepo[T] {
	switch r.IntN(12) {
	case 0:
		return repo.With(hashrepo.KeepTTL())
	case 1:
		return repo.With(hashrepo.NoTTL())
	case 2:
		return repo.With(hashrepo.TTL(time.Hour))
	case 3, 4:
		return repo.With(hashrepo.TTL(time.Millisecond))
	case 5:
		return repo.With(hashrepo.IfExists())
	case 6:
		return repo.With(hashrepo.IfAbsent())
	}
	return repo
}

// writeIndexed writes a record with a random method, whose name it returns.
func writeIndexed(r *rand.Rand, repo *hashrepo.HashRepo[Indexed], id string, allFloats bool) (string, error) {
	v := drawIndexed(r, allFloats)
	switch r.IntN(16) {
	case 0, 1, 2:
		return "Upsert", repo.Upsert(ctx, id, v)
	case 3:
		return "UpsertMany", repo.UpsertMany(ctx, record(id, v), record("u1", drawIndexed(r, allFloats)), record("new", drawIndexed(r, allFloats)))
	case 4:
		return "Replace", repo.Replace(ctx, id, v)
	case 5:
		return "Update with Set", repo.Update(ctx, id, indexedName.Set(v.Name), indexedCount.Set(v.Count), indexedTags.Set(v.Tags))
	case 6:
		return "Update with Clear", repo.Update(ctx, id, indexedNick.Clear(), indexedCodes.Clear(), indexedRatio.Clear())
	case 7:
		return "Update with Add", repo.Update(ctx, id, indexedCount.Add(pick[int64](r, -3, 1, 1<<40)), indexedRatio.Add(v.Ratio), indexedHalf.Add(1), indexedRank.Add(-1))
	case 8:
		return "Update with Append", repo.Update(ctx, id, indexedTags.Append(v.Tags...), indexedNumbers.Append(v.Numbers...), indexedCodes.Append(v.Codes...))
	case 9:
		_, err := repo.Merge(ctx, id, indexedNick.Set(v.Nick), indexedBig.Add(1), indexedPlain.Set(v.Plain))
		return "Merge", err
	case 10:
		_, err := repo.Mutate(ctx, id, func(old *Indexed) error {
			kept := *old
			*old = v
			old.Name, old.Tags = kept.Name, slices.Concat(kept.Tags, v.Tags)
			return nil
		})
		return "Mutate", err
	case 11:
		if r.IntN(2) == 0 {
			return "UpdateField", repo.UpdateField(ctx, id, "plain", v.Plain)
		}
		return "UpdateField", repo.UpdateField(ctx, id, "nick", v.Nick)
	case 12:
		_, err := repo.IncrementField(ctx, id, "big", 7)
		return "IncrementField", err
	case 13:
		return "AppendToList", repo.AppendToList(ctx, id, "numbers", 1, 2)
	case 14:
		_, err := repo.With(hashrepo.KeepTTL()).DeleteField(ctx, id, "name", "score", "plain")
		return "DeleteField", err
	default:
		if r.IntN(2) == 0 {
			_, err := repo.With(hashrepo.TTL(time.Hour)).Touch(ctx, id)
			return "Touch", err
		}
		_, err := repo.With(hashrepo.TTL(time.Hour)).Delete(ctx, id, "none")
		return "Delete", err
	}
}

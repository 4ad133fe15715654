package hashrepo_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

type Numbers struct {
	I8   int8          `redis:"i8"`
	U8   uint8         `redis:"u8"`
	I32  int32         `redis:"i32"`
	I64  int64         `redis:"i64"`
	U64  uint64        `redis:"u64"`
	F32  float32       `redis:"f32"`
	F64  float64       `redis:"f64"`
	P    *int16        `redis:"p"`
	Wait time.Duration `redis:"wait"`
	List []int8        `redis:"list"`
}

var codecs = []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack}

// An increment up to the limit of a type is exact. An increment beyond it is
// refused and changes nothing.
func TestIncrementBounds(t *testing.T) {
	cases := []struct {
		field       string
		start       any
		by          int64
		want        int64
		beyond      int64
		readBack    any
		unsupported bool
	}{
		{field: "i8", start: int8(100), by: 27, want: 127, beyond: 1},
		{field: "i8", start: int8(-100), by: -28, want: -128, beyond: -1},
		{field: "u8", start: uint8(200), by: 55, want: 255, beyond: 1},
		{field: "u8", start: uint8(1), by: -1, want: 0, beyond: -1},
		{field: "i32", start: int32(math.MaxInt32 - 1), by: 1, want: math.MaxInt32, beyond: 1},
		{field: "i64", start: int64(math.MaxInt64 - 1), by: 1, want: math.MaxInt64, beyond: 1},
		{field: "i64", start: int64(math.MinInt64 + 1), by: -1, want: math.MinInt64, beyond: -1},
		{field: "i64", start: int64(1<<53 + 1), by: 1, want: 1<<53 + 2, beyond: math.MaxInt64},
		{field: "u64", start: uint64(math.MaxInt64 - 1), by: 1, want: math.MaxInt64, beyond: 1},
		{field: "u64", start: uint64(1), by: -1, want: 0, beyond: -1},
		{field: "p", start: int16(32766), by: 1, want: 32767, beyond: 1},
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, codec := range codecs {
			repo, _ := newRepo[Numbers](t, p, hashrepo.Codec(codec))
			for _, c := range cases {
				t.Run(fmt.Sprint(codec.Name(), "/", c.field, "/", c.want), func(t *testing.T) {
					require.NoError(t, repo.UpdateField(ctx, "u", c.field, c.start))
					got, err := repo.IncrementField(ctx, "u", c.field, c.by)
					require.NoError(t, err)
					require.Equal(t, c.want, got)
					_, err = repo.IncrementField(ctx, "u", c.field, c.beyond)
					require.ErrorIs(t, err, symphony.ErrOverflow)
					var after int64
					require.NoError(t, repo.GetField(ctx, "u", c.field, &after))
					require.Equal(t, c.want, after, "a refused increment changed the field")
					_, err = repo.Get(ctx, "u")
					require.NoError(t, err)
				})
			}
			_, err := repo.IncrementField(ctx, "new", "i8", 1000)
			require.ErrorIs(t, err, symphony.ErrOverflow)
			found, err := repo.Exists(ctx, "new")
			require.NoError(t, err)
			require.False(t, found, "a refused increment created a record")
			got, err := repo.IncrementField(ctx, "new", "p", 5)
			require.NoError(t, err)
			require.EqualValues(t, 5, got)
		}
	})
}

func TestIncrementOfCorruptField(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[Numbers](t, p)
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "i64", "1.5").Error())
		_, err := repo.IncrementField(ctx, "u", "i64", 1)
		require.ErrorIs(t, err, symphony.ErrFieldType)
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		require.Equal(t, "i64", bad.Field)
		require.Equal(t, map[string]string{"i64": "1.5"}, pooltest.Hash(t, p, pool.User, key+"u"))
	})
}

func TestConcurrentUpdatesLoseNothing(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, codec := range codecs {
			t.Run(codec.Name(), func(t *testing.T) {
				repo, _ := newRepo[Numbers](t, p, hashrepo.Codec(codec))
				const callers, each = 8, 10
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for range each {
							if _, err := repo.IncrementField(ctx, "u", "i64", 1); err != nil {
								t.Error(err)
							}
							if err := repo.AppendToList(ctx, "u", "list", 1, 2); err != nil {
								t.Error(err)
							}
						}
					})
				}
				wg.Wait()
				got, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.EqualValues(t, callers*each, got.I64)
				require.Len(t, got.List, 2*callers*each)
			})
		}
	})
}

func TestAppendToList(t *testing.T) {
	type Lists struct {
		Strings []string   `redis:"strings"`
		Bools   []bool     `redis:"bools"`
		Structs []Address  `redis:"structs"`
		Any     []any      `redis:"any"`
		Nested  [][]string `redis:"nested"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, codec := range codecs {
			t.Run(codec.Name(), func(t *testing.T) {
				repo, _ := newRepo[Lists](t, p, hashrepo.Codec(codec))
				require.NoError(t, repo.AppendToList(ctx, "u", "strings"))
				found, err := repo.Exists(ctx, "u")
				require.NoError(t, err)
				require.False(t, found, "an empty append created a record")
				for range 2 {
					require.NoError(t, repo.AppendToList(ctx, "u", "strings", `a"]`, ""))
					require.NoError(t, repo.AppendToList(ctx, "u", "bools", true))
					require.NoError(t, repo.AppendToList(ctx, "u", "structs", Address{"x", true}))
					require.NoError(t, repo.AppendToList(ctx, "u", "any", "x", nil))
					require.NoError(t, repo.AppendToList(ctx, "u", "nested", []string{"x"}, []string(nil)))
				}
				got, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, Lists{
					Strings: []string{`a"]`, "", `a"]`, ""},
					Bools:   []bool{true, true},
					Structs: []Address{{"x", true}, {"x", true}},
					Any:     []any{"x", nil, "x", nil},
					Nested:  [][]string{{"x"}, nil, {"x"}, nil},
				}, got)
				require.NoError(t, repo.UpdateField(ctx, "u", "strings", []string{}))
				require.NoError(t, repo.AppendToList(ctx, "u", "strings", "x"))
				got, err = repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, []string{"x"}, got.Strings)
			})
		}
		repo, key := newRepo[Lists](t, p)
		for _, text := range []string{`{"a":1}`, "x", "1", `"[]"`} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "strings", text).Error())
			require.ErrorIs(t, repo.AppendToList(ctx, "u", "strings", "x"), symphony.ErrFieldType)
			require.Equal(t, map[string]string{"strings": text}, pooltest.Hash(t, p, pool.User, key+"u"))
		}
		for stored, want := range map[string]string{" [ ] ": `["x"]`, `["a", "b"] `: `["a", "b","x"]`, "null": `["x"]`} {
			require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "strings", stored).Error())
			require.NoError(t, repo.AppendToList(ctx, "u", "strings", "x"))
			require.Equal(t, map[string]string{"strings": want}, pooltest.Hash(t, p, pool.User, key+"u"))
		}
	})
}

func TestFieldsByName(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		for _, codec := range codecs {
			t.Run(codec.Name(), func(t *testing.T) {
				repo, _ := newRepo[Profile](t, p, hashrepo.Codec(codec))
				nick := "nick"
				for field, value := range map[string]any{
					"name": "1", "score": 7, "ratio": 2, "active": true, "level": int8(3), "tags": []string{"a"}, "nick": "nick",
					"address": Address{Street: "x"}, "labels": map[string]int{"a": 1}, "quiet": time.Hour, "owner": "o", "raw": []byte("r"),
				} {
					require.NoError(t, repo.UpdateField(ctx, "u", field, value), field)
				}
				got, err := repo.Get(ctx, "u")
				require.NoError(t, err)
				require.Equal(t, Profile{
					Base: Base{"o"}, Name: "1", Score: 7, Ratio: 2, Active: true, Level: 3, Tags: []string{"a"}, Nick: &nick,
					Address: Address{Street: "x"}, Labels: map[string]int{"a": 1}, Quiet: time.Hour, Raw: []byte("r"),
				}, got)

				var wide float64
				require.NoError(t, repo.GetField(ctx, "u", "score", &wide))
				require.InDelta(t, 7, wide, 0)
				var open any
				require.NoError(t, repo.GetField(ctx, "u", "level", &open))
				require.Equal(t, Level(3), open)
				var pointer *string
				require.NoError(t, repo.GetField(ctx, "u", "nick", &pointer))
				require.Equal(t, &nick, pointer)
				var text string
				require.NoError(t, repo.GetField(ctx, "u", "nick", &text))
				require.Equal(t, nick, text)

				n, err := repo.DeleteField(ctx, "u", "nick", "tags", "any")
				require.NoError(t, err)
				require.EqualValues(t, 2, n)
				require.NoError(t, repo.GetField(ctx, "u", "nick", &pointer))
				require.Nil(t, pointer)
				labels := map[string]int{"old": 1}
				require.NoError(t, repo.UpdateField(ctx, "u", "labels", nil))
				require.NoError(t, repo.GetField(ctx, "u", "labels", &labels))
				require.Nil(t, labels)
			})
		}
	})
}

// Eq finds a zero value of a field with omitzero, whether it is absent or
// stored. It finds nil only if the field is absent.
func TestEqOfOmittedZero(t *testing.T) {
	type note struct {
		Count int64   `redis:"count,omitzero"`
		Text  string  `redis:"text,omitzero"`
		Raw   []byte  `redis:"raw,omitempty"`
		Title *string `redis:"title"`
	}
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[note](t, p)
		empty, title := "", "x"
		require.NoError(t, repo.Upsert(ctx, "absent", note{}))
		require.NoError(t, repo.Upsert(ctx, "other", note{1, "x", []byte("x"), &title}))
		require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"stored", "count", "0", "text", "", "raw", "", "title", "").Error())
		ids := func(cond hashrepo.Cond[note]) (ids []string) {
			for r, err := range repo.Find(ctx, cond) {
				require.NoError(t, err)
				ids = append(ids, r.ID)
			}
			return ids
		}
		at := hashrepo.At[note]
		require.ElementsMatch(t, []string{"absent", "stored"}, ids(at("count").Eq(0)))
		require.ElementsMatch(t, []string{"absent", "stored"}, ids(at("text").Eq("")))
		require.ElementsMatch(t, []string{"absent", "stored"}, ids(at("raw").Eq([]byte{})))
		require.Equal(t, []string{"absent"}, ids(at("title").Eq(nil)))
		require.Equal(t, []string{"stored"}, ids(at("title").Eq(&empty)))
		require.Equal(t, []string{"absent"}, ids(at("raw").Eq(nil)))
	})
}

// A value of a map[string]any that cannot be stored is refused before anything
// is sent. A nil pointer in it is absent.
func TestMapOfAnyValues(t *testing.T) {
	pooltest.Each(t, func(t *testing.T, p *pool.Pools) {
		repo, key := newRepo[map[string]any](t, p)
		pooltest.RequireNothingSent(t, p, symphony.ErrFieldType, func() error { return repo.UpdateField(ctx, "u", "a", make(chan int)) })
		pooltest.RequireNothingSent(t, p, symphony.ErrFieldType, func() error { return repo.GetField(ctx, "u", "a", new(chan int)) })
		require.NoError(t, repo.Upsert(ctx, "u", map[string]any{"a": (*int)(nil), "b": 1}))
		require.Equal(t, map[string]string{"b": "1"}, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, repo.UpdateField(ctx, "u", "b", (*int)(nil)))
		require.Equal(t, map[string]string{"_": ""}, pooltest.Hash(t, p, pool.User, key+"u"))
		require.NoError(t, repo.UpdateField(ctx, "u", "c", "x"))
		require.Equal(t, map[string]string{"c": "x"}, pooltest.Hash(t, p, pool.User, key+"u"))
	})
}

// A rewrite of a field returns the error of its context.
func TestRewriteEndsWithItsContext(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	repo, _ := newRepo[Numbers](t, p, hashrepo.Codec(codec.MsgPack))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := repo.IncrementField(ended, "u", "i64", 1)
	require.ErrorIs(t, err, context.Canceled)
}

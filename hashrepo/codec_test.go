package hashrepo_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// customCodec has state of any type.
type customCodec struct{ held any }

func (customCodec) Name() string                       { return "own" }
func (customCodec) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }
func (customCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// Repositories accept a codec that is not comparable.
func TestCodecThatIsNotComparable(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	for _, c := range []codec.Codec{customCodec{map[string]int{}}, customCodec{[]int{1}}, customCodec{1}, &customCodec{map[string]int{}}} {
		for _, opts := range [][]hashrepo.Option{{hashrepo.Codec(c)}, {hashrepo.Codec(c), hashrepo.Cached(time.Minute)}} {
			repo, _ := newRepo[Profile](t, p, opts...)
			require.NoError(t, repo.Upsert(ctx, "u", Profile{Name: "n"}))
			got, err := repo.With(hashrepo.KeepTTL()).Get(ctx, "u")
			require.NoError(t, err)
			require.Equal(t, "n", got.Name)
		}
		values, err := symphony.NewGeneric[string](p, pooltest.UniqueTenant(), symphony.Codec(c))
		require.NoError(t, err)
		require.NoError(t, values.Set(ctx, "k", "v"))
	}
}

// A codec can be collected when no repository uses it.
func TestCodecsAreCollected(t *testing.T) {
	p := pooltest.Redis(t, pool.Config{})
	require.Equal(t, codec.DefaultMaxDecoded, p.MaxDecodedBytes(), "plans with another limit are not shared")
	gone := func() weak.Pointer[customCodec] {
		c := &customCodec{strings.Repeat("x", 1000)}
		repo, _ := newRepo[Profile](t, p, hashrepo.Codec(c))
		require.NoError(t, repo.Upsert(ctx, "u", Profile{}))
		return weak.Make(c)
	}()
	runtime.GC()
	runtime.GC()
	require.Nil(t, gone.Value())
}

// A short text whose value needs much memory is refused by
// Config.MaxDecodedBytes. The error names the field.
func TestMaxDecodedBytes(t *testing.T) {
	type wide struct{ A, B, C, D, E, F, G, H string }
	type record struct {
		Name string
		List []wide
	}
	p := pooltest.Redis(t, pool.Config{MaxDecodedBytes: 1 << 20})
	repo, key := newRepo[record](t, p, hashrepo.Codec(codec.JSON))
	require.NoError(t, repo.Upsert(ctx, "u", record{Name: "n", List: []wide{{A: "a"}}}))
	got, err := repo.Get(ctx, "u")
	require.NoError(t, err)
	require.Equal(t, record{Name: "n", List: []wide{{A: "a"}}}, got)
	text := "[" + strings.Repeat("{},", 50_000) + "{}]"
	require.NoError(t, pooltest.Do(t, p, pool.User, "HSET", key+"u", "List", text).Error())
	_, err = repo.Get(ctx, "u")
	require.ErrorIs(t, err, symphony.ErrTooLarge)
	var bad *codec.DecodeError
	require.ErrorAs(t, err, &bad)
	require.ErrorContains(t, err, "List")
}

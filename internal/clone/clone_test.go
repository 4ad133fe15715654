package clone_test

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/clone"
)

type leaf struct {
	Name string
	Tags []string
}

type node struct {
	leaf
	ID    int64
	Next  *node
	Kids  []node
	Named map[string]*node
	Grid  [2][]int
	Any   any
	mu    sync.Mutex
	own   []byte
}

func copyOf[T any](t require.TestingT, v T) (T, bool) {
	var dst T
	ok := clone.Of(reflect.TypeFor[T]()).Copy(reflect.ValueOf(&dst).Elem(), reflect.ValueOf(&v).Elem())
	return dst, ok
}

// overwrite changes all memory that v refers to.
func overwrite(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			overwrite(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			overwrite(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			overwrite(v.Field(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			overwrite(v.MapIndex(k))
		}
		v.Clear()
	case reflect.String:
		if v.CanSet() {
			v.SetString("scribbled")
		}
	case reflect.Int, reflect.Int64:
		if v.CanSet() {
			v.SetInt(-99)
		}
	}
}

func nodes(depth int) *rapid.Generator[*node] {
	return rapid.Custom(func(t *rapid.T) *node {
		n := &node{ID: rapid.Int64().Draw(t, "id")}
		n.Name = rapid.String().Draw(t, "name")
		n.Tags = rapid.SliceOf(rapid.String()).Draw(t, "tags")
		n.Grid[1] = rapid.SliceOf(rapid.Int()).Draw(t, "grid")
		n.Any = rapid.SampledFrom([]any{nil, true, "s", int64(3), 1.5, []any{[]any{"x"}}, map[string]any{"k": []any{"v"}}, json.Number("7")}).Draw(t, "any")
		if depth > 0 && rapid.Bool().Draw(t, "deeper") {
			below := nodes(depth - 1)
			n.Next = below.Draw(t, "next")
			n.Kids = []node{{ID: 1, Next: below.Draw(t, "kid")}}
			n.Named = map[string]*node{"a": below.Draw(t, "named"), "nil": nil}
		}
		return n
	})
}

func TestCopyIsEqualAndSharesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := nodes(3).Draw(t, "value")
		first, ok := copyOf(t, v)
		require.True(t, ok)
		require.Equal(t, v, first)
		second, ok := copyOf(t, v)
		require.True(t, ok)
		overwrite(reflect.ValueOf(first))
		require.Equal(t, v, second, "a change of a copy changed the original")
	})
}

func TestNilAndEmptyDiffer(t *testing.T) {
	type both struct {
		A, B []int
		C, D map[string]int
	}
	got, ok := copyOf(t, both{B: []int{}, D: map[string]int{}})
	require.True(t, ok)
	require.Nil(t, got.A)
	require.NotNil(t, got.B)
	require.Nil(t, got.C)
	require.NotNil(t, got.D)
}

func TestCopiedSliceCannotGrowIntoTheOriginal(t *testing.T) {
	src := make([]int, 1, 8)
	got, ok := copyOf(t, src)
	require.True(t, ok)
	_ = append(got, 5)
	require.Zero(t, src[:2][1])
}

func TestShallow(t *testing.T) {
	for typ, flat := range map[reflect.Type]bool{
		reflect.TypeFor[string]():      true,
		reflect.TypeFor[time.Time]():   true,
		reflect.TypeFor[netip.Addr]():  true,
		reflect.TypeFor[codec.Value](): true,
		reflect.TypeFor[struct {
			A  string
			B  [3]time.Time
			mu sync.Mutex
		}](): true,
		reflect.TypeFor[[]byte]():               false,
		reflect.TypeFor[*int]():                 false,
		reflect.TypeFor[any]():                  false,
		reflect.TypeFor[struct{ big.Int }]():    false,
		reflect.TypeFor[[2]map[string]bool]():   false,
		reflect.TypeFor[struct{ own []byte }](): false,
	} {
		require.Equal(t, flat, clone.Of(typ).Shallow(), typ)
	}
}

func TestUnexportedMemoryIsRefused(t *testing.T) {
	_, ok := copyOf(t, *big.NewInt(5))
	require.False(t, ok)
	_, ok = copyOf(t, map[string]*big.Int{"n": big.NewInt(5)})
	require.False(t, ok)
	_, ok = copyOf(t, any([]any{node{own: []byte("x")}}))
	require.False(t, ok)
	_, ok = copyOf(t, struct{ C chan int }{make(chan int)})
	require.False(t, ok)

	zero, ok := copyOf(t, map[string]*big.Int{"n": new(big.Int), "nil": nil})
	require.True(t, ok, "zero values can be copied")
	require.Len(t, zero, 2)
}

func TestSizeCountsReferencedMemory(t *testing.T) {
	size := func(v any) int { return clone.Of(reflect.TypeOf(v)).Size(reflect.ValueOf(v)) }
	long := strings.Repeat("x", 5000)
	require.GreaterOrEqual(t, size(leaf{Name: long}), 5000)
	require.GreaterOrEqual(t, size(leaf{Tags: []string{long, long}}), 10000)
	require.GreaterOrEqual(t, size(map[string]any{long: []any{long}}), 10000)
	require.GreaterOrEqual(t, size(&node{Kids: []node{{leaf: leaf{Name: long}}}}), 5000)
	require.Less(t, size(struct{ A, B int64 }{}), 33)
}

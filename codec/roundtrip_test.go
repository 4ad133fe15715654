package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/codec"
)

// Every codec decodes every value of every supported type as an equal value,
// whatever the destination held before.
func TestEveryValueReadsBackEqual(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.Name(), func(t *testing.T) {
			for _, g := range append(wholeValues[:len(wholeValues):len(wholeValues)], pointersTo(everythings(2))) {
				typ := reflect.TypeOf(g.Example(0)).Elem()
				t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) {
					want := reflect.ValueOf(g.Draw(t, "value")).Elem()
					dirty := reflect.ValueOf(g.Draw(t, "before")).Elem()
					checkRoundTrip(t, c, want, dirty)
				}))
			}
		})
	}
}

func checkRoundTrip(t require.TestingT, c codec.Codec, want, dst reflect.Value) {
	typ, err := codec.For(c, want.Type())
	require.NoError(t, err)
	data, err := typ.Append([]byte("before"), want)
	if c == codec.JSON && err != nil && isNonFinite(err) {
		return
	}
	require.NoError(t, err)
	require.Equal(t, "before", string(data[:6]))
	data = data[6:]
	if text, ok := typ.Verbatim(want); ok {
		require.Equal(t, string(data), text)
	}
	again, err := typ.Append(nil, reflect.ValueOf(want.Interface()))
	require.NoError(t, err)
	require.Equal(t, string(data), string(again), "an unaddressable value has another encoding")
	require.NoError(t, typ.Decode(string(data), dst), "%q", data)
	require.True(t, equalValues(want, dst), "%q\nwant %#v\ngot  %#v", data, want, dst)
}

func isNonFinite(err error) bool {
	return err != nil && len(err.Error()) > 0 && strings.Contains(err.Error(), "JSON has no NaN or infinity")
}

// Compact decodes what JSON writes, except for whole values that are strings.
func TestCompactReadsWhatJSONWrites(t *testing.T) {
	for _, g := range wholeValues {
		typ := reflect.TypeOf(g.Example(0)).Elem()
		t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) {
			want := reflect.ValueOf(g.Draw(t, "value")).Elem()
			data, err := codec.JSON.Marshal(want.Addr().Interface())
			if isNonFinite(err) || data[0] == '"' {
				return
			}
			require.NoError(t, err)
			got := reflect.New(want.Type())
			require.NoError(t, codec.Compact.Unmarshal(data, got.Interface()), "%q", data)
			require.True(t, equalValues(want, got.Elem()), "%q", data)
		}))
	}
}

func TestUnmarshalReadsWhatMarshalWrote(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.Name(), rapid.MakeCheck(func(t *rapid.T) {
			want := everythings(1).Draw(t, "value")
			data, err := c.Marshal(want)
			if isNonFinite(err) {
				return
			}
			require.NoError(t, err)
			byPointer, err := c.Marshal(&want)
			require.NoError(t, err)
			require.Equal(t, data, byPointer)
			var got everything
			require.NoError(t, c.Unmarshal(data, &got))
			for i := range data {
				data[i] = 'x'
			}
			require.True(t, equalValues(reflect.ValueOf(want), reflect.ValueOf(got)))
		}))
	}
}

// Marshal follows a pointer to a type that can be nil, because the caller only
// uses it to pass the value.
func TestMarshalFollowsPointers(t *testing.T) {
	list := []string{"a"}
	table, anything := map[string]int{"a": 1}, any(list)
	for _, c := range codecs {
		for _, tc := range [][2]any{{&list, list}, {&table, table}, {&anything, list}, {new([]string), []string(nil)}} {
			got, err := c.Marshal(tc[0])
			require.NoError(t, err)
			want, err := c.Marshal(tc[1])
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
}

// A decoded value does not change if the caller changes the bytes afterwards.
func TestValueDoesNotShareTheBytes(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.Name(), func(t *testing.T) {
			for _, g := range append(wholeValues[:len(wholeValues):len(wholeValues)], pointersTo(everythings(2)), pointersTo(trees(2)), pointersTo(mixtures())) {
				typ := reflect.TypeOf(g.Example(0)).Elem()
				t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) {
					data, err := c.Marshal(g.Draw(t, "value"))
					if isNonFinite(err) {
						return
					}
					require.NoError(t, err)
					if c != codec.MsgPack && bytes.ContainsAny(data[:min(1, len(data))], "[{") && rapid.Bool().Draw(t, "large") {
						data = append(data, bytes.Repeat([]byte(" "), 8<<10)...) // takes the path for large values
					}
					want, got := reflect.New(typ), reflect.New(typ)
					require.NoError(t, c.Unmarshal(bytes.Clone(data), want.Interface()))
					require.NoError(t, c.Unmarshal(data, got.Interface()))
					for i := range data {
						data[i] = '#'
					}
					require.True(t, equalValues(want.Elem(), got.Elem()), "want %#v\ngot  %#v", want.Elem(), got.Elem())
				}))
			}
		})
	}
}

// mixtures generates slices of any that contain all sorts of texts.
func mixtures() *rapid.Generator[[]any] {
	number := json.Number("123456789012345678901234567890")
	return rapid.Custom(func(t *rapid.T) []any {
		return []any{texts().Draw(t, "text"), number, map[string]any{texts().Draw(t, "key"): []any{texts().Draw(t, "deep"), number}}}
	})
}

// If a member is repeated, the last value counts, and nothing of the first one
// remains.
func TestLastRepeatedMemberCounts(t *testing.T) {
	type inner struct {
		X, Y int
		List []int
		Next *inner
	}
	var got struct {
		A inner
		B int
		C map[string]int
	}
	const twice = `{"A":{"X":1,"Y":2,"List":[1,2],"Next":{"Y":5}},"B":1,"C":{"x":1},"A":{"Next":{"X":6},"X":3,"List":[4]},"C":null}`
	require.NoError(t, codec.Compact.Unmarshal([]byte(twice), &got))
	require.Equal(t, inner{X: 3, List: []int{4}, Next: &inner{X: 6}}, got.A)
	require.Equal(t, 1, got.B)
	require.Nil(t, got.C)
}

// Decoding a field does not change the fields beside it in memory, in whatever
// order the members are.
func TestFieldsAreIndependent(t *testing.T) {
	type widths struct {
		A, B int8
		C, D int16
		E, F int32
		G, H float32
		I, J bool
		K, L uint8
		M, N uint16
		O, P uint32
	}
	want := widths{-1, -2, -3, -4, -5, -6, -7, -8, true, true, 11, 12, 13, 14, 15, 16}
	v, typ := reflect.ValueOf(&want).Elem(), reflect.TypeFor[widths]()
	var parts []string
	for i := range typ.NumField() {
		data, err := codec.JSON.Marshal(v.Field(i).Interface())
		require.NoError(t, err)
		parts = append(parts, `"`+typ.Field(i).Name+`":`+string(data))
	}
	slices.Reverse(parts)
	var got widths
	require.NoError(t, codec.Compact.Unmarshal([]byte("{"+strings.Join(parts, ", ")+"}"), &got))
	require.Equal(t, want, got)
}

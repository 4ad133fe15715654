package codec_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/symphony-go/symphony/codec"
)

// Other programs find the values of MsgPack under the stored names.
func TestMsgPackIsReadByOthers(t *testing.T) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC)
	data, err := codec.MsgPack.Marshal(struct {
		Name string `redis:"name"`
		address
		At    time.Time
		Wait  time.Duration
		Bytes []byte
		Left  int `redis:",omitzero"`
	}{"a", address{"s", true, nil}, at, time.Second, []byte("x"), 0})
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, msgpack.Unmarshal(data, &got))
	require.True(t, at.Equal(got["At"].(time.Time)))
	delete(got, "At")
	require.EqualValues(t, time.Second, got["Wait"])
	delete(got, "Wait")
	require.Equal(t, map[string]any{"name": "a", "street": "s", "primary": true, "zip": nil, "Bytes": []byte("x")}, got)
}

func TestMsgPackReadsOtherWriters(t *testing.T) {
	for _, tc := range []struct {
		line string
		in   any
		want any
	}{
		{line(), uint64(5), 5},
		{line(), uint64(5), uint8(5)},
		{line(), int8(5), uint64(5)},
		{line(), int64(7), 7.0},
		{line(), float32(0.5), 0.5},
		{line(), 0.5, float32(0.5)},
		{line(), math.Inf(1), float32(math.Inf(1))},
		{line(), []byte("x"), "x"},
		{line(), "x", []byte("x")},
		{line(), 5, json.Number("5")},
		{line(), uint64(math.MaxUint64), json.Number("18446744073709551615")},
		{line(), 1.5, json.Number("1.5")},
		{line(), "2024-05-06T07:08:09", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)},
		{line(), map[any]any{1: "x"}, map[int]string{1: "x"}},
		{line(), map[any]any{true: "x"}, map[bool]string{true: "x"}},
		{line(), map[any]any{uint64(math.MaxUint64): "x"}, map[uint64]string{math.MaxUint64: "x"}},
		{line(), map[string]any{"street": "s", "new": []any{1, nil, "x"}}, address{Street: "s"}},
		{line(), map[any]any{5: uint64(math.MaxUint64)}, map[string]any{"5": json.Number("18446744073709551615")}},
		{line(), []any{int8(1), uint64(2), "s", []byte("b"), nil, true, 2.5}, []any{int64(1), int64(2), "s", []byte("b"), nil, true, 2.5}},
	} {
		data, err := msgpack.Marshal(tc.in)
		require.NoError(t, err, tc.line)
		got := newPointerTo(tc.want)
		require.NoError(t, codec.MsgPack.Unmarshal(data, got), tc.line)
		require.Equal(t, tc.want, deref(got), tc.line)
	}
}

func TestMsgPackRefuses(t *testing.T) {
	for _, tc := range []struct {
		line string
		in   any
		dst  any
	}{
		{line(), 128, new(int8)},
		{line(), -1, new(uint)},
		{line(), 256, new(uint8)},
		{line(), uint64(math.MaxUint64), new(int64)},
		{line(), 1.0, new(int)},
		{line(), 1e39, new(float32)},
		{line(), "1", new(int)},
		{line(), "1", new(float64)},
		{line(), 1, new(bool)},
		{line(), nil, new(int)},
		{line(), nil, new(string)},
		{line(), 5, new(string)},
		{line(), "x", new(json.Number)},
		{line(), math.NaN(), new(json.Number)},
		{line(), "soon", new(time.Time)},
		{line(), 5, new(time.Time)},
		{line(), "x", new(point)},
		{line(), "[1", new(json.RawMessage)},
		{line(), []int{1}, new([2]int)},
		{line(), []int{1}, new(address)},
		{line(), map[string]int{"a": 1}, new([]int)},
		{line(), map[float64]int{1: 1}, new(map[string]int)},
		{line(), map[string]string{"a": ""}, new(map[string]int)},
	} {
		data, err := msgpack.Marshal(tc.in)
		require.NoError(t, err, tc.line)
		var bad *codec.DecodeError
		require.ErrorAs(t, codec.MsgPack.Unmarshal(data, tc.dst), &bad, tc.line)
	}
	var bad *codec.DecodeError
	for _, data := range []string{"", "\xc1", "\xa5abc", "\x01\x01", "\xdd\xff\xff\xff\xff", "\xdf\x7f\xff\xff\xff", "\xdb\xff\xff\xff\xffabc", "\xc6\xff\xff\xff\xff", "\xd9", "\xd7\x05abcdefgh"} {
		require.ErrorAs(t, codec.MsgPack.Unmarshal([]byte(data), new(any)), &bad, "%q", data)
	}
}

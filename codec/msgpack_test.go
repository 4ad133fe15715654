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

// Other programs read what MsgPack writes by the stored names.
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

func TestMsgPackReadsWhatOthersWrite(t *testing.T) {
	for _, tc := range []struct {
		where string
		in    any
		want  any
	}{
		{where(), uint64(5), 5},
		{where(), uint64(5), uint8(5)},
		{where(), int8(5), uint64(5)},
		{where(), int64(7), 7.0},
		{where(), float32(0.5), 0.5},
		{where(), 0.5, float32(0.5)},
		{where(), math.Inf(1), float32(math.Inf(1))},
		{where(), []byte("x"), "x"},
		{where(), "x", []byte("x")},
		{where(), 5, json.Number("5")},
		{where(), uint64(math.MaxUint64), json.Number("18446744073709551615")},
		{where(), 1.5, json.Number("1.5")},
		{where(), "2024-05-06T07:08:09", time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)},
		{where(), map[any]any{1: "x"}, map[int]string{1: "x"}},
		{where(), map[any]any{true: "x"}, map[bool]string{true: "x"}},
		{where(), map[any]any{uint64(math.MaxUint64): "x"}, map[uint64]string{math.MaxUint64: "x"}},
		{where(), map[string]any{"street": "s", "new": []any{1, nil, "x"}}, address{Street: "s"}},
		{where(), map[any]any{5: uint64(math.MaxUint64)}, map[string]any{"5": json.Number("18446744073709551615")}},
		{where(), []any{int8(1), uint64(2), "s", []byte("b"), nil, true, 2.5}, []any{int64(1), int64(2), "s", []byte("b"), nil, true, 2.5}},
	} {
		data, err := msgpack.Marshal(tc.in)
		require.NoError(t, err, tc.where)
		got := newOf(tc.want)
		require.NoError(t, codec.MsgPack.Unmarshal(data, got), tc.where)
		require.Equal(t, tc.want, elem(got), tc.where)
	}
}

func TestMsgPackRefuses(t *testing.T) {
	for _, tc := range []struct {
		where string
		in    any
		dst   any
	}{
		{where(), 128, new(int8)},
		{where(), -1, new(uint)},
		{where(), 256, new(uint8)},
		{where(), uint64(math.MaxUint64), new(int64)},
		{where(), 1.0, new(int)},
		{where(), 1e39, new(float32)},
		{where(), "1", new(int)},
		{where(), "1", new(float64)},
		{where(), 1, new(bool)},
		{where(), nil, new(int)},
		{where(), nil, new(string)},
		{where(), 5, new(string)},
		{where(), "x", new(json.Number)},
		{where(), math.NaN(), new(json.Number)},
		{where(), "soon", new(time.Time)},
		{where(), 5, new(time.Time)},
		{where(), "x", new(point)},
		{where(), "[1", new(json.RawMessage)},
		{where(), []int{1}, new([2]int)},
		{where(), []int{1}, new(address)},
		{where(), map[string]int{"a": 1}, new([]int)},
		{where(), map[float64]int{1: 1}, new(map[string]int)},
		{where(), map[string]string{"a": ""}, new(map[string]int)},
	} {
		data, err := msgpack.Marshal(tc.in)
		require.NoError(t, err, tc.where)
		var bad *codec.DecodeError
		require.ErrorAs(t, codec.MsgPack.Unmarshal(data, tc.dst), &bad, tc.where)
	}
	var bad *codec.DecodeError
	for _, data := range []string{"", "\xc1", "\xa5abc", "\x01\x01", "\xdd\xff\xff\xff\xff", "\xdf\x7f\xff\xff\xff", "\xdb\xff\xff\xff\xffabc", "\xc6\xff\xff\xff\xff", "\xd9", "\xd7\x05abcdefgh"} {
		require.ErrorAs(t, codec.MsgPack.Unmarshal([]byte(data), new(any)), &bad, "%q", data)
	}
}

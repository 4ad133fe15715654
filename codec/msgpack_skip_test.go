package codec_test

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/symphony-go/symphony/codec"
)

var posInf, negInf = math.Inf(1), math.Inf(-1)

// oneField has a single field.
type oneField struct {
	A int64 `redis:"a"`
}

// An unknown member is skipped, whatever the format of its value.
func TestMsgPackSkipsUnknownMembers(t *testing.T) {
	ext := func(n int) string { return strings.Repeat("x", n) }
	forms := []string{"\xd4\x01\x10", "\xd5\x01ab", "\xd6\x01abcd", "\xd7\x01" + ext(8), "\xd8\x01" + ext(16), "\xc7\x03\x01abc",
		"\xc7\x00\x05", "\xc8\x01\x00\x01" + ext(256), "\xc9\x00\x00\x00\x02\x01ab",
		"\xd6\xff\x00\x00\x00\x01", "\xd7\xff" + ext(8), "\xc7\x0c\xff" + ext(12),
		"\xc0", "\xc2", "\xca\x00\x00\x00\x00", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "\xc4\x01x", "\xda\x00\x01x", "\x7f", "\xff"}
	for _, form := range forms {
		for _, body := range []string{form, "\x92\x01" + form, "\x81\xa1k" + form, "\x81" + form + "\x01"} {
			var got oneField
			require.NoError(t, codec.MsgPack.Unmarshal([]byte("\x82\xa1x"+body+"\xa1a\x07"), &got), "%x", body)
			require.Equal(t, oneField{7}, got)
			for cut := 1; cut < len(body); cut++ {
				var bad *codec.DecodeError
				require.ErrorAs(t, codec.MsgPack.Unmarshal([]byte("\x81\xa1x"+body[:cut]), &got), &bad, "%x", body[:cut])
			}
		}
	}
	var bad *codec.DecodeError
	require.ErrorAs(t, codec.MsgPack.Unmarshal([]byte("\x81\xa1x\xd4\x01\x10"), new(any)), &bad)
	require.ErrorContains(t, bad, "extension")
	require.ErrorAs(t, codec.MsgPack.Unmarshal([]byte("\x81\xa1x\xc1"), new(oneField)), &bad)
	nested := "\x81\xa1x" + strings.Repeat("\x91", 20_000) + "\xc0"
	require.ErrorAs(t, codec.MsgPack.Unmarshal([]byte(nested), new(oneField)), &bad)
}

// Every value of the msgpack-test-suite, which several libraries share, is
// skipped.
func TestMsgPackSkipsTheTestSuite(t *testing.T) {
	data, err := os.ReadFile("../../shared/conformance/msgpack-test-suite.json")
	if err != nil {
		t.Skip("the test suite is not available")
	}
	var suite map[string][]struct{ Msgpack []string }
	require.NoError(t, json.Unmarshal(data, &suite))
	n := 0
	for name, cases := range suite {
		for _, c := range cases {
			for _, text := range c.Msgpack {
				value, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
				require.NoError(t, err)
				var got oneField
				require.NoError(t, codec.MsgPack.Unmarshal([]byte("\x82\xa1x"+string(value)+"\xa1a\x07"), &got), "%s %s", name, text)
				require.Equal(t, oneField{7}, got)
				n++
			}
		}
	}
	require.NotZero(t, n)
}

// A number that the type cannot represent exactly is an error.
func TestMsgPackNeverRounds(t *testing.T) {
	for _, tc := range []struct{ in, dst any }{
		{0.1, new(float32)}, {math.MaxFloat32 * 1.0000001, new(float32)}, {1e-60, new(float32)}, {16777217, new(float32)},
		{int64(1<<53 + 1), new(float64)}, {int64(math.MaxInt64), new(float64)}, {uint64(math.MaxUint64), new(float64)},
	} {
		data, err := msgpack.Marshal(tc.in)
		require.NoError(t, err)
		var bad *codec.DecodeError
		require.ErrorAs(t, codec.MsgPack.Unmarshal(data, tc.dst), &bad, "%v", tc.in)
	}
	for _, tc := range []struct{ in, want any }{
		{0.5, float32(0.5)}, {float64(float32(0.1)), float32(0.1)}, {1 << 24, float32(1 << 24)}, {int64(1 << 60), float64(1 << 60)},
		{uint64(1 << 63), float64(1 << 63)}, {posInf, float32(posInf)}, {int64(math.MinInt64), float64(math.MinInt64)},
	} {
		data, err := msgpack.Marshal(tc.in)
		require.NoError(t, err)
		got := newPointerTo(tc.want)
		require.NoError(t, codec.MsgPack.Unmarshal(data, got))
		require.Equal(t, tc.want, deref(got))
	}
}

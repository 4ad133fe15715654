package codec_test

import (
	"encoding/binary"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

type largeArray struct {
	N    int
	Text [1000]string
}

type Large struct {
	N    int
	Text [1000]string
}

type Outer struct{ *Large }

type recursive map[string]recursive

// A short text whose value takes much memory is refused before the memory is
// allocated, whatever the type.
func TestDecodingIsBounded(t *testing.T) {
	const n, room = 100_000, 4 << 20
	list := func(elem string) string { return "[" + strings.Repeat(elem+",", n) + elem + "]" }
	packed := func(elem string) string {
		return "\xdd" + string(binary.BigEndian.AppendUint32(nil, n)) + strings.Repeat(elem, n)
	}
	var table, packedTable strings.Builder
	packedTable.WriteString("\xdf" + string(binary.BigEndian.AppendUint32(nil, n)))
	for i := range n {
		table.WriteString(`,"` + big.NewInt(int64(i)).Text(36) + `":{}`)
		packedTable.WriteString("\xce" + string(binary.BigEndian.AppendUint32(nil, uint32(i))) + "\x80")
	}
	for _, tc := range []struct {
		c    codec.Codec
		text string
		typ  reflect.Type
	}{
		{codec.JSON, list("{}"), reflect.TypeFor[[]largeArray]()},
		{codec.Compact, list("{}"), reflect.TypeFor[[]*largeArray]()},
		{codec.JSON, list(`{"N":1}`), reflect.TypeFor[[]struct{ *Large }]()},
		{codec.JSON, list("[[]]"), reflect.TypeFor[[][][]largeArray]()},
		{codec.JSON, list("[]"), reflect.TypeFor[any]()},
		{codec.Compact, list("{}"), reflect.TypeFor[[]any]()},
		{codec.JSON, list("{}"), reflect.TypeFor[[]map[string]string]()},
		{codec.JSON, "{" + table.String()[1:] + "}", reflect.TypeFor[map[string]largeArray]()},
		{codec.JSON, "{" + table.String()[1:] + "}", reflect.TypeFor[map[string]any]()},
		{codec.MsgPack, packed("\x80"), reflect.TypeFor[[]largeArray]()},
		{codec.MsgPack, packed("\x80"), reflect.TypeFor[[]*largeArray]()},
		{codec.MsgPack, packed("\x81\xa1N\x01"), reflect.TypeFor[[]struct{ *Large }]()},
		{codec.MsgPack, packed("\x90"), reflect.TypeFor[any]()},
		{codec.MsgPack, packed("\x80"), reflect.TypeFor[[]any]()},
		{codec.MsgPack, packedTable.String(), reflect.TypeFor[map[int]largeArray]()},
		{codec.MsgPack, packedTable.String(), reflect.TypeFor[map[string]any]()},
		{codec.JSON, list(`{"N":1}`), reflect.TypeFor[[]struct{ *Outer }]()},
		{codec.MsgPack, packed("\x81\xa1N\x01"), reflect.TypeFor[[]struct{ *Outer }]()},
		{codec.MsgPack, strings.Repeat("\xde\x10\x00\xa1a", 9000) + strings.Repeat("\x80", 10_000), reflect.TypeFor[recursive]()},
		{codec.JSON, "[" + strings.Repeat(`{"":0},`, 10_500) + "{}]", reflect.TypeFor[any]()},
		{codec.JSON, "[" + strings.Repeat(`{"":0},`, 10_500) + "{}]", reflect.TypeFor[[]map[string]int]()},
		{codec.JSON, "[" + strings.Repeat(`{"":""},`, 10_500) + "{}]", reflect.TypeFor[[]map[string]string]()},
		{codec.MsgPack, "\xdc\x29\x04" + strings.Repeat("\x81\xa0\x00", 10_500), reflect.TypeFor[any]()},
		{codec.MsgPack, "\xdc\x2e\xe0" + strings.Repeat("\x81\xa0\xa0", 12_000), reflect.TypeFor[[]map[string]string]()},
		{codec.JSON, "[" + strings.Repeat(`"1e90000",`, 100) + "1]", reflect.TypeFor[[]big.Rat]()},
		{codec.MsgPack, "\xdc\x00\x64" + strings.Repeat("\xa71e90000", 100), reflect.TypeFor[[]*big.Rat]()},
		{codec.JSON, list("9"), reflect.TypeFor[[]big.Int]()},
		{reversedJSON{}, strings.Repeat("1", room+1), reflect.TypeFor[any]()},
		{codec.Compact, strings.Repeat("1", room+1), reflect.TypeFor[string]()},
	} {
		typ, err := codec.For(tc.c, tc.typ)
		require.NoError(t, err)
		dst := reflect.New(tc.typ).Elem()
		err = typ.WithMaxDecoded(room).Decode(tc.text, dst)
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad, "%s %s", tc.c.Name(), tc.typ)
		require.ErrorIs(t, err, codec.ErrTooLarge, "%s %s", tc.c.Name(), tc.typ)
		require.ErrorContains(t, err, "MaxDecodedBytes")
	}
	small := compile[[]largeArray](t, codec.JSON).WithMaxDecoded(room)
	var got []largeArray
	require.NoError(t, small.Decode(`[{"N":1},{"N":2}]`, reflect.ValueOf(&got).Elem()))
	require.Len(t, got, 2)
}

// Numbers of a million digits are neither encoded nor decoded, because that
// could take minutes.
func TestLongNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("it computes numbers of a million digits")
	}
	long := strings.Repeat("7", 1_000_000)
	for _, dst := range []any{new(big.Int), new(big.Rat), new(big.Float), &[]big.Int{}} {
		text := long
		if _, ok := dst.(*[]big.Int); ok {
			text = "[" + text + "]"
		}
		err := codec.Compact.Unmarshal([]byte(text), dst)
		require.ErrorIs(t, err, codec.ErrTooLarge, "%T", dst)
	}
	require.ErrorIs(t, codec.MsgPack.Unmarshal([]byte("\xdb\x00\x0f\x42\x40"+long), new(big.Int)), codec.ErrTooLarge)
	type amount struct{ big.Int }
	type rate struct{ *big.Rat }
	for _, tc := range []struct {
		text string
		dst  any
	}{
		{long, new(amount)}, {`{"Rat":"` + long + `"}`, new(rate)}, {"1e1000000", new(big.Rat)}, {"1e-1_000_000", new(big.Rat)},
		{"0x1p9999999", new(big.Rat)}, {"1E+99999999999999999999", new(big.Rat)},
	} {
		require.ErrorIs(t, codec.Compact.Unmarshal([]byte(tc.text), tc.dst), codec.ErrTooLarge, "%T", tc.dst)
	}
	far, _, err := big.ParseFloat("1e+1000000", 10, 64, big.ToNearestEven)
	require.NoError(t, err)
	var rat big.Rat
	require.NoError(t, codec.Compact.Unmarshal([]byte("1.5e3"), &rat))
	require.Equal(t, "1500/1", rat.String())
	huge := new(big.Int).Lsh(big.NewInt(1), 1_000_000)
	for _, c := range codecs {
		data, err := c.Marshal(far)
		require.NoError(t, err)
		var near big.Float
		require.NoError(t, c.Unmarshal(data, &near))
		require.Zero(t, far.Cmp(&near), c.Name())
		_, err = c.Marshal(huge)
		require.ErrorIs(t, err, codec.ErrTooLarge, c.Name())
		in := new(big.Int).Lsh(big.NewInt(1), 30_000)
		data, err = c.Marshal(in)
		require.NoError(t, err)
		var out big.Int
		require.NoError(t, c.Unmarshal(data, &out))
		require.Zero(t, in.Cmp(&out))
	}
}

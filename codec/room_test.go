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

type wide struct {
	N    int
	Text [1000]string
}

type Behind struct {
	N    int
	Text [1000]string
}

// A short text that reads into much memory is refused before it is allocated,
// whatever it is made of.
func TestReadsAreBounded(t *testing.T) {
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
		{codec.JSON, list("{}"), reflect.TypeFor[[]wide]()},
		{codec.Compact, list("{}"), reflect.TypeFor[[]*wide]()},
		{codec.JSON, list(`{"N":1}`), reflect.TypeFor[[]struct{ *Behind }]()},
		{codec.JSON, list("[[]]"), reflect.TypeFor[[][][]wide]()},
		{codec.JSON, list("[]"), reflect.TypeFor[any]()},
		{codec.Compact, list("{}"), reflect.TypeFor[[]any]()},
		{codec.JSON, list("{}"), reflect.TypeFor[[]map[string]string]()},
		{codec.JSON, "{" + table.String()[1:] + "}", reflect.TypeFor[map[string]wide]()},
		{codec.JSON, "{" + table.String()[1:] + "}", reflect.TypeFor[map[string]any]()},
		{codec.MsgPack, packed("\x80"), reflect.TypeFor[[]wide]()},
		{codec.MsgPack, packed("\x80"), reflect.TypeFor[[]*wide]()},
		{codec.MsgPack, packed("\x81\xa1N\x01"), reflect.TypeFor[[]struct{ *Behind }]()},
		{codec.MsgPack, packed("\x90"), reflect.TypeFor[any]()},
		{codec.MsgPack, packed("\x80"), reflect.TypeFor[[]any]()},
		{codec.MsgPack, packedTable.String(), reflect.TypeFor[map[int]wide]()},
		{codec.MsgPack, packedTable.String(), reflect.TypeFor[map[string]any]()},
		{reversed{}, strings.Repeat("1", room+1), reflect.TypeFor[any]()},
		{codec.Compact, strings.Repeat("1", room+1), reflect.TypeFor[string]()},
	} {
		typ, err := codec.For(tc.c, tc.typ)
		require.NoError(t, err)
		dst := reflect.New(tc.typ).Elem()
		err = typ.Within(room).Decode(tc.text, dst)
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad, "%s %s", tc.c.Name(), tc.typ)
		require.ErrorIs(t, err, codec.ErrTooLarge, "%s %s", tc.c.Name(), tc.typ)
		require.ErrorContains(t, err, "MaxDecodedBytes")
	}
	small := compile[[]wide](t, codec.JSON).Within(room)
	var got []wide
	require.NoError(t, small.Decode(`[{"N":1},{"N":2}]`, reflect.ValueOf(&got).Elem()))
	require.Len(t, got, 2)
}

// A number of a million digits takes no minute: it is neither written nor
// read.
func TestLongNumbers(t *testing.T) {
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
	huge := new(big.Int).Lsh(big.NewInt(1), 1_000_000)
	for _, c := range codecs {
		_, err := c.Marshal(huge)
		require.ErrorIs(t, err, codec.ErrTooLarge, c.Name())
		in := new(big.Int).Lsh(big.NewInt(1), 30_000)
		data, err := c.Marshal(in)
		require.NoError(t, err)
		var out big.Int
		require.NoError(t, c.Unmarshal(data, &out))
		require.Zero(t, in.Cmp(&out))
	}
}

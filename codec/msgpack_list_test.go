package codec_test

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// An extended list equals the encoding of both lists together. The test covers
// every length at which the header grows.
func TestExtend(t *testing.T) {
	texts := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = strconv.Itoa(i)
		}
		return list
	}
	typ, err := codec.For(codec.MsgPack, reflect.TypeFor[[]string]())
	require.NoError(t, err)
	for _, n := range []int{0, 1, 14, 15, 16, 65_534, 65_535, 65_536} {
		for _, m := range []int{0, 1, 2, 16} {
			held, err := codec.MsgPack.Marshal(texts(n))
			require.NoError(t, err)
			text, ok, err := typ.Extend(string(held), reflect.ValueOf(texts(m)))
			require.NoError(t, err)
			require.True(t, ok)
			want, err := codec.MsgPack.Marshal(append(texts(n), texts(m)...))
			require.NoError(t, err)
			require.Equal(t, string(want), text)
		}
	}
	text, ok, err := typ.Extend("\xc0", reflect.ValueOf(texts(1)))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "\x91\xa10", text)
	for _, bad := range []string{"", "\x01", "\x92\xa1x", "\xdc\x00", "\x91\x01"} {
		_, _, err := typ.Extend(bad, reflect.ValueOf(texts(1)))
		var misfit *codec.DecodeError
		require.ErrorAs(t, err, &misfit, "%q", bad)
	}
}

// The bytes of the stored elements stay as they are, with members that the type
// does not have.
func TestExtendKeepsUnknownMembers(t *testing.T) {
	type known struct{ A int }
	held, err := codec.MsgPack.Marshal([]struct{ A, B int }{{1, 2}})
	require.NoError(t, err)
	typ, err := codec.For(codec.MsgPack, reflect.TypeFor[[]known]())
	require.NoError(t, err)
	text, _, err := typ.Extend(string(held), reflect.ValueOf([]known{{5}}))
	require.NoError(t, err)
	var got []struct{ A, B int }
	require.NoError(t, codec.MsgPack.Unmarshal([]byte(text), &got))
	require.Equal(t, []struct{ A, B int }{{1, 2}, {5, 0}}, got)

	typ, err = codec.For(codec.JSON, reflect.TypeFor[[]known]())
	require.NoError(t, err)
	_, ok, err := typ.Extend("[]", reflect.ValueOf([]known{{5}}))
	require.NoError(t, err)
	require.False(t, ok)
}

package codec_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

func compile[T any](t *testing.T, c codec.Codec) *codec.Type {
	t.Helper()
	typ, err := codec.For(c, reflect.TypeFor[T]())
	require.NoError(t, err)
	return typ
}

func TestForCompilesOnce(t *testing.T) {
	var wg sync.WaitGroup
	got := make([]*codec.Type, 16)
	type fresh struct{ Self []*fresh }
	for i := range got {
		wg.Go(func() { got[i] = compile[fresh](t, codec.MsgPack) })
	}
	wg.Wait()
	for _, typ := range got {
		require.Same(t, got[0], typ)
	}
}

func TestTypeFacts(t *testing.T) {
	require.True(t, compile[int8](t, codec.Compact).DecimalInteger())
	require.True(t, compile[uint](t, codec.JSON).DecimalInteger())
	require.False(t, compile[int](t, codec.MsgPack).DecimalInteger())
	require.False(t, compile[time.Duration](t, codec.Compact).DecimalInteger())
	require.False(t, compile[float64](t, codec.Compact).DecimalInteger())

	require.True(t, compile[*int](t, codec.Compact).Nilable())
	require.True(t, compile[any](t, codec.MsgPack).Nilable())
	require.True(t, compile[json.RawMessage](t, codec.JSON).Nilable())
	require.True(t, compile[map[string]int](t, reversedJSON{}).Nilable())
	require.False(t, compile[string](t, codec.Compact).Nilable())
	require.False(t, compile[string](t, reversedJSON{}).Nilable())

	for _, typ := range []*codec.Type{compile[string](t, codec.JSON), compile[string](t, codec.MsgPack), compile[string](t, reversedJSON{})} {
		_, ok := typ.Verbatim(reflect.ValueOf("x"))
		require.False(t, ok)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if s, ok := compile[color](t, codec.Compact).Verbatim(reflect.ValueOf(color("red"))); !ok || s != "red" {
			t.Fail()
		}
	}))
}

func TestElementsJoinIntoTheList(t *testing.T) {
	list := []address{{Street: "a"}, {Street: "b", Primary: true}}
	for _, c := range []codec.Codec{codec.Compact, codec.JSON} {
		typ := compile[[]address](t, c)
		want, err := typ.Append(nil, reflect.ValueOf(list))
		require.NoError(t, err)
		elem, ok := typ.JSONList()
		require.True(t, ok)
		require.Equal(t, reflect.TypeFor[address](), elem.Type())
		got := []byte("[")
		for i, a := range list {
			if i > 0 {
				got = append(got, ',')
			}
			got, err = elem.Append(got, reflect.ValueOf(a))
			require.NoError(t, err)
		}
		require.Equal(t, string(want), string(got)+"]")
	}
	for _, typ := range []*codec.Type{compile[[]int](t, codec.MsgPack), compile[[2]int](t, codec.Compact), compile[[]byte](t, codec.Compact),
		compile[json.RawMessage](t, codec.JSON), compile[any](t, codec.Compact), compile[[]int](t, reversedJSON{})} {
		_, ok := typ.JSONList()
		require.False(t, ok)
	}
}

// Encoding and decoding numbers, bools and times does not allocate.
func TestScalarsDoNotAllocate(t *testing.T) {
	for _, v := range []any{new(int64), new(uint8), ptr(1234.5), new(bool), ptr(time.Now()), ptr(time.Hour), ptr(float32(1))} {
		dst := reflect.ValueOf(v).Elem()
		typ, err := codec.For(codec.Compact, dst.Type())
		require.NoError(t, err)
		buf, err := typ.Append(make([]byte, 0, 64), dst)
		require.NoError(t, err)
		text := string(buf)
		require.Zero(t, testing.AllocsPerRun(100, func() { buf, _ = typ.Append(buf[:0], dst) }), "write %s", dst.Type())
		require.Zero(t, testing.AllocsPerRun(100, func() { _ = typ.Decode(text, dst) }), "read %s", dst.Type())
	}
}

func TestBytesAreNotShared(t *testing.T) {
	data := []byte(`"eHg="`)
	var b []byte
	require.NoError(t, codec.JSON.Unmarshal(data, &b))
	var s []string
	list := []byte(`["abc"]`)
	require.NoError(t, codec.Compact.Unmarshal(list, &s))
	list[2] = 'X'
	require.Equal(t, []string{"abc"}, s)
	var raw json.RawMessage
	text := []byte(`[1]`)
	require.NoError(t, codec.JSON.Unmarshal(text, &raw))
	text[1] = '2'
	require.Equal(t, `[1]`, string(raw))
}

// reversedJSON is a codec that is not of this package. It writes JSON
// backwards.
type reversedJSON struct{ key []byte }

var errReversed = errors.New("cannot read secret")

func (reversedJSON) Name() string { return "reversed" }

func (reversedJSON) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	return reverse(data), err
}

func (reversedJSON) Unmarshal(data []byte, v any) error {
	if json.Unmarshal(reverse(data), v) != nil {
		return errReversed
	}
	return nil
}

func reverse(data []byte) []byte {
	out := make([]byte, 0, len(data))
	for i := range data {
		out = append(out, data[len(data)-1-i])
	}
	return out
}

func TestCustomCodec(t *testing.T) {
	c := reversedJSON{key: []byte("not comparable")}
	typ := compile[map[string]int](t, c)
	require.Equal(t, "reversed", typ.Codec().Name())
	data, err := typ.Append([]byte("x"), reflect.ValueOf(map[string]int{"a": 12}))
	require.NoError(t, err)
	require.Equal(t, `x}21:"a"{`, string(data))

	dst := map[string]int{"left": 1}
	require.NoError(t, typ.Decode(`}21:"a"{`, reflect.ValueOf(&dst).Elem()))
	require.Equal(t, map[string]int{"a": 12}, dst)

	err = typ.Decode("secret", reflect.ValueOf(&dst).Elem())
	var bad *codec.DecodeError
	require.ErrorAs(t, err, &bad)
	require.ErrorIs(t, err, errReversed)
	require.NotContains(t, err.Error(), "secret")

	_, err = compile[chan int](t, c).Append(nil, reflect.ValueOf(make(chan int)))
	require.Error(t, err)

	_, err = codec.For(nil, reflect.TypeFor[int]())
	require.Error(t, err)
	_, err = codec.For(codec.Compact, nil)
	require.ErrorIs(t, err, codec.ErrUnstorable)
}

func TestValue(t *testing.T) {
	for _, c := range append(codecs[:len(codecs):len(codecs)], reversedJSON{}) {
		typ := compile[codec.Value](t, c)
		require.False(t, typ.Nilable())
		in := codec.NewValue(c, []byte("5\xff"))
		text, ok := typ.Verbatim(reflect.ValueOf(in))
		data, err := typ.Append(nil, reflect.ValueOf(in))
		require.NoError(t, err)
		if ok {
			require.Equal(t, "5\xff", text)
		}
		require.Equal(t, "5\xff", string(data))
		var out codec.Value
		require.NoError(t, typ.Decode(string(data), reflect.ValueOf(&out).Elem()))
		require.Equal(t, in, out)

		data, err = c.Marshal("abc")
		require.NoError(t, err)
		require.Equal(t, "abc", codec.NewValue(c, data).String())
		data, err = c.Marshal(42)
		require.NoError(t, err)
		v := codec.NewValue(c, data)
		n, err := v.Int()
		require.NoError(t, err)
		require.Equal(t, int64(42), n)
		f, err := v.Float()
		require.NoError(t, err)
		require.Equal(t, 42.0, f)
		_, err = v.Bool()
		require.Error(t, err)
		require.Error(t, v.Decode(nil))
		var list []int
		require.Error(t, v.Decode(&list))
		v.Bytes()[0] = 'x'
		require.Equal(t, data, v.Bytes())
	}
	v := codec.Value{}
	require.Equal(t, codec.Compact, v.Codec())
	require.Empty(t, v.String())
	on, err := codec.NewValue(nil, []byte("True")).Bool()
	require.NoError(t, err)
	require.True(t, on)
	data, err := codec.Compact.Marshal(any(codec.NewValue(nil, []byte("x"))))
	require.NoError(t, err)
	require.Equal(t, "x", string(data))
}

package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/symphony-go/symphony/codec"
)

// binaryMoney marshals itself as bytes, with a value receiver. Its fields alone
// are not its whole state.
type binaryMoney struct {
	Currency string
	cents    int64
}

func (m binaryMoney) MarshalBinary() ([]byte, error) {
	return append([]byte(m.Currency), byte(m.cents)), nil
}

func (m *binaryMoney) UnmarshalBinary(data []byte) error {
	m.Currency, m.cents = string(data[:3]), int64(data[3])
	return nil
}

// gobMoney marshals itself for gob, with a pointer receiver.
type gobMoney struct {
	Currency string
	cents    int64
}

func (m *gobMoney) GobEncode() ([]byte, error) { return []byte{byte(m.cents)}, nil }

func (m *gobMoney) GobDecode(data []byte) error {
	m.cents = int64(data[0])
	return nil
}

// packedMoney marshals itself for MessagePack.
type packedMoney struct {
	Currency string
	cents    int64
}

func (m packedMoney) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeInt(m.cents) }

func (m *packedMoney) DecodeMsgpack(dec *msgpack.Decoder) (err error) {
	m.cents, err = dec.DecodeInt64()
	return err
}

// binaryOnly marshals itself, but cannot unmarshal itself.
type binaryOnly struct {
	Currency string
	cents    int64
}

func (m binaryOnly) MarshalBinary() ([]byte, error) { return []byte{byte(m.cents)}, nil }

// openMoney marshals itself for another program. All of its state is exported
// or excluded by a tag.
type openMoney struct {
	Currency string
	mu       sync.Mutex
	seen     int `redis:"-"`
}

func (m *openMoney) MarshalBinary() ([]byte, error) { return json.Marshal(m.Currency) }

// textMoney marshals all of its state as text too.
type textMoney struct {
	Currency string
	cents    int64
}

func (m textMoney) MarshalText() ([]byte, error) {
	return append([]byte(m.Currency), byte(m.cents)), nil
}

func (m *textMoney) UnmarshalText(data []byte) error {
	m.Currency, m.cents = string(data[:3]), int64(data[3])
	return nil
}
func (m textMoney) MarshalBinary() ([]byte, error)            { return m.MarshalText() }
func (m textMoney) EncodeMsgpack(enc *msgpack.Encoder) error  { return enc.EncodeInt(m.cents) }
func (m *textMoney) DecodeMsgpack(dec *msgpack.Decoder) error { return dec.Skip() }
func (m *textMoney) UnmarshalBinary(data []byte) (err error)  { return m.UnmarshalText(data) }

// packedOpen has methods for MessagePack and no unexported fields.
type packedOpen struct{ A, B int }

func (p packedOpen) EncodeMsgpack(enc *msgpack.Encoder) error { return enc.EncodeMulti(p.A, p.B) }

func (p *packedOpen) DecodeMsgpack(dec *msgpack.Decoder) error { return dec.DecodeMulti(&p.A, &p.B) }

// nestings returns t and types that contain it.
func nestings(t reflect.Type) []reflect.Type {
	holder := reflect.StructOf([]reflect.StructField{{Name: "Price", Type: t}})
	return []reflect.Type{t, reflect.PointerTo(t), reflect.SliceOf(t), reflect.SliceOf(reflect.PointerTo(t)),
		reflect.MapOf(reflect.TypeFor[string](), t), reflect.ArrayOf(2, t), holder, reflect.SliceOf(holder)}
}

// A type with unexported state that only methods for other formats encode is
// refused, however deeply it is nested.
func TestUnexportedStateIsRefused(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[binaryMoney](), reflect.TypeFor[gobMoney](), reflect.TypeFor[packedMoney](),
		reflect.TypeFor[binaryOnly]()} {
		for _, outer := range nestings(typ) {
			for _, c := range codecs {
				_, err := codec.For(c, outer)
				var bad *codec.SchemaError
				require.ErrorAs(t, err, &bad, "%s %s", c.Name(), outer)
				require.ErrorIs(t, err, codec.ErrUnstorable)
				require.Contains(t, err.Error(), "cents")
				require.Contains(t, err.Error(), "MarshalText")
			}
		}
		_, err := codec.MsgPack.Marshal(map[string]any{"a": reflect.New(typ).Elem().Interface()})
		var bad *codec.EncodeError
		require.ErrorAs(t, err, &bad)
	}
	for _, c := range codecs {
		_, err := codec.For(c, reflect.TypeFor[openMoney]())
		require.NoError(t, err)
		in := textMoney{"EUR", 125}
		data, err := c.Marshal(in)
		require.NoError(t, err)
		var out textMoney
		require.NoError(t, c.Unmarshal(data, &out))
		require.Equal(t, in, out, c.Name())
	}
}

// MsgPack refuses a type that has methods for MessagePack, because other
// programs expect the result of those methods and not the fields.
func TestMsgPackRefusesItsOwnMethods(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[packedOpen](), reflect.TypeFor[msgpack.RawMessage]()} {
		for _, outer := range nestings(typ) {
			_, err := codec.For(codec.MsgPack, outer)
			require.ErrorIs(t, err, codec.ErrUnstorable, "%s", outer)
			if typ.Kind() == reflect.Struct {
				require.ErrorContains(t, err, "EncodeMsgpack")
			}
		}
		_, err := codec.MsgPack.Marshal([]any{reflect.New(typ).Elem().Interface()})
		require.ErrorContains(t, err, "EncodeMsgpack")
	}
	in := packedOpen{1, 2}
	data, err := codec.JSON.Marshal(in)
	require.NoError(t, err)
	var out packedOpen
	require.NoError(t, codec.JSON.Unmarshal(data, &out))
	require.Equal(t, in, out)
}

// Tag options that have no meaning inside a value are refused, and the error
// names the path.
func TestTagOptionsInsideAValue(t *testing.T) {
	type text struct {
		N int64 `json:"n,string"`
	}
	type versioned struct {
		N int64 `redis:"n,version"`
	}
	for _, tc := range []struct {
		typ  reflect.Type
		want string
	}{
		{reflect.TypeFor[struct{ In text }](), "In.N"},
		{reflect.TypeFor[struct{ In []text }](), "In[].N"},
		{reflect.TypeFor[struct{ In *versioned }](), "In.N"},
		{reflect.TypeFor[map[string]versioned](), "*.N"},
	} {
		for _, c := range codecs {
			_, err := codec.For(c, tc.typ)
			require.ErrorIs(t, err, codec.ErrUnstorable, "%s", tc.typ)
			require.ErrorContains(t, err, tc.want)
		}
	}
	type named struct {
		N int64 `redis:"n" json:"n,string"`
	}
	_, err := codec.For(codec.JSON, reflect.TypeFor[named]())
	require.NoError(t, err)
}

// An outer field hides an embedded field of the same name.
func TestOuterFieldHidesEmbedded(t *testing.T) {
	type Base struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	type user struct {
		Base
		ID int `json:"id"`
	}
	in := user{Base{"", "n"}, 7}
	for _, c := range codecs {
		data, err := c.Marshal(in)
		require.NoError(t, err)
		var out user
		require.NoError(t, c.Unmarshal(data, &out))
		require.Equal(t, in, out)
		if c == codec.JSON {
			require.JSONEq(t, standardJSON(t, in), string(data))
		}
	}
}

// A float in an interface is decoded as a float, and an integer as an integer.
func TestFloatsInAnInterfaceStayFloats(t *testing.T) {
	in := []any{1.0, int64(1), -0.5, 1e21, 1e-9, map[string]any{"f": 2.0, "l": []any{3.0}}, nil}
	for _, c := range codecs {
		data, err := c.Marshal(in)
		require.NoError(t, err)
		var out []any
		require.NoError(t, c.Unmarshal(data, &out))
		require.Equal(t, in, out, "%s %s", c.Name(), data)
	}
	data, err := codec.JSON.Marshal([]float64{1})
	require.NoError(t, err)
	require.Equal(t, "[1]", string(data))
}

// Compact decodes the floats and bools that redigo, go-redis and rueidis/om
// write.
func TestFormatsOfOtherClients(t *testing.T) {
	for _, tc := range []struct {
		text string
		want any
	}{
		{"+Inf", posInf}, {"Inf", posInf}, {"+inf", posInf}, {"inf", posInf}, {"+Infinity", posInf}, {"-Inf", negInf},
		{"-inf", negInf}, {"t", true}, {"T", true}, {"TRUE", true}, {"f", false}, {"F", false}, {"FALSE", false},
	} {
		got := newPointerTo(tc.want)
		require.NoError(t, codec.Compact.Unmarshal([]byte(tc.text), got), tc.text)
		require.Equal(t, tc.want, deref(got), tc.text)
	}
	for _, bad := range []string{"tRUE", "yes", "infinite", "++Inf", "-nan"} {
		require.Error(t, codec.Compact.Unmarshal([]byte(bad), new(float64)), bad)
		require.Error(t, codec.Compact.Unmarshal([]byte(bad), new(bool)), bad)
	}
}

// Integer keys are MessagePack integers, so that other programs can decode
// them. Keys that are strings are decoded too.
func TestMsgPackMapKeys(t *testing.T) {
	for _, in := range []any{map[int]string{-5: "a", 300: "b"}, map[uint64]int{1 << 63: 1}, map[bool]int{true: 1, false: 2}, map[level]string{3: "c"}} {
		data, err := codec.MsgPack.Marshal(in)
		require.NoError(t, err)
		ours := newPointerTo(in)
		require.NoError(t, codec.MsgPack.Unmarshal(data, ours))
		require.Equal(t, in, deref(ours))
		theirs := newPointerTo(in)
		require.NoError(t, msgpack.Unmarshal(data, theirs), "%T", in)
		require.Equal(t, in, deref(theirs))
	}
	var got map[int]string
	require.NoError(t, codec.MsgPack.Unmarshal([]byte("\x81\xa2-5\xa1a"), &got))
	require.Equal(t, map[int]string{-5: "a"}, got)
	twice, err := codec.MsgPack.Marshal(map[int]string{1: "a", 2: "b", 10: "c"})
	require.NoError(t, err)
	again, err := codec.MsgPack.Marshal(map[int]string{10: "c", 2: "b", 1: "a"})
	require.NoError(t, err)
	require.True(t, bytes.Equal(twice, again))
}

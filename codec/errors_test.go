package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// A value that does not fit is a DecodeError with the path to it. The error
// contains the value only if its type is no secret.
func TestDecodeErrors(t *testing.T) {
	type inner struct {
		Zip  uint8          `redis:"zip"`
		Next *inner         `redis:"next"`
		Tags []string       `redis:"tags"`
		Map  map[string]int `redis:"map"`
		Keys map[level]int  `redis:"keys"`
	}
	shown := make(map[reflect.Type]bool)
	for _, v := range []any{false, 0, int8(0), int64(0), uint(0), uint8(0), uint64(0), float32(0), 0.0, time.Time{}, time.Duration(0), json.Number("")} {
		shown[reflect.TypeOf(v)] = true
	}
	for _, tc := range []struct {
		line  string
		dst   any
		raw   string
		field string
		typ   reflect.Type
	}{
		{line(), new(bool), "secret", "", reflect.TypeFor[bool]()},
		{line(), new(bool), "", "", nil},
		{line(), new(bool), "null", "", nil},
		{line(), new(int), "1.0", "", nil},
		{line(), new(int), "null", "", nil},
		{line(), new(int), "", "", nil},
		{line(), new(int), "-", "", nil},
		{line(), new(int), "007", "", nil},
		{line(), new(int), "+1", "", nil},
		{line(), new(int8), "128", "", nil},
		{line(), new(int8), "-129", "", nil},
		{line(), new(uint8), "256", "", nil},
		{line(), new(uint8), "-1", "", nil},
		{line(), new(int64), "9223372036854775808", "", nil},
		{line(), new(uint64), "18446744073709551616", "", nil},
		{line(), new(float64), "0x1p4", "", nil},
		{line(), new(float64), "1_0", "", nil},
		{line(), new(float64), "1e400", "", nil},
		{line(), new(float32), "1e39", "", nil},
		{line(), new(time.Time), "2024-02-30T00:00:00Z", "", nil},
		{line(), new(time.Time), "2024-05-06T24:00:00Z", "", nil},
		{line(), new(time.Time), "2024-05-06T07:08:09.0123456789Z", "", nil},
		{line(), new(time.Time), "0000-01-01T00:00:00+01:00", "", nil},
		{line(), new(time.Time), "2024-05-06T07:08:09+05:30.5", "", nil},
		{line(), new(time.Time), "2024-05-06T07:08:09+05:30:15.", "", nil},
		{line(), new(time.Time), "2024-05-06T07:08:09+05:30:15Z", "", nil},
		{line(), new(time.Time), "null", "", nil},
		{line(), new(time.Duration), "9223372036854775808", "", nil},
		{line(), new(time.Duration), "106752 days, 0:00:00", "", nil},
		{line(), new(time.Duration), "106751 days, 23:59:59", "", nil},
		{line(), new(time.Duration), "-106752 days, 0:00:00", "", nil},
		{line(), new(time.Duration), "soon", "", nil},
		{line(), new(point), "secret", "", nil},
		{line(), new(pair), `["secret"]`, "", nil},
		{line(), new(pair), `["secret"`, "", nil},
		{line(), new(json.Number), "secret", "", nil},
		{line(), new([]int), "", "", nil},
		{line(), new([]int), "[1,]", "[1]", nil},
		{line(), new([]int), "[1] 2", "", nil},
		{line(), new([]int), "[1", "", nil},
		{line(), new([]int), "{}", "", nil},
		{line(), new([]string), "[null]", "[0]", reflect.TypeFor[string]()},
		{line(), new([]string), "[\"\xff\"]", "[0]", nil},
		{line(), new([]string), `["\ud800"]`, "[0]", nil},
		{line(), new([]string), `["\ud800\u0041"]`, "[0]", nil},
		{line(), new([]string), `["\udc00\ud800"]`, "[0]", nil},
		{line(), new([]string), "[\"a\nb\"]", "[0]", nil},
		{line(), new([2]int), "[1]", "", nil},
		{line(), new([2]int), "[1,2,3]", "", nil},
		{line(), new([]float64), "[nan]", "[0]", nil},
		{line(), new([][]byte), `["!"]`, "[0]", nil},
		{line(), new(inner), "null", "", reflect.TypeFor[inner]()},
		{line(), new(inner), `{"zip": 300}`, "zip", reflect.TypeFor[uint8]()},
		{line(), new(inner), `{"next": {"next": {"zip": "secret"}}}`, "next.next.zip", reflect.TypeFor[uint8]()},
		{line(), new(inner), `{"tags": ["a", 5]}`, "tags[1]", reflect.TypeFor[string]()},
		{line(), new(inner), `{"map": {"secret": "secret"}}`, "map.*", reflect.TypeFor[int]()},
		{line(), new(inner), `{"keys": {"secret": 1}}`, "keys[key]", reflect.TypeFor[level]()},
		{line(), new(inner), `{"other": [1, "secret"}`, "", nil},
		{line(), new(inner), `{"zip" 1}`, "", nil},
		{line(), new(inner), `{zip: 1}`, "", nil},
		{line(), new(inner), `{"other": {"a" 1}}`, "", nil},
		{line(), new(inner), `{"other": {a: 1}}`, "", nil},
		{line(), new(inner), `{"other": "\ud800\x"}`, "", nil},
		{line(), new(inner), "{\"other\": \"\\ud800\xff\"}", "", nil},
		{line(), new(inner), `{"other": "\ud800`, "", nil},
		{line(), new(inner), `{"other": "\ud800\u00gg"}`, "", nil},
		{line(), new(map[string]string), `{"secret": null}`, "*", reflect.TypeFor[string]()},
		{line(), new(map[string]string), `{"secret": "a" "b"}`, "", nil},
		{line(), new(any), "\xff", "ok", nil},
		{line(), new(inner), `{"other": "\ud800\n\"\udc00\ud800"}`, "ok", nil},
	} {
		err := codec.Compact.Unmarshal([]byte(tc.raw), tc.dst)
		if tc.field == "ok" {
			require.NoError(t, err, tc.line)
			continue
		}
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad, tc.line)
		require.Equal(t, tc.field, bad.Field, tc.line)
		if tc.typ != nil {
			require.Equal(t, tc.typ, bad.Type, tc.line)
		}
		for e := err; e != nil && !shown[bad.Type]; e = errors.Unwrap(e) {
			require.NotContains(t, e.Error(), "secret", tc.line)
			if len(tc.raw) > 4 {
				require.NotContains(t, e.Error(), tc.raw, tc.line)
			}
		}
	}
}

type (
	pin     int
	balance float64
	consent bool
)

// An error shows the start of a value that is no secret by its type, and
// nothing of any other value.
func TestErrorsShowValuesByType(t *testing.T) {
	long := strings.Repeat("9", 30) + "äöü"
	for _, tc := range []struct {
		line string
		dst  any
		raw  string
		want string // "" if the value is a secret
	}{
		{line(), new(int), "12.5", `not an integer: "12.5"`},
		{line(), new(int), long, `not an integer: "` + long[:len(long)-len("ü")] + `"...`},
		{line(), new(int8), "300", `out of range: "300"`},
		{line(), new(uint), "-1", `out of range: "-1"`},
		{line(), new(float64), "1,5", `not a number: "1,5"`},
		{line(), new(bool), "yes\n\xff", `not a bool: "yes\n\xff"`},
		{line(), new(json.Number), "1,5", `not a number: "1,5"`},
		{line(), new(time.Duration), "soon", `not a duration of the form 1h30m0s: "soon"`},
		{line(), new(time.Time), "monday", `: "monday"`},
		{line(), new(*int), "12.5", `not an integer: "12.5"`},
		{line(), new([]int), `[1, "two"]`, `it is a JSON string: "two"`},
		{line(), new([]int), `[1, 300e9]`, `not an integer: "300e9"`},
		{line(), new(map[string]bool), `{"secret": 7}`, `not a bool: "7"`},
		{line(), new([]time.Time), `["monday"]`, `: "monday"`},
		{line(), new(map[int]int), `{"two": 1}`, `not an integer: "two"`},
		{line(), new([]float64), `[true]`, `it is a JSON bool: "true"`},

		{line(), new(pin), "secret", ""},
		{line(), new(balance), "secret", ""},
		{line(), new(consent), "secret", ""},
		{line(), new([]pin), `["secret"]`, ""},
		{line(), new([]string), `secret`, ""},
		{line(), new([]string), `"secret"`, ""},
		{line(), new([]int), `"secret"`, ""},
		{line(), new([]int), `[["secret"]]`, ""},
		{line(), new([]int), `[{"secret": "secret"}]`, ""},
		{line(), new([]int), `["secret]`, ""},
		{line(), new(map[pin]int), `{"secret": 1}`, ""},
		{line(), new([]byte), `null`, "no error"},
		{line(), new([][]byte), `["secret!"]`, ""},
		{line(), new(pair), "secret", ""},
		{line(), new(codec.Value), "secret", "no error"},
	} {
		err := codec.Compact.Unmarshal([]byte(tc.raw), tc.dst)
		if tc.want == "no error" {
			require.NoError(t, err, tc.line)
			continue
		}
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad, tc.line)
		if tc.want == "" {
			require.NotContains(t, err.Error(), "secret", tc.line)
			continue
		}
		require.Contains(t, err.Error(), tc.want, tc.line)
	}

	value := codec.NewValue(nil, []byte("secret"))
	_, err := value.Int()
	require.ErrorContains(t, err, "not an integer")
	require.NotContains(t, err.Error(), "secret")
	err = value.Decode(new(bool))
	require.ErrorContains(t, err, "not a bool")
	require.NotContains(t, err.Error(), "secret")
}

// The value in an error does not change when the caller reuses the bytes.
func TestErrorsKeepTheirValue(t *testing.T) {
	raw := []byte(`["` + strings.Repeat("9", 1<<20) + `"]`)
	err := codec.JSON.Unmarshal(raw, new([]int))
	text := err.Error()
	clear(raw)
	require.Equal(t, text, err.Error())
	require.Contains(t, text, `"999`)
}

func TestDecodeErrorIn(t *testing.T) {
	err := codec.JSON.Unmarshal([]byte(`[[1,"x"]]`), new([][]int))
	var bad *codec.DecodeError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "grid[0][1]", bad.In("grid").Field)
	require.Equal(t, "[0][1]", bad.Field)
	require.Equal(t, "score", (&codec.DecodeError{Type: bad.Type, Err: bad.Err}).In("score").Field)
	require.Equal(t, `field "address.zip": cannot decode stored value into int: it is a JSON string: "x"`,
		(&codec.DecodeError{Field: "zip", Type: bad.Type, Err: bad.Err}).In("address").Error())
}

func TestOnlyCompactReadsBareNaN(t *testing.T) {
	require.NoError(t, codec.Compact.Unmarshal([]byte("[NaN]"), new([]float64)))
	require.Error(t, codec.JSON.Unmarshal([]byte("[NaN]"), new([]float64)))
	require.Error(t, codec.JSON.Unmarshal([]byte("NaN"), new(any)))
	require.Error(t, codec.JSON.Unmarshal([]byte(`{"x":NaN}`), new(address)))
	require.NoError(t, codec.Compact.Unmarshal([]byte(`{"x":NaN}`), new(address)))
	require.Error(t, codec.Compact.Unmarshal([]byte("[NaN]"), new([]json.RawMessage)))
}

func TestNestingIsLimited(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, dst := range []any{new(tree), new([]any), new(json.RawMessage)} {
		require.NoError(t, codec.Compact.Unmarshal([]byte(deep(10000)), dst), "%T", dst)
		require.Error(t, codec.Compact.Unmarshal([]byte(deep(10001)), dst), "%T", dst)
	}
	require.Error(t, codec.Compact.Unmarshal([]byte(`{"x":`+deep(5e6)+`}`), new(address)))
	for range 20 { // a reader that failed is reused without its depth
		require.Error(t, codec.MsgPack.Unmarshal([]byte(strings.Repeat("\x91", 900)+"\x01"), new(tree)))
		require.NoError(t, codec.MsgPack.Unmarshal([]byte(strings.Repeat("\x91", 9000)+"\x90"), new(tree)))
	}
	packed := strings.Repeat("\x91", 10001) + "\x90"
	require.NoError(t, codec.MsgPack.Unmarshal([]byte(packed[2:]), new(tree)))
	require.Error(t, codec.MsgPack.Unmarshal([]byte(packed), new(tree)))
	require.Error(t, codec.MsgPack.Unmarshal([]byte("\x81\xa1x"+strings.Repeat("\x91", 5e6)), new(address)))
}

func TestValueThatContainsItself(t *testing.T) {
	loop := &everything{}
	loop.Self = loop
	list := []any{nil}
	list[0] = list
	for _, c := range codecs {
		for _, v := range []any{loop, list} {
			_, err := c.Marshal(v)
			var bad *codec.EncodeError
			require.ErrorAs(t, err, &bad, c.Name())
			require.Contains(t, bad.Err.Error(), "contains itself")
		}
	}
}

type nullText struct{ pair }

func (n *nullText) MarshalJSON() ([]byte, error) { return []byte("null"), nil }
func (n *nullText) UnmarshalJSON([]byte) error   { return nil }

func TestEncodeErrors(t *testing.T) {
	for _, tc := range []struct {
		line  string
		codec codec.Codec
		value any
		field string
	}{
		{line(), codec.Compact, address{Street: "\xff"}, "street"},
		{line(), codec.Compact, team{Members: []address{{}, {Zip: ptr("\xff")}}}, "members[1].zip"},
		{line(), codec.Compact, map[string]string{"\xff": ""}, ""},
		{line(), codec.Compact, map[string]string{"a": "\xff"}, "*"},
		{line(), codec.JSON, "\xff", ""},
		{line(), codec.JSON, []float64{math.NaN()}, "[0]"},
		{line(), codec.JSON, math.Inf(1), ""},
		{line(), codec.Compact, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{line(), codec.Compact, []time.Time{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}, "[0]"},
		{line(), codec.MsgPack, []time.Time{time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)}, "[0]"},
		{line(), codec.Compact, json.Number("x"), ""},
		{line(), codec.MsgPack, json.Number("x"), ""},
		{line(), codec.Compact, []json.RawMessage{json.RawMessage(`{`)}, "[0]"},
		{line(), codec.Compact, json.RawMessage(`null`), ""},
		{line(), codec.Compact, json.RawMessage(`[NaN]`), ""},
		{line(), codec.JSON, &nullText{}, ""},
		{line(), codec.MsgPack, []*nullText{{}}, "[0]"},
		{line(), codec.Compact, []any{make(chan int)}, "[0]"},
		{line(), codec.Compact, []any{codec.NewValue(nil, []byte("x"))}, "[0]"},
		{line(), codec.MsgPack, []any{codec.NewValue(nil, []byte("x"))}, "[0]"},
		{line(), codec.Compact, map[ambiguousKey]int{{"a", 1}: 1, {"a", 2}: 2}, ""},
	} {
		_, err := tc.codec.Marshal(tc.value)
		var bad *codec.EncodeError
		require.ErrorAs(t, err, &bad, tc.line)
		require.Equal(t, tc.field, bad.Field, tc.line)
		require.NotNil(t, bad.Type, tc.line)
	}
	data, err := codec.Compact.Marshal(nullText{})
	require.NoError(t, err)
	require.Equal(t, "null", string(data))
}

func TestEncodeErrorIn(t *testing.T) {
	_, err := codec.JSON.Marshal([]string{"\xff"})
	var bad *codec.EncodeError
	require.ErrorAs(t, err, &bad)
	require.ErrorIs(t, err, bad.Err)
	require.EqualError(t, bad, `field "[0]": cannot encode string: invalid UTF-8`)
	require.EqualError(t, bad.In("tags"), `field "tags[0]": cannot encode string: invalid UTF-8`)
	_, err = codec.JSON.Marshal("\xff")
	require.EqualError(t, err, "cannot encode string: invalid UTF-8")
}

// ambiguousKey is a key type of which two different keys can have the same
// text.
type ambiguousKey struct {
	name string
	n    int
}

func (t ambiguousKey) MarshalText() ([]byte, error)  { return []byte(t.name), nil }
func (t *ambiguousKey) UnmarshalText(b []byte) error { t.name = string(b); return nil }

type writeOnly struct{ X int }

func (writeOnly) MarshalText() ([]byte, error) { return nil, nil }

type readOnly struct{ X int }

func (*readOnly) UnmarshalJSON([]byte) error { return nil }

func TestTypesThatCannotBeStored(t *testing.T) {
	type Profile struct{ Done chan int }
	type Nested struct {
		List []map[string]Profile
	}
	type Closed struct{ x int }
	type Extra struct {
		More map[string]string `redis:",extra"`
	}
	for _, tc := range []struct {
		line string
		typ  reflect.Type
		text string
	}{
		{line(), reflect.TypeFor[Profile](), "Profile.Done: chan int cannot be stored; store a type with MarshalText and UnmarshalText instead, or exclude the field with `redis:\"-\"`"},
		{line(), reflect.TypeFor[Nested](), "Nested.List[].*.Done: chan int cannot be stored; store a type with MarshalText and UnmarshalText instead, or exclude the field with `redis:\"-\"`"},
		{line(), reflect.TypeFor[func()](), "func() cannot be stored"},
		{line(), reflect.TypeFor[complex128](), "complex128 cannot be stored"},
		{line(), reflect.TypeFor[**string](), "use *string"},
		{line(), reflect.TypeFor[*[]string](), "use []string"},
		{line(), reflect.TypeFor[*any](), "use interface {}"},
		{line(), reflect.TypeFor[*json.RawMessage](), "use json.RawMessage"},
		{line(), reflect.TypeFor[error](), "use any or a struct"},
		{line(), reflect.TypeFor[map[float64]int](), "a map key must be"},
		{line(), reflect.TypeFor[map[any]int](), "a map key must be"},
		{line(), reflect.TypeFor[Closed](), "has no fields that can be stored"},
		{line(), reflect.TypeFor[writeOnly](), "has MarshalText but no UnmarshalText"},
		{line(), reflect.TypeFor[readOnly](), "has UnmarshalJSON but no MarshalJSON"},
		{line(), reflect.TypeFor[Extra](), "Extra.More: the tag option extra is only for fields of the record"},
		{line(), reflect.TypeFor[struct {
			A int `redis:"a,was=b"`
		}](), "A: the tag option was is only for fields of the record"},
		{line(), reflect.TypeFor[[]codec.Value](), "cannot be a part of another"},
		{line(), reflect.TypeFor[struct {
			A int `redis:"x"`
			B int `json:"x"`
		}](), `fields A and B are both stored as "x"`},
	} {
		for _, c := range codecs {
			_, err := codec.For(c, tc.typ)
			require.ErrorIs(t, err, codec.ErrUnstorable, tc.line)
			require.Contains(t, err.Error(), tc.text, tc.line)
			_, err = c.Marshal(reflect.New(tc.typ).Elem().Interface())
			if tc.typ.Kind() != reflect.Interface {
				require.ErrorIs(t, err, codec.ErrUnstorable, tc.line)
			}
		}
	}
	_, err := codec.For(codec.Compact, reflect.TypeFor[Profile]())
	var bad *codec.SchemaError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "Nested.Inner.Done: "+bad.Reason, bad.In(reflect.TypeFor[Nested](), "Inner").Error())
}

func TestUnmarshalNeedsAPointer(t *testing.T) {
	for _, c := range codecs {
		require.ErrorContains(t, c.Unmarshal([]byte("1"), 5), "pass a non-nil pointer")
		require.ErrorContains(t, c.Unmarshal([]byte("1"), (*int)(nil)), "pass a non-nil pointer")
		require.ErrorContains(t, c.Unmarshal([]byte("1"), nil), "pass a non-nil pointer")
	}
	require.NotEmpty(t, fmt.Sprint(codec.ErrUnstorable))
}

// Short numbers inside JSON are decoded on a fast path. It refuses the same
// numbers as the slow path.
func TestNumbersInsideJSONAreExactOrRefused(t *testing.T) {
	for _, text := range []string{"18446744073709551616", "27670116110564327424", "99999999999999999999", "-9223372036854775809", "01", "-", "1.0", "1e2", "+1"} {
		require.Error(t, codec.Compact.Unmarshal([]byte("["+text+"]"), new([]int64)), text)
		require.Error(t, codec.Compact.Unmarshal([]byte("["+text+"]"), new([]uint64)), text)
	}
	for _, text := range []string{"1.", ".5", "-.5", "01.5", "00.5", "-", "1.5e", "1.2.3", "1..2", "--1", "1e400"} {
		require.Error(t, codec.Compact.Unmarshal([]byte("["+text+"]"), new([]float64)), text)
	}
	for text, want := range map[string]float64{"0": 0, "-1.5": -1.5, "0.1": 0.1, "123456789012345": 123456789012345,
		"1234567890123456.7": 1234567890123456.7, "0.000000000000001": 1e-15, "0.3e1": 3, "9007199254740993": 9007199254740993} {
		var got []float64
		require.NoError(t, codec.Compact.Unmarshal([]byte("["+text+"]"), &got), text)
		require.Equal(t, []float64{want}, got, text)
	}
}

// The error of a deeply nested value has a short path with its beginning and
// its end.
func TestDeepPathsAreShort(t *testing.T) {
	type node struct {
		Next *node  `redis:"next"`
		Kids []node `redis:"kids"`
	}
	loop := &node{}
	loop.Kids = []node{{Next: loop}}
	for _, c := range []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack} {
		_, err := c.Marshal(loop)
		var unwritable *codec.EncodeError
		require.ErrorAs(t, err, &unwritable, c.Name())
		requireShort(t, unwritable.In("root").Field)
	}
	for _, open := range []string{`{"next":`, `{"kids":[`} {
		err := codec.Compact.Unmarshal([]byte(strings.Repeat(open, 50_000)), new(node))
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		requireShort(t, bad.In("root").Field)
	}
	long := strings.Repeat("é", 300)
	err := (&codec.DecodeError{Field: long, Type: reflect.TypeFor[int](), Err: io.EOF}).In("root")
	require.True(t, utf8.ValidString(err.Field))
}

func requireShort(t *testing.T, path string) {
	t.Helper()
	require.Less(t, len(path), 400)
	require.Regexp(t, `^root\.(next|kids).*[a-z\]]\.\.\.(\[0\]|next|kids).*(next|kids|\[0\])$`, path)
}

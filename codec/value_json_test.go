package codec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

// encoding/json writes a stored value as what it is, and reads it back.
func TestValueAsJSON(t *testing.T) {
	for _, tc := range []struct {
		line   string
		stored any
		json   string
	}{
		{line(), 42, `42`},
		{line(), int64(math.MinInt64), `-9223372036854775808`},
		{line(), uint64(math.MaxUint64), `18446744073709551615`},
		{line(), 1.0, `1.0`},
		{line(), 0.1, `0.1`},
		{line(), json.Number("1e400"), `1e400`},
		{line(), true, `1`},
		{line(), "hello", `"hello"`},
		{line(), "", `""`},
		{line(), "42", `42`},
		{line(), "007", `"007"`},
		{line(), "NaN", `"NaN"`},
		{line(), math.Inf(-1), `"-Infinity"`},
		{line(), "a \"b\"\n<é>", `"a \"b\"\n<é>"`},
		{line(), `"quoted"`, `"quoted"`},
		{line(), nil, `null`},
		{line(), []string{"1", "x"}, `["1","x"]`},
		{line(), map[string]any{"n": 1, "on": true}, `{"n":1,"on":true}`},
		{line(), point{1, 2}, `"1/2"`},
		{line(), oneField{7}, `{"a":7}`},
		{line(), "{not json}", `"{not json}"`},
		{line(), time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), `"2024-05-06T07:08:09Z"`},
		{line(), []byte("abc"), `"abc"`},
	} {
		data, err := codec.Compact.Marshal(tc.stored)
		require.NoError(t, err, tc.line)
		v := codec.NewValue(codec.Compact, data)
		got, err := v.MarshalJSON()
		require.NoError(t, err, tc.line)
		require.Equal(t, tc.json, string(got), tc.line)
		requireJSONRoundTrip(t, tc.line, v)
	}
}

// Values of other codecs have the JSON of their types.
func TestValueAsJSONOfOtherCodecs(t *testing.T) {
	for _, c := range []codec.Codec{codec.JSON, codec.MsgPack} {
		for want, stored := range map[string]any{
			`"42"`: "42", `42`: 42, `true`: true, `"NaN"`: "NaN", `null`: nil, `1.5`: 1.5, `["1",2,null]`: []any{"1", 2, nil},
		} {
			data, err := c.Marshal(stored)
			require.NoError(t, err)
			got, err := json.Marshal(codec.NewValue(c, data))
			require.NoError(t, err)
			require.Equal(t, want, string(got), c.Name())
		}
	}
	data, err := codec.MsgPack.Marshal([]byte{0xff, 0})
	require.NoError(t, err)
	got, err := json.Marshal(codec.NewValue(codec.MsgPack, data))
	require.NoError(t, err)
	require.Equal(t, `"/wA="`, string(got), "bytes of MessagePack are base64, as encoding/json writes them")
}

// What cannot be JSON is an error that says so.
func TestValueThatIsNoJSON(t *testing.T) {
	nan, err := codec.MsgPack.Marshal(math.NaN())
	require.NoError(t, err)
	for _, v := range []codec.Value{
		codec.NewValue(nil, []byte("\xff\xfe")),
		codec.NewValue(nil, []byte("[1, NaN]")),
		codec.NewValue(nil, []byte(`{"a": -Infinity}`)),
		codec.NewValue(codec.MsgPack, nan),
	} {
		_, err := v.MarshalJSON()
		var bad *codec.EncodeError
		require.ErrorAs(t, err, &bad, "%q", v.Bytes())
		_, err = json.Marshal(map[string]codec.Value{"a": v})
		require.ErrorAs(t, err, &bad, "%q", v.Bytes())
	}
	for _, v := range []codec.Value{
		codec.NewValue(codec.JSON, []byte("{")),
		codec.NewValue(codec.JSON, nil),
		codec.NewValue(codec.MsgPack, []byte("\xc1")),
		codec.NewValue(nil, []byte(`["`+strings.Repeat("x", 100)+`"]`)).WithMaxDecoded(50),
	} {
		_, err := v.MarshalJSON()
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad, "%q", v.Bytes())
		_, err = v.Any()
		require.ErrorAs(t, err, &bad, "%q", v.Bytes())
	}
	var v codec.Value
	for _, data := range []string{"", "{", "NaN", "1 2", "\"\xff\""} {
		var bad *codec.DecodeError
		require.ErrorAs(t, v.UnmarshalJSON([]byte(data)), &bad, data)
		require.Equal(t, "codec.Value", bad.Type.String())
		require.Empty(t, v.Bytes(), "an error does not change the value")
	}
}

// The public test data for JSON parsers: a stored text that is JSON is written
// as the same JSON, and any other text as a string.
func TestValueAsJSONOfTheTestSuite(t *testing.T) {
	files, err := filepath.Glob("../../shared/conformance/test_*/*.json")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("the test suite is not available")
	}
	written, texts, refused := 0, 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		v := codec.NewValue(codec.Compact, data)
		got, err := v.MarshalJSON()
		var bad *codec.EncodeError
		if err != nil {
			require.ErrorAs(t, err, &bad, file)
			require.True(t, !utf8.Valid(data) || bytes.Contains(data, []byte("NaN")) || bytes.Contains(data, []byte("Infinity")), file)
			refused++
			continue
		}
		var text string
		if json.Unmarshal(got, &text) == nil && text == string(data) {
			require.False(t, strings.HasPrefix(filepath.Base(file), "y_"), "%s: JSON became a text", file)
			texts++
		} else {
			require.False(t, strings.HasPrefix(filepath.Base(file), "n_"), "%s: a text became JSON", file)
			require.Equal(t, readJSON(t, data), readJSON(t, got), file)
			written++
		}
		requireJSONRoundTrip(t, file, v)
	}
	require.Greater(t, written, 100)
	require.Greater(t, texts, 100)
	require.Greater(t, refused, 10)
}

// requireJSONRoundTrip checks that a value from the JSON of v is the same as v
// for a reader that does not know the type.
func requireJSONRoundTrip(t *testing.T, name string, v codec.Value) {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err, name)
	var back codec.Value
	require.NoError(t, json.Unmarshal(data, &back), name)
	again, err := json.Marshal(back)
	require.NoError(t, err, name)
	require.Equal(t, string(data), string(again), name)
	want, err := v.Any()
	require.NoError(t, err, name)
	got, err := back.Any()
	require.NoError(t, err, name)
	require.Equal(t, fmt.Sprintf("%#v", want), fmt.Sprintf("%#v", got), name) // also for NaN
}

// readJSON reads JSON with all digits of its numbers.
func readJSON(t *testing.T, data []byte) (x any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	require.NoError(t, d.Decode(&x), "%s", data)
	return x
}

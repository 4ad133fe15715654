package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

var fuzzedTypes = func() []reflect.Type {
	list := []reflect.Type{reflect.TypeFor[any](), reflect.TypeFor[[]any](), reflect.TypeFor[map[string]any]()}
	for _, g := range wholeValues {
		list = append(list, reflect.TypeOf(g.Example(0)).Elem())
	}
	return list
}()

var seeds = []string{
	"", "null", "1", "-0", "1.5", "true", `"1"`, "inf", "NaN", "2024-05-06T07:08:09", `"2024-05-06 07:08:09.5+02:00"`, "1h30m0s",
	"1 day, 0:00:02.500000", "-106751 days, 23:59:59", "-9223372036854775808", "[1, 0, 2]", `["a","b\u00e9\ud83d\ude80"]`,
	`{"a": {"b": [true, null]}, "z": 1e400}`, `{"text":"x","Selves":[{"Bool":"1"}]}`, `""null""`, `[NaN, -Infinity]`, "[[[[]]]]",
	"\x81\xa1a\x93\x01\xc3\xc0", "\xdd\x7f\xff\xff\xff", "\xdb\x86\x85\xfc\xddabc", "\xd7\xff\x00\x00\x00\x00\x00\x00\x00\x01", "\xcb\x7f\xf8\x00\x00\x00\x00\x00\x01", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
}

// Decoding never panics, and every error is a DecodeError. A value that was
// decoded can be encoded, and is then decoded as an equal value.
func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range codecs {
			for _, typ := range fuzzedTypes {
				checkDecode(t, c, typ, string(data))
			}
		}
	})
}

func checkDecode(t *testing.T, c codec.Codec, typ reflect.Type, data string) {
	compiled, err := codec.For(c, typ)
	require.NoError(t, err)
	first := reflect.New(typ).Elem()
	if err := compiled.Decode(data, first); err != nil {
		var bad *codec.DecodeError
		require.ErrorAs(t, err, &bad)
		require.NotNil(t, bad.Type)
		return
	}
	again, err := compiled.Append(nil, first)
	if c == codec.JSON && isNonFinite(err) {
		t.Fatalf("%s read %q as a number that JSON does not have", typ, data)
	}
	require.NoError(t, err, "%s %s %q", c.Name(), typ, data)
	if holdsAny(typ) && c == codec.Compact {
		return
	}
	second := reflect.New(typ).Elem()
	require.NoError(t, compiled.Decode(string(again), second), "%s %s %q %q", c.Name(), typ, data, again)
	if !holdsAny(typ) {
		require.True(t, equalValues(first, second), "%s %s %q %q", c.Name(), typ, data, again)
	}
}

func holdsAny(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && t.Elem().Kind() == reflect.Interface
}

// The JSON codec accepts the same texts as encoding/json and decodes the same
// values, except for strings that are not valid UTF-8.
func FuzzJSONAgainstStandardLibrary(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got any
		err := codec.JSON.Unmarshal(data, &got)
		if err == nil {
			require.True(t, json.Valid(data), "%q", data)
		}
		if !json.Valid(data) || !utf8.Valid(data) || bytes.Contains(bytes.ToLower(data), []byte(`\ud`)) {
			return
		}
		require.NoError(t, err, "%q", data)
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var want any
		require.NoError(t, dec.Decode(&want))
		require.True(t, equalAny(want, got), "%q: %#v %#v", data, want, got)
	})
}

// equalAny compares a value that encoding/json decoded with UseNumber with a
// value that this package decoded.
func equalAny(want, got any) bool {
	switch want := want.(type) {
	case json.Number:
		switch got := got.(type) {
		case int64:
			n, err := want.Int64()
			return err == nil && n == got
		case float64:
			x, err := want.Float64()
			return err == nil && x == got && strings.ContainsAny(string(want), ".eE")
		default:
			return got == want
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !equalAny(want[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		table, ok := got.(map[string]any)
		if !ok || len(table) != len(want) {
			return false
		}
		for k := range want {
			if !equalAny(want[k], table[k]) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(want, got)
	}
}

// A string is encoded as encoding/json encodes it.
func FuzzStringAgainstStandardLibrary(f *testing.F) {
	for _, s := range append(seeds, awkward...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		data, err := codec.JSON.Marshal(s)
		if !utf8.ValidString(s) {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, standardJSON(t, s), string(data))
	})
}

// standardJSON returns the JSON of encoding/json without the escapes that JSON
// does not require.
func standardJSON(t require.TestingT, v any) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	require.NoError(t, enc.Encode(v))
	text := strings.TrimSuffix(out.String(), "\n")
	return strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029").Replace(text)
}

// A time is parsed as package time parses it.
func FuzzTimeAgainstStandardLibrary(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := time.Parse(time.RFC3339, s)
		if err != nil || want.UTC().Year() < 0 || want.UTC().Year() > 9999 || strings.Contains(s, ",") || hasPicoseconds(s) {
			return
		}
		var got time.Time
		require.NoError(t, codec.Compact.Unmarshal([]byte(s), &got), s)
		require.True(t, want.Equal(got), "%s: %s %s", s, want, got)
	})
}

// hasPicoseconds reports whether a time has more than nine digits of a second.
func hasPicoseconds(s string) bool {
	_, after, _ := strings.Cut(s, ".")
	return strings.IndexFunc(after, func(r rune) bool { return r < '0' || r > '9' }) > 9
}

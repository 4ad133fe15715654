package codec_test

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pythontest"
)

// Every sample of the Python package is decoded as the corresponding Go type,
// and the value is the same.
func TestPythonValues(t *testing.T) {
	read, verbatim, unwritten := 0, 0, 0
	eachPythonValue(t, func(sample string, v pythontest.Value, raw pythontest.Text) {
		switch {
		case raw.Missing != "":
			require.True(t, v.Without() != "" || v.Type == "int", "%s: %s", sample, v) // two had a lifetime in the past
			unwritten++
		case v.Without() == "":
			got := readAs(t, sample, v.GoType(), raw.S)
			require.True(t, v.Same(got), "%s: %s became %#v", sample, v, got)
			switch v.Type {
			case "float", "list", "tuple", "dict", "model":
				loose := readAs(t, sample, reflect.TypeFor[any](), raw.S)
				require.True(t, v.Same(loose), "%s: %s became %#v", sample, v, loose)
			}
			read++
		default:
			requireVerbatim(t, sample, v, raw.S)
			verbatim++
		}
	})
	require.Equal(t, 1096, read)
	require.Equal(t, 95, verbatim)
	require.Equal(t, 6, unwritten)
}

// eachPythonValue calls do for every value that Python wrote, or tried to
// write.
func eachPythonValue(t *testing.T, do func(sample string, v pythontest.Value, raw pythontest.Text)) {
	t.Helper()
	s := pythontest.Load(t)
	for _, sample := range s.Values {
		do(sample.Name, sample.Value, sample.Raw)
	}
	for _, r := range s.Records {
		for _, e := range r.Written() {
			do(r.ID, e.Value, e.Raw)
		}
	}
}

func readAs(t *testing.T, sample string, typ reflect.Type, raw string) any {
	t.Helper()
	dst := reflect.New(typ)
	require.NoError(t, codec.Compact.Unmarshal([]byte(raw), dst.Interface()), "%s: %s", sample, raw)
	return dst.Elem().Interface()
}

// requireVerbatim checks that a text without a corresponding Go type is decoded
// verbatim as a string or bytes, and as nothing else.
func requireVerbatim(t *testing.T, sample string, v pythontest.Value, raw string) {
	t.Helper()
	require.Equal(t, raw, readAs(t, sample, reflect.TypeFor[string](), raw), sample)
	require.Equal(t, []byte(raw), readAs(t, sample, reflect.TypeFor[[]byte](), raw), sample)
	for _, dst := range []any{
		new(bool), new(int64), new(uint8), new(float64), new(json.Number), new(time.Time), new(time.Duration), new(pythontest.UUID),
		new(*int64), new(*bool), new(*time.Time), new([]string), new([]any), new([2]int), new(map[string]any), new(map[string]int),
		new(address), new(*address), new(json.RawMessage), new(point),
	} {
		if _, ok := dst.(*time.Duration); ok && v.Type == "time" {
			continue // a time of day is decoded as the duration since midnight
		}
		var bad *codec.DecodeError
		require.ErrorAs(t, codec.Compact.Unmarshal([]byte(raw), dst), &bad, "%s: %q as %T", sample, raw, dst)
	}
}

// Python never writes text that is not valid UTF-8. Such a text is decoded as a
// string or bytes, and as nothing else.
func TestInvalidUTF8(t *testing.T) {
	for _, raw := range []string{"ab\xff", "\xff", "\x80\x04\x95pickle", "{\"a\": \"\xff\"}", "[\"\xc3\"]", "\"\xed\xa0\x80\""} {
		requireVerbatim(t, raw, pythontest.Value{}, raw)
	}
}

// Python's str, isoformat and json.dumps write more forms than the samples
// contain.
func TestPythonFormats(t *testing.T) {
	huge := new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil)
	at := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	day := 24 * time.Hour
	type labelled struct {
		Labels []*string      `redis:"labels"`
		Counts map[int]bool   `redis:"counts"`
		Limit  *float64       `redis:"limit"`
		Parent *labelled      `redis:"parent"`
		Extra  map[string]any `redis:"extra"`
	}
	for _, tc := range []struct {
		line, raw string
		want      any
	}{
		{line(), "2024-05-06 07:08:09", at},
		{line(), "2024-05-06T07:08:09+05:30:15", at.Add(-5*time.Hour - 30*time.Minute - 15*time.Second)},
		{line(), "2024-05-06T07:08:09-00:00:00.000001", at.Add(time.Microsecond)},
		{line(), "2024-05-06T07:08:09.999999-23:59:59.999999", at.Add(day + 999998*time.Microsecond)},
		{line(), "0001-01-01T00:00:00", time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
		{line(), "9999-12-31T23:59:59.999999", time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)},
		{line(), "0:00:00", time.Duration(0)},
		{line(), "0:00:00.000001", time.Microsecond},
		{line(), "23:59:59.999999", day - time.Microsecond},
		{line(), "2 days, 0:00:00", 2 * day},
		{line(), "-1 day, 23:59:59.999999", -time.Microsecond},
		{line(), "-3 days, 12:00:00", -60 * time.Hour},
		{line(), "1E+3", json.Number("1E+3")},
		{line(), "0E-10", json.Number("0E-10")},
		{line(), "-0", json.Number("-0")},
		{line(), "-" + huge.String(), new(big.Int).Neg(huge)},
		{line(), "[" + huge.String() + ", -1]", []*big.Int{huge, big.NewInt(-1)}},
		{line(), "-5e-324", -math.SmallestNonzeroFloat64},
		{line(), "9007199254740993.0", 9007199254740992.0},
		{line(), "123456789012345680.0", float32(123456789012345680)},
		{line(), "[-0.0, 1e-07, 1e+16, NaN, -Infinity]", []float64{math.Copysign(0, -1), 1e-7, 1e16, math.NaN(), math.Inf(-1)}},
		{line(), "[1, null, 3]", []*int64{ptr(int64(1)), nil, ptr(int64(3))}},
		{line(), "[[], [[]], {}]", []any{[]any{}, []any{[]any{}}, map[string]any{}}},
		{line(), `[1, "1", true, null, 1.0]`, []any{int64(1), "1", true, nil, 1.0}},
		{line(), `{"": {"ñ🚀": ["\u2028", "\\", "\u0000", "\""]}}`, map[string]map[string][]string{"": {"ñ🚀": {"\u2028", "\\", "\x00", "\""}}}},
		{line(), `{"-1": "a", "0": "b"}`, map[int]string{-1: "a", 0: "b"}},
		{line(), `{"labels": ["1", null, "x"], "counts": {"7": "1", "8": "0"}, "limit": null, "parent": {"labels": [], "counts": {}, ` +
			`"limit": Infinity, "parent": null, "extra": {"on": "1", "t": [true, {"deep": "0"}]}}, "extra": {}}`,
			labelled{
				Labels: []*string{ptr("1"), nil, ptr("x")}, Counts: map[int]bool{7: true, 8: false}, Extra: map[string]any{},
				Parent: &labelled{
					Labels: []*string{}, Counts: map[int]bool{}, Limit: ptr(math.Inf(1)),
					Extra: map[string]any{"on": "1", "t": []any{true, map[string]any{"deep": "0"}}},
				},
			}},
	} {
		got := readAs(t, tc.line, reflect.TypeOf(tc.want), tc.raw)
		require.True(t, equalValues(reflect.ValueOf(&tc.want).Elem().Elem(), reflect.ValueOf(&got).Elem().Elem()), "%s: %#v", tc.line, got)
	}
}

// If the Python package reads its own encoding of a value correctly, it reads
// the encoding of Go correctly too. Otherwise it reads the same value from
// both, except for the kinds listed here. Python reads those wrongly from its
// own encoding only, or knows them only as text.
func TestPythonReadsWhatGoWrites(t *testing.T) {
	kept, lossy := 0, 0
	different := map[string]int{}
	eachPythonValue(t, func(sample string, v pythontest.Value, raw pythontest.Text) {
		if v.Without() != "" || raw.Missing != "" {
			return
		}
		data, err := codec.Compact.Marshal(readAs(t, sample, v.GoType(), raw.S))
		require.NoError(t, err, sample)
		theirs, ours := pythontest.ReadInto(v, raw.S), pythontest.ReadInto(v, string(data))
		switch {
		case equal(v, theirs):
			require.True(t, equal(v, ours), "%s: %s is written %s, and read %s", sample, v, data, ours)
			kept++
		case equal(theirs, ours):
			lossy++
		default:
			different[v.Plain().Type+" from "+theirs.Type+" to "+ours.Type]++
		}
	})
	require.Equal(t, 791, kept)
	require.Equal(t, 255, lossy)
	require.Equal(t, map[string]int{
		"bool from str to bool": 4, "date from str to str": 4, "datetime from str to str": 21, "float from str to float": 16,
		"timedelta from str to str": 5,
	}, different)
}

// equal compares values with Python's ==.
func equal(a, b pythontest.Value) bool { return a.String() == b.String() }

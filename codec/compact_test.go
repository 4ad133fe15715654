package codec_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
)

type address struct {
	Street  string  `redis:"street"`
	Primary bool    `redis:"primary"`
	Zip     *string `redis:"zip"`
}

type team struct {
	Members []address          `redis:"members"`
	ByID    map[string]address `redis:"by_id"`
	Matrix  [][]bool           `redis:"matrix"`
}

// line returns the position of a test case.
func line() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file[len(file)-15:], line)
}

func newPointerTo(v any) any { return reflect.New(reflect.TypeOf(v)).Interface() }

func deref(p any) any { return reflect.ValueOf(p).Elem().Interface() }

func ptr[T any](v T) *T { return &v }

// Compact encodes values as these texts, and decodes them again.
func TestCompactWrites(t *testing.T) {
	at := time.Date(2024, 5, 6, 9, 8, 9, 120000000, time.FixedZone("", 7200))
	for _, tc := range []struct {
		line  string
		value any
		raw   string
	}{
		{line(), true, "1"},
		{line(), false, "0"},
		{line(), int64(math.MinInt64), "-9223372036854775808"},
		{line(), uint64(math.MaxUint64), "18446744073709551615"},
		{line(), 1.0, "1.0"},
		{line(), 0.1, "0.1"},
		{line(), 1e22, "1e+22"},
		{line(), 1e16, "1e+16"},
		{line(), 1234567890123456.0, "1234567890123456.0"},
		{line(), 0.0001, "0.0001"},
		{line(), 1e-5, "1e-05"},
		{line(), math.MaxFloat64, "1.7976931348623157e+308"},
		{line(), 5e-324, "5e-324"},
		{line(), math.Copysign(0, -1), "-0.0"},
		{line(), math.Inf(1), "Infinity"},
		{line(), math.Inf(-1), "-Infinity"},
		{line(), float32(0.1), "0.1"},
		{line(), float32(1e-4), "0.0001"},
		{line(), "", ""},
		{line(), "null", "null"},
		{line(), `"1"`, `"1"`},
		{line(), "\xff", "\xff"},
		{line(), color("red"), "red"},
		{line(), ptr("null"), `"null"`},
		{line(), ptr(`"null"`), `""null""`},
		{line(), ptr("x"), "x"},
		{line(), (*string)(nil), "null"},
		{line(), (*int)(nil), "null"},
		{line(), ptr(5), "5"},
		{line(), []byte("ab\xff"), "ab\xff"},
		{line(), []byte("null"), `"null"`},
		{line(), []byte(nil), "null"},
		{line(), []byte{}, ""},
		{line(), at, "2024-05-06T07:08:09.12Z"},
		{line(), time.Time{}, "0001-01-01T00:00:00Z"},
		{line(), 90 * time.Minute, "1h30m0s"},
		{line(), point{1, -2}, "1/-2"},
		{line(), big.NewInt(-5), "-5"},
		{line(), []*big.Int{big.NewInt(-5), nil}, "[-5,null]"},
		{line(), struct{ N *big.Int }{new(big.Int).Lsh(big.NewInt(1), 64)}, `{"N":18446744073709551616}`},
		{line(), map[string]big.Int{"n": {}}, `{"n":0}`},
		{line(), pair{1, 2}, "[1,2]"},
		{line(), json.Number("1E400"), "1E400"},
		{line(), json.RawMessage(` {"a": 1} `), `{"a": 1}`},
		{line(), []int{1, 0, 2}, "[1,0,2]"},
		{line(), []int{}, "[]"},
		{line(), []int(nil), "null"},
		{line(), []bool{true, false}, "[true,false]"},
		{line(), map[string]bool{"on": true, "off": false}, `{"off":false,"on":true}`},
		{line(), []float64{math.NaN(), math.Inf(1), 1}, "[NaN,Infinity,1.0]"},
		{line(), []time.Duration{time.Second}, `["1s"]`},
		{line(), [][]byte{[]byte("x"), nil}, `["eA==",null]`},
		{line(), address{"1x", false, nil}, `{"street":"1x","primary":"0","zip":null}`},
		{line(), struct{ On map[bool][]bool }{map[bool][]bool{true: {true}}}, `{"On":{"true":["1"]}}`},
		{line(), team{[]address{{"s", true, ptr("z")}}, nil, [][]bool{{true, false}, {}}},
			`{"members":[{"street":"s","primary":"1","zip":"z"}],"by_id":null,"matrix":[["1","0"],[]]}`},
		{line(), stamped{at.UTC(), "n"}, `{"Time":"2024-05-06T07:08:09.12Z","Note":"n"}`},
		{line(), "<a href=\"x\">&'</a>\u2028", "<a href=\"x\">&'</a>\u2028"},
		{line(), []string{"<a href=\"x\">&'</a>\u2028\x00\u007f"}, "[\"<a href=\\\"x\\\">&'</a>\u2028\\u0000\u007f\"]"},
	} {
		data, err := codec.Compact.Marshal(tc.value)
		require.NoError(t, err, tc.line)
		require.Equal(t, tc.raw, string(data), tc.line)
		typ, err := codec.For(codec.Compact, reflect.TypeOf(tc.value))
		require.NoError(t, err, tc.line)
		got := reflect.New(reflect.TypeOf(tc.value)).Elem()
		require.NoError(t, typ.Decode(tc.raw, got), tc.line)
		if s, ok := tc.value.(json.RawMessage); ok {
			require.JSONEq(t, string(s), tc.raw, tc.line)
			continue
		}
		require.True(t, equalValues(reflect.ValueOf(tc.value), got), "%s: %#v", tc.line, got)
	}
}

// Compact decodes the texts of the Python package and of JSON programs.
func TestCompactReads(t *testing.T) {
	utc := func(h, m, s, ns int) time.Time { return time.Date(2024, 5, 6, h, m, s, ns, time.UTC) }
	for _, tc := range []struct {
		line  string
		raw   string
		value any
	}{
		{line(), "1", true},
		{line(), "True", true},
		{line(), "true", true},
		{line(), `"1"`, true},
		{line(), "False", false},
		{line(), `"0"`, false},
		{line(), "-0", 0},
		{line(), "9007199254740993", int64(9007199254740993)},
		{line(), "3", 3.0},
		{line(), "inf", math.Inf(1)},
		{line(), "-inf", math.Inf(-1)},
		{line(), "nan", math.NaN()},
		{line(), "NaN", math.NaN()},
		{line(), "1e+22", 1e22},
		{line(), "2024-05-06T07:08:09", utc(7, 8, 9, 0)},
		{line(), "2024-05-06 07:08:09.500000", utc(7, 8, 9, 5e8)},
		{line(), "2024-05-06T07:08:09.123456789Z", utc(7, 8, 9, 123456789)},
		{line(), "2024-05-06T07:08:09+00:00", utc(7, 8, 9, 0)},
		{line(), "2024-05-06T07:08:09-05:00", utc(12, 8, 9, 0)},
		{line(), "2024-05-06T07:08:09.25+05:30", utc(1, 38, 9, 25e7)},
		{line(), "2024-05-06T07:08:09+05:30:15", utc(1, 37, 54, 0)},
		{line(), "2024-05-06T07:08:09.000001+05:30:15.123456", utc(1, 37, 53, 876545e3)},
		{line(), "2024-05-06T07:08:09-00:00:00.000001", utc(7, 8, 9, 1e3)},
		{line(), "2024-05-06", utc(0, 0, 0, 0)},
		{line(), "1 day, 0:00:02.500000", 24*time.Hour + 2500*time.Millisecond},
		{line(), "-1 day, 23:59:59", -time.Second},
		{line(), "0:00:02", 2 * time.Second},
		{line(), "106751 days, 23:47:16.854775", time.Duration(math.MaxInt64 - 807)},
		{line(), "-106752 days, 0:12:43.145225", time.Duration(math.MinInt64 + 808)},
		{line(), "1500", 1500 * time.Nanosecond},
		{line(), "1m30.5s", 90500 * time.Millisecond},
		{line(), "12345678-1234-5678-1234-567812345678", color("12345678-1234-5678-1234-567812345678")},
		{line(), "[1, 0, 2]", []int{1, 0, 2}},
		{line(), " [ ] ", []int{}},
		{line(), "[NaN, Infinity, -Infinity, 1]", []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1}},
		{line(), `["x", "true", "\u00f1", "\ud83d\ude80"]`, []string{"x", "true", "ñ", "\U0001F680"}},
		{line(), `{"on": true, "off": false}`, map[string]bool{"on": true, "off": false}},
		{line(), `["1", "0", true, false, 1, 0, "True", "false"]`, []bool{true, false, true, false, true, false, true, false}},
		{line(), `{"false": 1}`, map[bool]int{false: 1}},
		{line(), `{"street": "Cra 7 # 1-23", "primary": "1", "zip": "110111"}`, address{"Cra 7 # 1-23", true, ptr("110111")}},
		{line(), `{"street": "1x", "primary": false, "zip": null, "new": [{"x": 1}]}`, address{"1x", false, nil}},
		{line(), `{"street": "a", "street": "b"}`, address{Street: "b"}},
		{line(), `{"members": [{"street": "s", "primary": "0", "zip": null}], "by_id": {"k1": {"street": "", "primary": "1", "zip": ""}}, ` +
			`"matrix": [["1", "0"], []]}`, team{[]address{{Street: "s"}}, map[string]address{"k1": {Primary: true, Zip: ptr("")}}, [][]bool{{true, false}, {}}}},
		{line(), `["1h0m0s", 5, "0:00:01"]`, []time.Duration{time.Hour, 5, time.Second}},
		{line(), `[100000000000000000000, "7"]`, []big.Int{*new(big.Int).Mul(big.NewInt(1e18), big.NewInt(100)), *big.NewInt(7)}},
		{line(), `""`, json.RawMessage(`""`)},
	} {
		typ, err := codec.For(codec.Compact, reflect.TypeOf(tc.value))
		require.NoError(t, err, tc.line)
		got := reflect.New(reflect.TypeOf(tc.value)).Elem()
		require.NoError(t, typ.Decode(tc.raw, got), tc.line)
		require.True(t, equalValues(reflect.ValueOf(tc.value), got), "%s: %#v", tc.line, got)
	}
}

func TestCompactReadsAny(t *testing.T) {
	for _, tc := range []struct {
		line  string
		raw   string
		value any
	}{
		{line(), "null", nil},
		{line(), "", ""},
		{line(), "1", int64(1)},
		{line(), "-9223372036854775808", int64(math.MinInt64)},
		{line(), "18446744073709551616", json.Number("18446744073709551616")},
		{line(), "1E400", json.Number("1E400")},
		{line(), "1.0", 1.0},
		{line(), "inf", math.Inf(1)},
		{line(), "true", true},
		{line(), "True", "True"},
		{line(), `"x"`, "x"},
		{line(), "x", "x"},
		{line(), `{"a":1} x`, `{"a":1} x`},
		{line(), `"\ud800"`, `"\ud800"`},
		{line(), `[1, {"a": [null, 2.5]}]`, []any{int64(1), map[string]any{"a": []any{nil, 2.5}}}},
	} {
		var got any
		require.NoError(t, codec.Compact.Unmarshal([]byte(tc.raw), &got), tc.line)
		require.Equal(t, tc.value, got, tc.line)
	}
}

func TestJSONWrites(t *testing.T) {
	for _, tc := range []struct {
		line  string
		value any
		raw   string
	}{
		{line(), nil, "null"},
		{line(), true, "true"},
		{line(), "null", `"null"`},
		{line(), 1.0, "1"},
		{line(), 1e21, "1e+21"},
		{line(), time.Second, "1000000000"},
		{line(), []byte("x"), `"eA=="`},
		{line(), time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), `"2024-05-06T07:08:09Z"`},
		{line(), address{"s", true, nil}, `{"street":"s","primary":true,"zip":null}`},
	} {
		data, err := codec.JSON.Marshal(tc.value)
		require.NoError(t, err, tc.line)
		require.Equal(t, tc.raw, string(data), tc.line)
	}
}

// The first and the last moment of every month are decoded as package time
// does.
func TestEveryMonth(t *testing.T) {
	for month := time.Date(0, 2, 1, 0, 0, 0, 0, time.UTC); month.Year() <= 9999; month = month.AddDate(0, 1, 0) {
		for _, want := range []time.Time{month.Add(-time.Nanosecond), month} {
			var got time.Time
			require.NoError(t, codec.Compact.Unmarshal([]byte(want.Format(time.RFC3339Nano)), &got))
			require.True(t, want.Equal(got), "%s: %s", want, got)
		}
	}
}

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

// where tells the line of a test case.
func where() string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprintf("%s:%d", file[len(file)-15:], line)
}

func newOf(v any) any { return reflect.New(reflect.TypeOf(v)).Interface() }

func elem(p any) any { return reflect.ValueOf(p).Elem().Interface() }

func ptr[T any](v T) *T { return &v }

// What Compact writes, and reads back.
func TestCompactWrites(t *testing.T) {
	at := time.Date(2024, 5, 6, 9, 8, 9, 120000000, time.FixedZone("", 7200))
	for _, tc := range []struct {
		where string
		value any
		raw   string
	}{
		{where(), true, "1"},
		{where(), false, "0"},
		{where(), int64(math.MinInt64), "-9223372036854775808"},
		{where(), uint64(math.MaxUint64), "18446744073709551615"},
		{where(), 1.0, "1.0"},
		{where(), 0.1, "0.1"},
		{where(), 1e22, "1e+22"},
		{where(), 1e16, "1e+16"},
		{where(), 1234567890123456.0, "1234567890123456.0"},
		{where(), 0.0001, "0.0001"},
		{where(), 1e-5, "1e-05"},
		{where(), math.MaxFloat64, "1.7976931348623157e+308"},
		{where(), 5e-324, "5e-324"},
		{where(), math.Copysign(0, -1), "-0.0"},
		{where(), math.Inf(1), "Infinity"},
		{where(), math.Inf(-1), "-Infinity"},
		{where(), float32(0.1), "0.1"},
		{where(), float32(1e-4), "0.0001"},
		{where(), "", ""},
		{where(), "null", "null"},
		{where(), `"1"`, `"1"`},
		{where(), "\xff", "\xff"},
		{where(), color("red"), "red"},
		{where(), ptr("null"), `"null"`},
		{where(), ptr(`"null"`), `""null""`},
		{where(), ptr("x"), "x"},
		{where(), (*string)(nil), "null"},
		{where(), (*int)(nil), "null"},
		{where(), ptr(5), "5"},
		{where(), []byte("ab\xff"), "ab\xff"},
		{where(), []byte("null"), `"null"`},
		{where(), []byte(nil), "null"},
		{where(), []byte{}, ""},
		{where(), at, "2024-05-06T07:08:09.12Z"},
		{where(), time.Time{}, "0001-01-01T00:00:00Z"},
		{where(), 90 * time.Minute, "1h30m0s"},
		{where(), point{1, -2}, "1/-2"},
		{where(), big.NewInt(-5), "-5"},
		{where(), []*big.Int{big.NewInt(-5), nil}, "[-5,null]"},
		{where(), struct{ N *big.Int }{new(big.Int).Lsh(big.NewInt(1), 64)}, `{"N":18446744073709551616}`},
		{where(), map[string]big.Int{"n": {}}, `{"n":0}`},
		{where(), pair{1, 2}, "[1,2]"},
		{where(), json.Number("1E400"), "1E400"},
		{where(), json.RawMessage(` {"a": 1} `), `{"a": 1}`},
		{where(), []int{1, 0, 2}, "[1,0,2]"},
		{where(), []int{}, "[]"},
		{where(), []int(nil), "null"},
		{where(), []bool{true, false}, "[true,false]"},
		{where(), map[string]bool{"on": true, "off": false}, `{"off":false,"on":true}`},
		{where(), []float64{math.NaN(), math.Inf(1), 1}, "[NaN,Infinity,1.0]"},
		{where(), []time.Duration{time.Second}, `["1s"]`},
		{where(), [][]byte{[]byte("x"), nil}, `["eA==",null]`},
		{where(), address{"1x", false, nil}, `{"street":"1x","primary":"0","zip":null}`},
		{where(), struct{ On map[bool][]bool }{map[bool][]bool{true: {true}}}, `{"On":{"true":["1"]}}`},
		{where(), team{[]address{{"s", true, ptr("z")}}, nil, [][]bool{{true, false}, {}}},
			`{"members":[{"street":"s","primary":"1","zip":"z"}],"by_id":null,"matrix":[["1","0"],[]]}`},
		{where(), stamped{at.UTC(), "n"}, `{"Time":"2024-05-06T07:08:09.12Z","Note":"n"}`},
		{where(), "<a href=\"x\">&'</a>\u2028", "<a href=\"x\">&'</a>\u2028"},
		{where(), []string{"<a href=\"x\">&'</a>\u2028\x00\u007f"}, "[\"<a href=\\\"x\\\">&'</a>\u2028\\u0000\u007f\"]"},
	} {
		data, err := codec.Compact.Marshal(tc.value)
		require.NoError(t, err, tc.where)
		require.Equal(t, tc.raw, string(data), tc.where)
		typ, err := codec.For(codec.Compact, reflect.TypeOf(tc.value))
		require.NoError(t, err, tc.where)
		got := reflect.New(reflect.TypeOf(tc.value)).Elem()
		require.NoError(t, typ.Decode(tc.raw, got), tc.where)
		if s, ok := tc.value.(json.RawMessage); ok {
			require.JSONEq(t, string(s), tc.raw, tc.where)
			continue
		}
		require.True(t, same(reflect.ValueOf(tc.value), got), "%s: %#v", tc.where, got)
	}
}

// What the Python package and JSON programs write is read, each sample as the Go type it is for.
func TestCompactReads(t *testing.T) {
	utc := func(h, m, s, ns int) time.Time { return time.Date(2024, 5, 6, h, m, s, ns, time.UTC) }
	for _, tc := range []struct {
		where string
		raw   string
		value any
	}{
		{where(), "1", true},
		{where(), "True", true},
		{where(), "true", true},
		{where(), `"1"`, true},
		{where(), "False", false},
		{where(), `"0"`, false},
		{where(), "-0", 0},
		{where(), "9007199254740993", int64(9007199254740993)},
		{where(), "3", 3.0},
		{where(), "inf", math.Inf(1)},
		{where(), "-inf", math.Inf(-1)},
		{where(), "nan", math.NaN()},
		{where(), "NaN", math.NaN()},
		{where(), "1e+22", 1e22},
		{where(), "2024-05-06T07:08:09", utc(7, 8, 9, 0)},
		{where(), "2024-05-06 07:08:09.500000", utc(7, 8, 9, 5e8)},
		{where(), "2024-05-06T07:08:09.123456789Z", utc(7, 8, 9, 123456789)},
		{where(), "2024-05-06T07:08:09+00:00", utc(7, 8, 9, 0)},
		{where(), "2024-05-06T07:08:09-05:00", utc(12, 8, 9, 0)},
		{where(), "2024-05-06T07:08:09.25+05:30", utc(1, 38, 9, 25e7)},
		{where(), "2024-05-06T07:08:09+05:30:15", utc(1, 37, 54, 0)},
		{where(), "2024-05-06T07:08:09.000001+05:30:15.123456", utc(1, 37, 53, 876545e3)},
		{where(), "2024-05-06T07:08:09-00:00:00.000001", utc(7, 8, 9, 1e3)},
		{where(), "2024-05-06", utc(0, 0, 0, 0)},
		{where(), "1 day, 0:00:02.500000", 24*time.Hour + 2500*time.Millisecond},
		{where(), "-1 day, 23:59:59", -time.Second},
		{where(), "0:00:02", 2 * time.Second},
		{where(), "106751 days, 23:47:16.854775", time.Duration(math.MaxInt64 - 807)},
		{where(), "-106752 days, 0:12:43.145225", time.Duration(math.MinInt64 + 808)},
		{where(), "1500", 1500 * time.Nanosecond},
		{where(), "1m30.5s", 90500 * time.Millisecond},
		{where(), "12345678-1234-5678-1234-567812345678", color("12345678-1234-5678-1234-567812345678")},
		{where(), "[1, 0, 2]", []int{1, 0, 2}},
		{where(), " [ ] ", []int{}},
		{where(), "[NaN, Infinity, -Infinity, 1]", []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1}},
		{where(), `["x", "true", "\u00f1", "\ud83d\ude80"]`, []string{"x", "true", "ñ", "\U0001F680"}},
		{where(), `{"on": true, "off": false}`, map[string]bool{"on": true, "off": false}},
		{where(), `["1", "0", true, false, 1, 0, "True", "false"]`, []bool{true, false, true, false, true, false, true, false}},
		{where(), `{"false": 1}`, map[bool]int{false: 1}},
		{where(), `{"street": "Cra 7 # 1-23", "primary": "1", "zip": "110111"}`, address{"Cra 7 # 1-23", true, ptr("110111")}},
		{where(), `{"street": "1x", "primary": false, "zip": null, "new": [{"x": 1}]}`, address{"1x", false, nil}},
		{where(), `{"street": "a", "street": "b"}`, address{Street: "b"}},
		{where(), `{"members": [{"street": "s", "primary": "0", "zip": null}], "by_id": {"k1": {"street": "", "primary": "1", "zip": ""}}, ` +
			`"matrix": [["1", "0"], []]}`, team{[]address{{Street: "s"}}, map[string]address{"k1": {Primary: true, Zip: ptr("")}}, [][]bool{{true, false}, {}}}},
		{where(), `["1h0m0s", 5, "0:00:01"]`, []time.Duration{time.Hour, 5, time.Second}},
		{where(), `[100000000000000000000, "7"]`, []big.Int{*new(big.Int).Mul(big.NewInt(1e18), big.NewInt(100)), *big.NewInt(7)}},
		{where(), `""`, json.RawMessage(`""`)},
	} {
		typ, err := codec.For(codec.Compact, reflect.TypeOf(tc.value))
		require.NoError(t, err, tc.where)
		got := reflect.New(reflect.TypeOf(tc.value)).Elem()
		require.NoError(t, typ.Decode(tc.raw, got), tc.where)
		require.True(t, same(reflect.ValueOf(tc.value), got), "%s: %#v", tc.where, got)
	}
}

func TestCompactReadsAny(t *testing.T) {
	for _, tc := range []struct {
		where string
		raw   string
		value any
	}{
		{where(), "null", nil},
		{where(), "", ""},
		{where(), "1", int64(1)},
		{where(), "-9223372036854775808", int64(math.MinInt64)},
		{where(), "18446744073709551616", json.Number("18446744073709551616")},
		{where(), "1E400", json.Number("1E400")},
		{where(), "1.0", 1.0},
		{where(), "inf", math.Inf(1)},
		{where(), "true", true},
		{where(), "True", "True"},
		{where(), `"x"`, "x"},
		{where(), "x", "x"},
		{where(), `{"a":1} x`, `{"a":1} x`},
		{where(), `"\ud800"`, `"\ud800"`},
		{where(), `[1, {"a": [null, 2.5]}]`, []any{int64(1), map[string]any{"a": []any{nil, 2.5}}}},
	} {
		var got any
		require.NoError(t, codec.Compact.Unmarshal([]byte(tc.raw), &got), tc.where)
		require.Equal(t, tc.value, got, tc.where)
	}
}

func TestJSONWrites(t *testing.T) {
	for _, tc := range []struct {
		where string
		value any
		raw   string
	}{
		{where(), nil, "null"},
		{where(), true, "true"},
		{where(), "null", `"null"`},
		{where(), 1.0, "1"},
		{where(), 1e21, "1e+21"},
		{where(), time.Second, "1000000000"},
		{where(), []byte("x"), `"eA=="`},
		{where(), time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), `"2024-05-06T07:08:09Z"`},
		{where(), address{"s", true, nil}, `{"street":"s","primary":true,"zip":null}`},
	} {
		data, err := codec.JSON.Marshal(tc.value)
		require.NoError(t, err, tc.where)
		require.Equal(t, tc.raw, string(data), tc.where)
	}
}

// The days around the end of every month of all years are those of the standard library's calendar.
func TestEveryMonthIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	for month := time.Date(0, 2, 1, 0, 0, 0, 0, time.UTC); month.Year() <= 9999; month = month.AddDate(0, 1, 0) {
		for _, want := range []time.Time{month.Add(-time.Nanosecond), month} {
			var got time.Time
			require.NoError(t, codec.Compact.Unmarshal([]byte(want.Format(time.RFC3339Nano)), &got))
			require.True(t, want.Equal(got), "%s: %s", want, got)
		}
	}
}

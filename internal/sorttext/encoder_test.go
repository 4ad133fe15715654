package sorttext

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/pooltest"
)

func TestMain(m *testing.M) { pooltest.Main(m) }

// textOf returns the text and the kind of a scalar.
func textOf(t require.TestingT, v any) (string, Kind) {
	e, err := For(reflect.TypeOf(v))
	require.NoError(t, err)
	require.False(t, e.IsList())
	texts, err := e.Append(nil, reflect.ValueOf(v))
	require.NoError(t, err)
	require.Len(t, texts, 1)
	require.NotContains(t, texts[0], "\x00")
	return texts[0], e.Kind()
}

// requireOrder requires that the texts of two values of one kind compare as the
// values do.
func requireOrder(t require.TestingT, a, b any, want int) {
	textA, kindA := textOf(t, a)
	textB, kindB := textOf(t, b)
	require.Equal(t, kindA, kindB)
	require.Equal(t, want, cmp.Compare(textA, textB), "%#v %#v: %q %q", a, b, textA, textB)
}

// requireAscending requires that the texts of the values are of one kind and in
// order.
func requireAscending(t *testing.T, values ...any) {
	t.Helper()
	for i, a := range values {
		for j, b := range values {
			requireOrder(t, a, b, cmp.Compare(i, j))
		}
	}
}

var (
	anyInt64  = rapid.OneOf(rapid.Int64(), rapid.Int64Range(-100, 100), rapid.SampledFrom(edgeInts))
	anyUint64 = rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 100), rapid.SampledFrom([]uint64{1 << 53, 1<<53 + 1, math.MaxUint64}))
	anyFloat  = rapid.OneOf(rapid.Float64(), rapid.Float64Range(-2, 2), rapid.SampledFrom(edgeFloats))
	anyBytes  = rapid.OneOf(rapid.SliceOf(rapid.SampledFrom([]byte{0, 1, 2, 3, 0xff})), rapid.SliceOf(rapid.Byte()))
	anyTime   = rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.OneOf(rapid.Int64Range(firstSecond, lastSecond), rapid.Int64Range(-2, 2)).Draw(t, "seconds")
		nanos := rapid.OneOf(rapid.Int64Range(0, 999_999_999), rapid.Int64Range(0, 2)).Draw(t, "nanos")
		east := rapid.IntRange(-14*3600, 14*3600).Draw(t, "east")
		return time.Unix(seconds, nanos).In(time.FixedZone("", east))
	})

	edgeInts   = []int64{math.MinInt64, math.MinInt64 + 1, -1<<53 - 1, -1 << 53, -10, -9, -1, 0, 1, 9, 10, 1 << 53, 1<<53 + 1, math.MaxInt64}
	edgeFloats = []float64{
		math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64,
		3 * math.SmallestNonzeroFloat64, 0x1p-1022, 0.1, math.Nextafter(0.1, 1), 1, 1 << 53, math.MaxFloat64, math.Inf(1), math.NaN(),
	}
)

func TestIntegersSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyInt64.Draw(t, "a"), anyInt64.Draw(t, "b")
		requireOrder(t, a, b, cmp.Compare(a, b))
		u, w := anyUint64.Draw(t, "u"), anyUint64.Draw(t, "w")
		requireOrder(t, u, w, cmp.Compare(u, w))
		requireOrder(t, a, u, new(big.Int).SetInt64(a).Cmp(new(big.Int).SetUint64(u)))
	})
	requireAscending(t, int64(math.MinInt64), int64(math.MinInt64+1), int8(-128), -10, -9, -1, uint8(0), int16(1), uint(9), 10,
		time.Duration(11), int64(1<<53), uint64(1<<53+1), int64(math.MaxInt64), uint64(math.MaxInt64+1), uint64(math.MaxUint64))
}

// floatCompare is the order of floats: NaN is the greatest.
func floatCompare(a, b float64) int {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return cmp.Compare(fromBool(math.IsNaN(a)), fromBool(math.IsNaN(b)))
	default:
		return cmp.Compare(a, b)
	}
}

func fromBool(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestFloatsSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyFloat.Draw(t, "a"), anyFloat.Draw(t, "b")
		requireOrder(t, a, b, floatCompare(a, b))
		requireOrder(t, a, math.Nextafter(a, math.Inf(1)), floatCompare(a, math.Nextafter(a, math.Inf(1))))
		f := float32(b)
		requireOrder(t, a, f, floatCompare(a, float64(f)))
	})
	requireAscending(t, math.Inf(-1), -math.MaxFloat64, float32(-math.MaxFloat32), -1.5, -math.SmallestNonzeroFloat64, 0.0,
		math.SmallestNonzeroFloat64, 2*math.SmallestNonzeroFloat64, 0x1p-1022, float32(math.SmallestNonzeroFloat32), 0.1, float32(0.1),
		1.0, 9.0, 10.0, math.MaxFloat64, math.Inf(1), math.NaN())
	requireOrder(t, math.Copysign(0, -1), 0.0, 0)
	requireOrder(t, math.NaN(), math.Float64frombits(math.Float64bits(math.NaN())|1<<63), 0)
}

func TestStringsSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := string(anyBytes.Draw(t, "a")), string(anyBytes.Draw(t, "b"))
		requireOrder(t, a, b, cmp.Compare(a, b))
		prefix, _ := textOf(t, a)
		text, _ := textOf(t, b)
		require.Equal(t, strings.HasPrefix(b, a), strings.HasPrefix(text, prefix))
		longer, _ := textOf(t, a+b)
		require.True(t, strings.HasPrefix(longer, prefix))
	})
	requireAscending(t, "", "\x00", "\x00\x00", "\x00\x01", "\x01", "\x01\x00", "\x01\x01", "\x02", "A", "a", "aa", "é", "\xff", "\xff\xff")
}

// A text ends with a NUL in an index. A string must not sort behind a longer
// one because of that.
func TestTextsThatEndWithNulSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyBytes.Draw(t, "a"), anyBytes.Draw(t, "b")
		textA, _ := textOf(t, string(a))
		textB, _ := textOf(t, string(b))
		require.Equal(t, bytes.Compare(a, b), cmp.Compare(textA+"\x00", textB+"\x00"))
	})
}

func TestTimesSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTime.Draw(t, "a"), anyTime.Draw(t, "b")
		requireOrder(t, a, b, a.Compare(b))
		requireOrder(t, a, a.UTC(), 0)
		requireOrder(t, a, stamp(b), a.Compare(b))
		requireOrder(t, a, textStamp{b}, a.Compare(b))
	})
	requireAscending(t,
		time.Unix(firstSecond, 0), time.Time{}, time.Time{}.Add(1),
		time.Unix(-1, 999_999_998), time.Unix(-1, 999_999_999), time.Unix(0, 0), time.Unix(0, 1),
		time.Date(2024, 2, 28, 23, 59, 59, 999_999_999, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 3, 1, 0, 0, 0, 0, time.FixedZone("east", 3600)), time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(lastSecond, 999_999_999))
}

func TestTimeOutsideItsYears(t *testing.T) {
	e, err := For(reflect.TypeFor[time.Time]())
	require.NoError(t, err)
	for _, v := range []time.Time{
		time.Unix(firstSecond, -1), time.Unix(lastSecond+1, 0),
		time.Date(9999, 12, 31, 23, 30, 0, 0, time.FixedZone("west", -3600)),
	} {
		texts, err := e.Append([]string{"before"}, reflect.ValueOf(v))
		require.EqualError(t, err, "time.Time: the year is not between 0 and 9999 in UTC; store another time, or none")
		require.Equal(t, []string{"before"}, texts)
	}
}

func TestBoolsSort(t *testing.T) { requireAscending(t, false, true) }

type (
	flag      bool
	name      string
	stamp     time.Time
	textStamp struct{ time.Time }
	noted     struct {
		time.Time
		Note string
	}
	nilTime struct{ *time.Time }
	nilText struct{ textBoth }
	hidden  struct {
		time.Time
		note string
	}
	overridden struct {
		time.Time
		Note string
	}
	bytesNamed []byte
	id         [2]byte
	level      uint8
	jsonLevel  uint8
	onlyText   int
	loose      struct{ Text any }
	selfRef    *selfRef
	bigger     struct{ big.Int }
	bigNamed   big.Int
	failing    string
)

type textBoth interface {
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

func (s overridden) MarshalText() ([]byte, error)     { return []byte(s.Note), nil }
func (s *overridden) UnmarshalText(text []byte) error { s.Note = string(text); return nil }
func (i id) MarshalText() ([]byte, error)             { return []byte{'i', i[0], i[1]}, nil }
func (i *id) UnmarshalText([]byte) error              { return nil }
func (l *level) MarshalText() ([]byte, error)         { return []byte{"zyx"[*l]}, nil }
func (l *level) UnmarshalText([]byte) error           { return nil }
func (jsonLevel) MarshalJSON() ([]byte, error)        { return []byte("1"), nil }
func (onlyText) MarshalText() ([]byte, error)         { return nil, nil }
func (*bigNamed) MarshalText() ([]byte, error)        { return nil, nil }
func (*bigNamed) UnmarshalText([]byte) error          { return nil }
func (failing) MarshalText() ([]byte, error)          { return nil, errors.New("no text") }
func (*failing) UnmarshalText([]byte) error           { return nil }

func TestKinds(t *testing.T) {
	addr := netip.MustParseAddr("10.0.0.1")
	for _, test := range []struct {
		value any
		kind  Kind
		list  bool
		texts []string
	}{
		{true, Bool, false, []string{"1"}},
		{flag(false), Bool, false, []string{"0"}},
		{42, Number, false, []string{"000000000000000000042"}},
		{-42, Number, false, []string{"-99999999999999999957"}},
		{uintptr(1), Number, false, []string{"000000000000000000001"}},
		{jsonLevel(1), Number, false, []string{"000000000000000000001"}},
		{1.5, Float, false, []string{"040015000000000000000"}},
		{float32(-1.5), Float, false, []string{"-59984999999999999999"}},
		{name("a"), Text, false, []string{"a"}},
		{name("\x00\x01\x02"), Text, false, []string{"\x01\x01\x01\x02\x02"}},
		{new(name("a")), Text, false, []string{"a"}},
		{(*name)(nil), Text, false, nil},
		{addr, Text, false, []string{"10.0.0.1"}},
		{net.IP{10, 0, 0, 1}, Text, false, []string{"10.0.0.1"}},
		{net.IP(nil), Text, false, nil},
		{new(net.IP), Text, false, nil},
		{id{0, 1}, Text, false, []string{"i\x01\x01\x01\x02"}},
		{level(1), Text, false, []string{"y"}},
		{new(level(1)), Text, false, []string{"y"}},
		{overridden{time.Time{}, "a"}, Text, false, []string{"a"}},
		{time.Unix(0, 7), Time, false, []string{"062167219200000000007"}},
		{textStamp{time.Unix(0, 7)}, Time, false, []string{"062167219200000000007"}},
		{stamp(time.Unix(0, 7)), Time, false, []string{"062167219200000000007"}},
		{(*time.Time)(nil), Time, false, nil},
		{[]name{"b", "a", "b", "", "c", "a"}, Text, true, []string{"b", "a", "", "c"}},
		{[]name(nil), Text, true, nil},
		{&[]name{"b"}, Text, true, []string{"b"}},
		{(*[]name)(nil), Text, true, nil},
		{[]*name{nil, new(name("a")), nil}, Text, true, []string{"a"}},
		{[]net.IP{nil, {10, 0, 0, 1}}, Text, true, []string{"10.0.0.1"}},
		{[]level{0, 1, 0}, Text, true, []string{"z", "y"}},
		{[]jsonLevel{1}, Number, true, []string{"000000000000000000001"}},
		{[]bool{true, false, true}, Bool, true, []string{"1", "0"}},
		{[]float64{0, math.Copysign(0, -1)}, Float, true, []string{zero}},
	} {
		typ := reflect.TypeOf(test.value)
		t.Run(typ.String(), func(t *testing.T) {
			e, err := For(typ)
			require.NoError(t, err)
			require.Equal(t, test.kind, e.Kind())
			require.Equal(t, test.list, e.IsList())
			addressable := reflect.New(typ).Elem()
			addressable.Set(reflect.ValueOf(test.value))
			for _, v := range []reflect.Value{reflect.ValueOf(test.value), addressable} {
				texts, err := e.Append([]string{"a"}, v)
				require.NoError(t, err)
				require.Equal(t, append([]string{"a"}, test.texts...), texts)
			}
		})
	}
}

func TestTypesWithoutOrder(t *testing.T) {
	_, err := For(nil)
	require.EqualError(t, err, "a nil type has no order")
	for _, test := range []struct {
		value  any
		reason string
	}{
		{map[string]int{}, ""},
		{make(chan int), ""},
		{func() {}, ""},
		{1i, ""},
		{new(any), ": its values may be of different types"},
		{[]any{}, ": interface {} has no order: its values may be of different types"},
		{json.Number("1"), ": it may be an integer or a float; use int64 or float64"},
		{big.NewInt(1), ": its text does not sort as the number; use int64, uint64 or float64"},
		{bigger{}, ": its text does not sort as the number; use int64, uint64 or float64"},
		{bigNamed{}, ": its text does not sort as the number; use int64, uint64 or float64"},
		{[]byte{}, ": bytes are not indexed; use a string"},
		{bytesNamed{}, ": bytes are not indexed; use a string"},
		{json.RawMessage{}, ": bytes are not indexed; use a string"},
		{[][]byte{}, ": []uint8 has no order: bytes are not indexed; use a string"},
		{[16]byte{}, ": arrays are not indexed; use a slice, or a string for bytes"},
		{[][]int{}, ": []int has no order: a list in a list is not indexed"},
		{[]*[]int{}, ": *[]int has no order: a list in a list is not indexed"},
		{new(*int), ": a pointer to a pointer is not indexed"},
		{selfRef(nil), ": a pointer to a pointer is not indexed"},
		{loose{}, ": a struct needs MarshalText and UnmarshalText"},
		{noted{}, ": a struct needs MarshalText and UnmarshalText"},
		{nilTime{}, ": a struct needs MarshalText and UnmarshalText"},
		{nilText{}, ": a struct needs MarshalText and UnmarshalText"},
		{onlyText(0), ": it has only one of MarshalText and UnmarshalText; add the other"},
	} {
		typ := reflect.TypeOf(test.value)
		t.Run(typ.String(), func(t *testing.T) {
			_, err := For(typ)
			require.EqualError(t, err, typ.String()+" has no order"+test.reason)
		})
	}
}

// A method counts in an index exactly if it counts when package codec stores
// the value.
func TestMethodsCountAsInCodec(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[int](), reflect.TypeFor[time.Time](), reflect.TypeFor[stamp](), reflect.TypeFor[textStamp](), reflect.TypeFor[noted](),
		reflect.TypeFor[nilTime](), reflect.TypeFor[nilText](), reflect.TypeFor[hidden](), reflect.TypeFor[overridden](), reflect.TypeFor[id](), reflect.TypeFor[level](),
		reflect.TypeFor[jsonLevel](), reflect.TypeFor[onlyText](), reflect.TypeFor[big.Int](), reflect.TypeFor[bigger](),
		reflect.TypeFor[netip.Addr](), reflect.TypeFor[net.IP](), reflect.TypeFor[any](), reflect.TypeFor[*level](), reflect.TypeFor[loose](),
	} {
		require.Equal(t, fields.TextMethods(typ).Complete(), isText(typ), typ)
		if typ.Kind() == reflect.Uint8 {
			require.Equal(t, fields.MarshalsItself(typ), !isBytes(reflect.SliceOf(typ)), typ)
		}
	}
}

func TestFailingMarshalText(t *testing.T) {
	e, err := For(reflect.TypeFor[[]failing]())
	require.NoError(t, err)
	texts, err := e.Append([]string{"before"}, reflect.ValueOf([]failing{"a"}))
	require.EqualError(t, err, "element 0: sorttext.failing: no text")
	require.Equal(t, []string{"before"}, texts)
}

func TestNext(t *testing.T) {
	for _, test := range []struct {
		prefix, next string
		ok           bool
	}{
		{"a", "b", true}, {"a\xff", "b", true}, {"a\xff\xff", "b", true}, {"\xfe", "\xff", true},
		{"", "", false}, {"\xff", "", false}, {"\xff\xff", "", false},
	} {
		next, ok := Next(test.prefix)
		require.Equal(t, test.next, next, test.prefix)
		require.Equal(t, test.ok, ok, test.prefix)
	}
	rapid.Check(t, func(t *rapid.T) {
		p, s := string(anyBytes.Draw(t, "prefix")), string(anyBytes.Draw(t, "text"))
		prefix, _ := textOf(t, p)
		next, ok := Next(prefix)
		for _, s := range []string{s, p + s} {
			text, _ := textOf(t, s)
			inRange := text >= prefix && (!ok || text < next)
			require.Equal(t, strings.HasPrefix(text, prefix), inRange, "%q %q", prefix, text)
		}
		require.True(t, !ok || !strings.HasPrefix(next, prefix))
	})
}

// The texts of any two values sort as the values.
func FuzzOrder(f *testing.F) {
	f.Add(int64(-1), int64(1), uint64(math.MaxUint64), uint64(0), 0.0, math.NaN(), "a\x00", "a\x01", int64(0), int64(1))
	f.Add(int64(math.MinInt64), int64(math.MaxInt64), uint64(1<<53+1), uint64(1<<53), 5e-324, -5e-324, "", "\xff", int64(-1), int64(-62135596800))
	f.Fuzz(func(t *testing.T, a, b int64, u, w uint64, x, y float64, s, r string, sec, nsec int64) {
		requireOrder(t, a, b, cmp.Compare(a, b))
		requireOrder(t, u, w, cmp.Compare(u, w))
		requireOrder(t, a, u, new(big.Int).SetInt64(a).Cmp(new(big.Int).SetUint64(u)))
		requireOrder(t, x, y, floatCompare(x, y))
		requireOrder(t, s, r, cmp.Compare(s, r))
		early, late := time.Unix(sec%lastSecond, nsec), time.Unix(sec%lastSecond, b)
		if inYears(early) && inYears(late) {
			requireOrder(t, early, late, early.Compare(late))
		}
	})
}

func inYears(t time.Time) bool { return t.Unix() >= firstSecond && t.Unix() <= lastSecond }

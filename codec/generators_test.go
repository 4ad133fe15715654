package codec_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/symphony-go/symphony/codec"
)

var codecs = []codec.Codec{codec.Compact, codec.JSON, codec.MsgPack}

type (
	color  string
	level  int8
	ratio  float32
	toggle bool
	blob   []byte
	labels map[string]string
	names  []string
	tree   []tree
)

// point marshals itself as text. MarshalText has a value receiver.
type point struct{ X, Y int }

func (p point) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d/%d", p.X, p.Y), nil }

func (p *point) UnmarshalText(text []byte) error {
	n, err := fmt.Sscanf(string(text), "%d/%d", &p.X, &p.Y)
	if err == nil && (n != 2 || fmt.Sprintf("%d/%d", p.X, p.Y) != string(text)) {
		err = fmt.Errorf("%q is no point", text)
	}
	return err
}

// word marshals itself as any text, null too.
type word struct{ s string }

func (w *word) MarshalText() ([]byte, error) { return []byte(w.s), nil }

func (w *word) UnmarshalText(text []byte) error {
	w.s = string(text)
	return nil
}

// pair marshals itself as JSON. MarshalJSON has a pointer receiver.
type pair struct{ a, b int }

func (p *pair) MarshalJSON() ([]byte, error) { return json.Marshal([]int{p.a, p.b}) }

func (p *pair) UnmarshalJSON(data []byte) error {
	var list [2]int
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	p.a, p.b = list[0], list[1]
	return nil
}

type base struct {
	Created time.Time `redis:"created"`
	Owner   *string   `redis:"owner"`
}

type Meta struct {
	Revision uint16 `json:"rev"`
}

// stamped would be stored as its time alone if the methods of time.Time counted
// for the whole struct.
type stamped struct {
	time.Time
	Note string
}

type everything struct {
	base
	*Meta
	Bool     bool
	Switch   toggle
	Int      int
	Int8     int8
	Int16    int16
	Int32    int32
	Int64    int64
	Uint     uint
	Uint8    uint8
	Uint64   uint64
	Level    level
	Float32  float32
	Float64  float64
	Ratio    ratio
	String   string `redis:"text"`
	Color    color
	Number   json.Number
	Time     time.Time
	Duration time.Duration
	Bytes    []byte
	Blob     blob
	Point    point
	Word     word
	Big      *big.Int
	Addr     netip.Addr
	Pair     pair
	Raw      json.RawMessage
	Strings  []string
	Names    names
	Ints     []int64
	Bools    []bool
	Times    []time.Time
	Matrix   [][]float64
	Array    [3]uint8
	Labels   labels
	Flags    map[string]bool
	ByLevel  map[level]string
	ByBool   map[bool]int
	ByPoint  map[point][]int
	ByTime   map[time.Duration]string
	BoolPtr  *bool
	IntPtr   *int64
	FloatPtr *float64
	TextPtr  *string
	TimePtr  *time.Time
	WordPtr  *word
	PairPtr  *pair
	Self     *everything
	Selves   []everything
	BySelf   map[string]*everything
	Tree     tree
	Stamped  stamped
	Empty    struct{}
	Zero     int      `redis:",omitzero"`
	Left     string   `json:"left,omitempty"`
	Out      chan int `redis:"-"`
}

var awkward = []string{"", "null", `"null"`, `""null""`, "1", "0", "true", "3.14", " ", "{\"a\":1}", "[]", "\x00\x1f\x7f",
	"\u2028<&>", "é\U0001F680", "a\\b\"c\nd", "NaN", "_"}

func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.SampledFrom(awkward), rapid.String())
}

func instants() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		sec := rapid.Int64Range(-62167132800, 253402214400).Draw(t, "sec")
		zone := time.FixedZone("", rapid.IntRange(-12*3600, 12*3600).Draw(t, "zone"))
		return time.Unix(sec, rapid.Int64Range(0, 999999999).Draw(t, "ns")).In(zone)
	})
}

func floats() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 1e16, 1e-5, 1e-4, 1e21,
		9999999999999998, math.MaxFloat64, math.SmallestNonzeroFloat64, 123456789012345680}))
}

func numbers() *rapid.Generator[json.Number] {
	return rapid.Map(rapid.OneOf(rapid.SampledFrom([]string{"", "-0", "1e5", "1E+400", "0.10", "123456789012345678901234567890"}),
		rapid.Map(rapid.Int(), func(n int) string { return fmt.Sprint(n) })), func(s string) json.Number { return json.Number(s) })
}

func ptrOrNil[T any](g *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(g, true) }

// orNil generates nil as well, because the generators of slices and maps do
// not.
func orNil[T any](g *rapid.Generator[T]) *rapid.Generator[T] {
	return rapid.OneOf(rapid.Just(*new(T)), g)
}

func listOf[T any](g *rapid.Generator[T]) *rapid.Generator[[]T] {
	return orNil(rapid.SliceOfN(g, 0, 5))
}

func mapOf[K comparable, V any](k *rapid.Generator[K], v *rapid.Generator[V]) *rapid.Generator[map[K]V] {
	return orNil(rapid.MapOfN(k, v, 0, 5))
}

func points() *rapid.Generator[point] {
	return rapid.Custom(func(t *rapid.T) point { return point{rapid.Int().Draw(t, "x"), rapid.Int().Draw(t, "y")} })
}

func pairs() *rapid.Generator[pair] {
	return rapid.Custom(func(t *rapid.T) pair { return pair{rapid.Int().Draw(t, "a"), rapid.Int().Draw(t, "b")} })
}

func words() *rapid.Generator[word] {
	return rapid.Map(texts(), func(s string) word { return word{s} })
}

func bigs() *rapid.Generator[big.Int] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 40), func(b []byte) big.Int {
		n := new(big.Int).SetBytes(b)
		if len(b)%2 == 1 {
			n.Neg(n)
		}
		return *n
	})
}

func addrs() *rapid.Generator[netip.Addr] {
	return rapid.SampledFrom([]netip.Addr{{}, netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("fe80::1%eth0")})
}

func raws() *rapid.Generator[json.RawMessage] {
	return rapid.Map(rapid.SampledFrom([]string{"-", `{"a": [1, 2.50, "x\u00e9"]}`, `"null"`, "[]", "0", "true", `"\ud800"`}),
		func(s string) json.RawMessage {
			if s == "-" {
				return nil
			}
			return json.RawMessage(s)
		})
}

func trees(depth int) *rapid.Generator[tree] {
	if depth == 0 {
		return rapid.SampledFrom([]tree{nil, {}})
	}
	return orNil(rapid.Map(rapid.SliceOfN(trees(depth-1), 0, 3), func(s []tree) tree { return s }))
}

func stampedTimes() *rapid.Generator[stamped] {
	return rapid.Custom(func(t *rapid.T) stamped { return stamped{instants().Draw(t, "time"), texts().Draw(t, "note")} })
}

func everythings(depth int) *rapid.Generator[everything] {
	return rapid.Custom(func(t *rapid.T) everything {
		e := everything{
			base: base{instants().Draw(t, "created"), ptrOrNil(texts()).Draw(t, "owner")},
			Meta: ptrOrNil(rapid.Map(rapid.Uint16(), func(n uint16) Meta { return Meta{n} })).Draw(t, "meta"),
			Bool: rapid.Bool().Draw(t, "bool"), Switch: toggle(rapid.Bool().Draw(t, "switch")),
			Int: rapid.Int().Draw(t, "int"), Int8: rapid.Int8().Draw(t, "int8"), Int16: rapid.Int16().Draw(t, "int16"),
			Int32: rapid.Int32().Draw(t, "int32"), Int64: rapid.Int64().Draw(t, "int64"), Uint: rapid.Uint().Draw(t, "uint"),
			Uint8: rapid.Uint8().Draw(t, "uint8"), Uint64: rapid.Uint64().Draw(t, "uint64"), Level: level(rapid.Int8().Draw(t, "level")),
			Float32: rapid.Float32().Draw(t, "float32"), Float64: floats().Draw(t, "float64"), Ratio: ratio(rapid.Float32().Draw(t, "ratio")),
			String: texts().Draw(t, "string"), Color: color(texts().Draw(t, "color")), Number: numbers().Draw(t, "number"),
			Time: instants().Draw(t, "time"), Duration: time.Duration(rapid.Int64().Draw(t, "duration")),
			Bytes: listOf(rapid.Byte()).Draw(t, "bytes"), Blob: listOf(rapid.Byte()).Draw(t, "blob"),
			Point: points().Draw(t, "point"), Word: words().Draw(t, "word"), Big: ptrOrNil(bigs()).Draw(t, "big"),
			Addr: addrs().Draw(t, "addr"), Pair: pairs().Draw(t, "pair"), Raw: raws().Draw(t, "raw"),
			Strings: listOf(texts()).Draw(t, "strings"), Names: listOf(texts()).Draw(t, "names"), Ints: listOf(rapid.Int64()).Draw(t, "ints"),
			Bools: listOf(rapid.Bool()).Draw(t, "bools"), Times: listOf(instants()).Draw(t, "times"),
			Matrix: listOf(listOf(floats())).Draw(t, "matrix"),
			Array:  [3]uint8{rapid.Uint8().Draw(t, "array"), 2, 3},
			Labels: mapOf(texts(), texts()).Draw(t, "labels"), Flags: mapOf(texts(), rapid.Bool()).Draw(t, "flags"),
			ByLevel: mapOf(rapid.Map(rapid.Int8(), func(n int8) level { return level(n) }), texts()).Draw(t, "bylevel"),
			ByBool:  mapOf(rapid.Bool(), rapid.Int()).Draw(t, "bybool"), ByPoint: mapOf(points(), listOf(rapid.Int())).Draw(t, "bypoint"),
			ByTime:  mapOf(rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) }), texts()).Draw(t, "bytime"),
			BoolPtr: ptrOrNil(rapid.Bool()).Draw(t, "boolptr"), IntPtr: ptrOrNil(rapid.Int64()).Draw(t, "intptr"),
			FloatPtr: ptrOrNil(floats()).Draw(t, "floatptr"), TextPtr: ptrOrNil(texts()).Draw(t, "textptr"),
			TimePtr: ptrOrNil(instants()).Draw(t, "timeptr"), WordPtr: ptrOrNil(words()).Draw(t, "wordptr"), PairPtr: ptrOrNil(pairs()).Draw(t, "pairptr"),
			Tree: trees(3).Draw(t, "tree"), Stamped: stampedTimes().Draw(t, "stamped"),
			Zero: rapid.IntRange(0, 2).Draw(t, "zero"), Left: rapid.SampledFrom([]string{"", "x"}).Draw(t, "left"),
		}
		if depth > 0 {
			e.Self = ptrOrNil(everythings(depth-1)).Draw(t, "self")
			if rapid.Bool().Draw(t, "more") {
				e.Selves = []everything{everythings(depth-1).Draw(t, "selves")}
				e.BySelf = map[string]*everything{"x": nil, "y": e.Self}
			}
		}
		return e
	})
}

func pointersTo[T any](g *rapid.Generator[T]) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		p := new(T)
		*p = g.Draw(t, "value")
		return p
	})
}

// wholeValues generates pointers to values of the types that are tested as
// whole values.
var wholeValues = []*rapid.Generator[any]{
	pointersTo(rapid.Bool()), pointersTo(rapid.Int()), pointersTo(rapid.Int8()), pointersTo(rapid.Int64()), pointersTo(rapid.Uint8()), pointersTo(rapid.Uint64()),
	pointersTo(rapid.Float32()), pointersTo(floats()), pointersTo(texts()), pointersTo(rapid.Map(texts(), func(s string) color { return color(s) })),
	pointersTo(numbers()), pointersTo(instants()), pointersTo(rapid.Map(rapid.Int64(), func(n int64) time.Duration { return time.Duration(n) })),
	pointersTo(listOf(rapid.Byte())), pointersTo(rapid.Map(texts(), func(s string) []byte { return []byte(s) })),
	pointersTo(rapid.Map(texts(), func(s string) blob { return blob(s) })),
	pointersTo(points()), pointersTo(words()), pointersTo(ptrOrNil(words())), pointersTo(bigs()), pointersTo(ptrOrNil(bigs())), pointersTo(addrs()), pointersTo(ptrOrNil(addrs())),
	pointersTo(rapid.SampledFrom([]net.IP{nil, net.IPv4(1, 2, 3, 4)})), pointersTo(pairs()), pointersTo(ptrOrNil(pairs())), pointersTo(raws()),
	pointersTo(ptrOrNil(texts())), pointersTo(ptrOrNil(rapid.Map(texts(), func(s string) color { return color(s) }))), pointersTo(ptrOrNil(rapid.Int())),
	pointersTo(ptrOrNil(floats())), pointersTo(ptrOrNil(rapid.Bool())), pointersTo(ptrOrNil(instants())), pointersTo(ptrOrNil(stampedTimes())), pointersTo(listOf(texts())),
	pointersTo(listOf(ptrOrNil(texts()))), pointersTo(listOf(rapid.Bool())), pointersTo(listOf(listOf(rapid.Int()))), pointersTo(mapOf(texts(), texts())),
	pointersTo(mapOf(texts(), listOf(ptrOrNil(floats())))), pointersTo(mapOf(rapid.Uint16(), points())), pointersTo(trees(4)), pointersTo(everythings(0)),
	pointersTo(rapid.Map(rapid.Bool(), func(b bool) [2]bool { return [2]bool{b, !b} })), pointersTo(rapid.Just([0]int{})), pointersTo(rapid.Just(struct{}{})),
}

// equalValues compares times with Equal, big numbers by value, and NaN as equal
// to itself. Nil and empty differ.
func equalValues(a, b reflect.Value) bool {
	switch a.Type() {
	case reflect.TypeFor[time.Time]():
		return a.Interface().(time.Time).Equal(b.Interface().(time.Time))
	case reflect.TypeFor[big.Int]():
		x, y := a.Interface().(big.Int), b.Interface().(big.Int)
		return x.Cmp(&y) == 0
	}
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		x, y := a.Float(), b.Float()
		return x == y && math.Signbit(x) == math.Signbit(y) || x != x && y != y
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return equalValues(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.IsNil() != b.IsNil() {
			return false
		}
		fallthrough
	case reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equalValues(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if e := b.MapIndex(k); !e.IsValid() || !equalValues(a.MapIndex(k), e) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if strings.HasPrefix(a.Type().PkgPath(), "net") || a.NumField() > 0 && !a.Type().Field(0).IsExported() && !a.Type().Field(0).Anonymous {
			return reflect.DeepEqual(exported(a), exported(b))
		}
		for i := range a.NumField() {
			if a.Type().Field(i).Tag.Get("redis") != "-" && !equalValues(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	default:
		return reflect.DeepEqual(exported(a), exported(b))
	}
}

func exported(v reflect.Value) any {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c.Interface()
}

package codec_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/ratiotest"
)

type profile struct {
	Name    string            `json:"name"`
	Email   string            `json:"email"`
	City    string            `json:"city"`
	Plan    string            `json:"plan"`
	Score   int64             `json:"score"`
	Visits  int64             `json:"visits"`
	Ratio   float64           `json:"ratio"`
	Balance float64           `json:"balance"`
	Active  bool              `json:"active"`
	Tags    []string          `json:"tags"`
	Created time.Time         `json:"created"`
	Labels  map[string]string `json:"labels"`
}

var sample = profile{
	Name: "Alice Ángeles", Email: "alice@example.com", City: "Bogotá", Plan: "professional", Score: 123456, Visits: 42,
	Ratio: 0.125, Balance: 1234.56, Active: true, Tags: []string{"new", "gold", "beta", "mobile"},
	Created: time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC), Labels: map[string]string{"team": "core", "tier": "one"},
}

// BenchmarkFields encodes and decodes each field of a record as a field of a
// hash. Decoding must only allocate the memory of the value.
func BenchmarkFields(b *testing.B) {
	v := reflect.ValueOf(&sample).Elem()
	for i := range v.NumField() {
		field := v.Field(i)
		typ, err := codec.For(codec.Compact, field.Type())
		if err != nil {
			b.Fatal(err)
		}
		data, _ := typ.Append(nil, field)
		text := string(data)
		b.Run("append/"+v.Type().Field(i).Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				data, _ = typ.Append(data[:0], field)
			}
		})
		b.Run("decode/"+v.Type().Field(i).Name, func(b *testing.B) {
			b.ReportAllocs()
			dst := reflect.New(field.Type()).Elem()
			for b.Loop() {
				_ = typ.Decode(text, dst)
			}
		})
	}
}

func benchmarkAgainstJSON[T any](b *testing.B, value T) {
	typ, err := codec.For(codec.Compact, reflect.TypeFor[T]())
	if err != nil {
		b.Fatal(err)
	}
	v := reflect.ValueOf(&value).Elem()
	data, err := typ.Append(nil, v)
	if err != nil {
		b.Fatal(err)
	}
	plain, err := json.Marshal(value)
	if err != nil {
		b.Fatal(err)
	}
	text := string(data)
	b.Run("write/compact", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			data, _ = typ.Append(data[:0], v)
		}
	})
	b.Run("write/encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = json.Marshal(&value)
		}
	})
	b.Run("read/compact", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst := new(T)
			_ = typ.Decode(text, reflect.ValueOf(dst).Elem())
		}
	})
	b.Run("read/encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst := new(T)
			_ = json.Unmarshal(plain, dst)
		}
	})
	b.Run("write/msgpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = codec.MsgPack.Marshal(&value)
		}
	})
	packed, _ := codec.MsgPack.Marshal(&value)
	b.Run("read/msgpack", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = codec.MsgPack.Unmarshal(packed, new(T))
		}
	})
}

func BenchmarkStruct(b *testing.B)  { benchmarkAgainstJSON(b, sample) }
func BenchmarkStrings(b *testing.B) { benchmarkAgainstJSON(b, sample.Tags) }
func BenchmarkStructs(b *testing.B) {
	benchmarkAgainstJSON(b, []profile{sample, sample, sample, sample, sample, sample, sample, sample})
}
func BenchmarkAny(b *testing.B) {
	benchmarkAgainstJSON(b, map[string]any{"name": "Alice", "score": int64(5), "tags": []any{"a", "b"}, "deep": map[string]any{"on": true}})
}

// order is nested as the values of services often are: structs in structs,
// slices, maps, times, strings and numbers.
type order struct {
	ID       string           `json:"id"`
	Customer customer         `json:"customer"`
	Lines    []orderLine      `json:"lines"`
	Totals   map[string]int64 `json:"totals"`
	Notes    map[string]string
	Tags     []string    `json:"tags"`
	Visits   []time.Time `json:"visits"`
	Weights  []float64   `json:"weights"`
	Paid     bool        `json:"paid"`
	Placed   time.Time   `json:"placed"`
	Shipped  *time.Time  `json:"shipped"`
}

type customer struct {
	Name    string `json:"name"`
	Email   string `json:"email"`
	Address place  `json:"address"`
	Age     int    `json:"age"`
}

type place struct {
	Street string  `json:"street"`
	City   string  `json:"city"`
	Zip    string  `json:"zip"`
	Lat    float64 `json:"lat"`
	Lon    float64 `json:"lon"`
}

type orderLine struct {
	SKU      string  `json:"sku"`
	Title    string  `json:"title"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
	Gift     bool    `json:"gift"`
}

var sampleOrder = func() order {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.UTC)
	return order{
		ID: "order-2026-000123",
		Customer: customer{
			Name: "Alice Ángeles", Email: "alice@example.com", Age: 37,
			Address: place{Street: "Carrera 7 No. 26-20", City: "Bogotá", Zip: "110311", Lat: 4.6097, Lon: -74.0817},
		},
		Lines: []orderLine{
			{"A-1001", "Mechanical keyboard, \"quiet\" switches", 1, 129.95, false},
			{"B-2002", "USB-C cable, 2 m", 3, 9.5, false},
			{"C-3003", "Gift card", 1, 50, true},
		},
		Totals: map[string]int64{"net": 20845, "tax": 3961, "gross": 24806},
		Notes:  map[string]string{"door": "ring twice", "lang": "es"},
		Tags:   []string{"new", "gold", "mobile"}, Visits: []time.Time{at, at.Add(time.Hour)}, Weights: []float64{0.5, 1.25, 12},
		Paid: true, Placed: at, Shipped: &at,
	}
}()

// BenchmarkNested compares Compact with encoding/json, from a value to its
// bytes and back.
func BenchmarkNested(b *testing.B) {
	b.Run("order", func(b *testing.B) { ratioToJSON(b, &sampleOrder) })
	b.Run("profile", func(b *testing.B) { ratioToJSON(b, &sample) })
	b.Run("profiles", func(b *testing.B) {
		list := make([]profile, 8)
		for i := range list {
			list[i] = sample
		}
		ratioToJSON(b, &list)
	})
}

func ratioToJSON[T any](b *testing.B, value *T) {
	data, err := codec.Compact.Marshal(value)
	require.NoError(b, err)
	plain, err := json.Marshal(value)
	require.NoError(b, err)
	var got, want T
	require.NoError(b, codec.Compact.Unmarshal(data, &got))
	require.NoError(b, json.Unmarshal(plain, &want))
	require.Equal(b, want, got)

	b.Run("encode", func(b *testing.B) {
		ratiotest.Compare(b, 1,
			func() error { _, err := codec.Compact.Marshal(value); return err },
			func() error { _, err := json.Marshal(value); return err })
	})
	b.Run("decode", func(b *testing.B) {
		ratiotest.Compare(b, 1,
			func() error { return codec.Compact.Unmarshal(data, new(T)) },
			func() error { return json.Unmarshal(plain, new(T)) })
	})
}

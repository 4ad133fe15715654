package codec_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/symphony-go/symphony/codec"
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

// BenchmarkFields writes and reads each field of a record as a hash field; reading one must not allocate beyond what
// its value needs.
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

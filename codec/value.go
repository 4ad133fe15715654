package codec

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
)

// Value is a stored value that has not been decoded yet: its bytes and its
// codec. The reader chooses the type with [Value.Decode] or one of the other
// methods.
//
// A Value can be a field of a record or a whole value, but not a part of
// another value. Encoding a Value writes its bytes unchanged, even if another
// codec encodes it. The zero Value is empty, and its codec is [Compact].
//
// Package encoding/json writes and reads a Value with [Value.MarshalJSON] and
// [Value.UnmarshalJSON], so a handler can send stored values to a client.
type Value struct {
	data   string
	codec  Codec
	budget budget
}

// NewValue returns a Value with the given codec and a copy of data. If c is
// nil, the codec is [Compact].
func NewValue(c Codec, data []byte) Value {
	return Value{data: string(data), codec: c}
}

// WithMaxDecoded returns a copy of v. Decoding the copy, with any method, takes
// at most the given number of bytes of memory. If bytes is 0, the limit is
// [DefaultMaxDecoded], which is also the default.
func (v Value) WithMaxDecoded(bytes int) Value {
	v.budget = budget(bytes)
	return v
}

// Codec returns the codec that decodes the value.
func (v Value) Codec() Codec {
	if v.codec == nil {
		return Compact
	}
	return v.codec
}

// Bytes returns a copy of the stored bytes.
func (v Value) Bytes() []byte { return []byte(v.data) }

// String returns the value as a string. With [Compact] this is the stored text.
// With any other codec it is the decoded string. If the value is not a string,
// String returns the stored bytes.
func (v Value) String() string {
	if v.Codec() == Compact {
		return v.data
	}
	var s string
	if v.Decode(&s) != nil {
		return v.data
	}
	return s
}

// Int returns the value as an integer. If it is not an integer, or if it does
// not fit an int64, Int returns a [*DecodeError].
func (v Value) Int() (int64, error) { return decodeAs[int64](v) }

// Float returns the value as a float. If it is not a number, or if it does not
// fit a float64, Float returns a [*DecodeError].
func (v Value) Float() (float64, error) { return decodeAs[float64](v) }

// Bool returns the value as a bool. If it is not a bool, Bool returns a
// [*DecodeError].
func (v Value) Bool() (bool, error) { return decodeAs[bool](v) }

// Decode decodes the value into the variable that dst points to.
//
// If the value does not fit the type of dst, Decode returns a [*DecodeError].
// If decoding would take too much memory, the DecodeError wraps [ErrTooLarge].
// If the type cannot be stored, Decode returns a [*SchemaError]. If dst is not
// a non-nil pointer, Decode returns an error.
func (v Value) Decode(dst any) error {
	t, to, err := destination(v.Codec(), dst)
	if err != nil {
		return err
	}
	if v.budget != 0 {
		t = t.WithMaxDecoded(int(v.budget))
	}
	return withoutValue(t.Decode(v.data, to))
}

// Any returns the value as the Go type that its encoding suggests, as if it
// were decoded into an any.
//
// [Compact] stores no types. A text that is JSON is returned as nil, a bool, an
// int64, a float64, a [json.Number], a string, a []any or a map[string]any. Any
// other text is returned as a string. So a string "12" is returned as a number,
// and a bool as 0 or 1. If you know the type, use [Value.Decode].
//
// Any returns the errors of Decode.
func (v Value) Any() (any, error) { return decodeAs[any](v) }

// MarshalJSON returns the value as JSON, with the type that [Value.Any]
// returns. JSON is written as it is stored, so numbers keep all their digits.
// With [Compact], any other text is a JSON string. That includes the texts NaN
// and Infinity, which JSON does not have as numbers.
//
// If the value cannot be JSON, MarshalJSON returns an [*EncodeError]: bytes
// that are not valid UTF-8, a list or an object that contains NaN or an
// infinity, or such a number with another codec than Compact. It also returns
// the errors of Any.
func (v Value) MarshalJSON() ([]byte, error) {
	x, err := v.Any()
	if err != nil {
		return nil, err
	}
	c := v.Codec()
	if c != Compact && c != JSON {
		return JSON.Marshal(x)
	}
	switch x := x.(type) {
	case string:
		return quoteText(x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return quoteText(v.data)
		}
	}
	if data := []byte(v.data); json.Valid(data) {
		return data, nil
	}
	return nil, encodeError(valueType, errNotJSON)
}

// UnmarshalJSON sets v to a value of [Compact] that has the same JSON. A JSON
// string becomes its text, as Compact stores a string. Anything else becomes
// its JSON.
//
// If data is not JSON, UnmarshalJSON returns a [*DecodeError].
func (v *Value) UnmarshalJSON(data []byte) error {
	var x any
	if err := JSON.Unmarshal(data, &x); err != nil {
		var bad *DecodeError
		if errors.As(err, &bad) {
			bad.Type = valueType
		}
		return err
	}
	if text, ok := x.(string); ok {
		*v = Value{data: text}
	} else {
		*v = Value{data: string(data)}
	}
	return nil
}

// quoteText returns a text as a JSON string.
func quoteText(text string) ([]byte, error) {
	data, ok := appendQuoted(nil, text)
	if !ok {
		return nil, encodeError(valueType, errUTF8)
	}
	return data, nil
}

func decodeAs[T any](v Value) (T, error) {
	var dst T
	if err := v.Decode(&dst); err != nil {
		var zero T
		return zero, err
	}
	return dst, nil
}

// valueIn returns the Value in v.
func valueIn(v reflect.Value) Value {
	if v.CanAddr() {
		return *v.Addr().Interface().(*Value)
	}
	return v.Interface().(Value)
}

package codec

import "reflect"

// Value is one stored value whose type the reader decides: the bytes, and the codec that reads them.
//
// It is a type for hash fields and for whole values. Writing one stores its bytes as they are.
type Value struct {
	data   string
	codec  Codec
	budget budget
}

// NewValue returns the value that data is in codec c; nil stands for Compact. It keeps no reference to data.
func NewValue(c Codec, data []byte) Value {
	return Value{data: string(data), codec: c}
}

// Within returns the value with another bound than DefaultMaxDecoded for the memory that Decode takes.
func (v Value) WithMaxDecoded(bytes int) Value {
	v.budget = budget(bytes)
	return v
}

// Codec returns the codec that reads the value.
func (v Value) Codec() Codec {
	if v.codec == nil {
		return Compact
	}
	return v.codec
}

// Bytes returns a copy of the stored bytes.
func (v Value) Bytes() []byte { return []byte(v.data) }

// String returns the value as a string: the stored text itself, or in a codec that quotes strings what is between the
// quotes. What is no string there is given as it is stored.
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

// Int returns the value as an integer, or a *DecodeError.
func (v Value) Int() (int64, error) { return decodeAs[int64](v) }

// Float returns the value as a number, or a *DecodeError.
func (v Value) Float() (float64, error) { return decodeAs[float64](v) }

// Bool returns the value as a bool, or a *DecodeError.
func (v Value) Bool() (bool, error) { return decodeAs[bool](v) }

// Decode reads the value into what dst points to.
func (v Value) Decode(dst any) error {
	t, to, err := destination(v.Codec(), dst)
	if err != nil {
		return err
	}
	if v.budget != 0 {
		t = t.WithMaxDecoded(int(v.budget))
	}
	return t.Decode(v.data, to)
}

func decodeAs[T any](v Value) (T, error) {
	var dst T
	if err := v.Decode(&dst); err != nil {
		var zero T
		return zero, err
	}
	return dst, nil
}

func valueIn(v reflect.Value) Value {
	if v.CanAddr() {
		return *v.Addr().Interface().(*Value)
	}
	return v.Interface().(Value)
}

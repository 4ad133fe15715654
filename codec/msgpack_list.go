package codec

import (
	"encoding/binary"
	"math"
	"reflect"
	"strings"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// Extend returns the stored list with the elements of elems appended. The bytes
// of the stored elements do not change. If stored is nil in MessagePack, it is
// an empty list. The type of elems must be the
// compiled type.
//
// Extend supports slices with [MsgPack]. For any other type it returns false.
//
// If stored does not fit the type, Extend returns a [*DecodeError]. If decoding
// stored would take too much memory, the error wraps [ErrTooLarge]. If elems
// cannot be encoded, Extend returns an [*EncodeError].
func (t *Type) Extend(stored string, elems reflect.Value) (text string, ok bool, err error) {
	if t.shape == nil || t.codec != MsgPack || t.shape.kind != kindSlice {
		return "", false, nil
	}
	if err := t.Decode(stored, reflect.New(t.typ).Elem()); err != nil {
		return "", true, err
	}
	added, err := t.Append(nil, elems)
	if err != nil {
		return "", true, err
	}
	n, body := splitArray(stored)
	m, tail := splitArray(string(added))
	var b strings.Builder
	b.Write(arrayHeader(n + m))
	b.WriteString(body)
	b.WriteString(tail)
	return b.String(), true, nil
}

// splitArray returns the number of elements of a valid array and their bytes.
func splitArray(list string) (n int, body string) {
	switch c := list[0]; c {
	case msgpcode.Nil:
		return 0, ""
	case msgpcode.Array16:
		return int(binary.BigEndian.Uint16([]byte(list[1:3]))), list[3:]
	case msgpcode.Array32:
		return int(binary.BigEndian.Uint32([]byte(list[1:5]))), list[5:]
	default:
		return int(c & msgpcode.FixedArrayMask), list[1:]
	}
}

// arrayHeader returns the header of an array of n elements.
func arrayHeader(n int) []byte {
	switch {
	case n <= int(msgpcode.FixedArrayMask):
		return []byte{msgpcode.FixedArrayLow | byte(n)}
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16([]byte{msgpcode.Array16}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{msgpcode.Array32}, uint32(n))
}

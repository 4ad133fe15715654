package codec

import (
	"reflect"
	"time"
	"unsafe"
)

// spot is where a value of a shape stands in memory. JSON is read and written through spots and not through
// reflect.Values, which check at every step what the shape has settled once: that was a third of the time.
//
// This file alone uses unsafe. It is sound because a spot begins as the address of an addressable reflect.Value, moves
// on only by the offset of a field, the size of an element or a pointer that is stored there, and is read and written
// as the kind and the size that the shape took from the type at the spot. What the collector must know of is written as
// a Go pointer, string, slice, interface or struct, never as bytes.
type spot struct{ p unsafe.Pointer }

func spotOf(v reflect.Value) spot { return spot{unsafe.Pointer(v.UnsafeAddr())} }

// value is the reflect.Value at the spot, for types that have methods or are maps.
func (x spot) value(s *shape) reflect.Value { return reflect.NewAt(s.typ, x.p).Elem() }

// isNil says that what is at the spot, and can be nil, is nil: of all such types it is the first word that tells.
func (x spot) isNil() bool { return *(*unsafe.Pointer)(x.p) == nil }

func (x spot) bool() bool                  { return *(*bool)(x.p) }
func (x spot) string() string              { return *(*string)(x.p) }
func (x spot) bytes() []byte               { return *(*[]byte)(x.p) }
func (x spot) time() time.Time             { return *(*time.Time)(x.p) }
func (x spot) duration() time.Duration     { return *(*time.Duration)(x.p) }
func (x spot) any() any                    { return *(*any)(x.p) }
func (x spot) setBool(b bool)              { *(*bool)(x.p) = b }
func (x spot) setString(text string)       { *(*string)(x.p) = text }
func (x spot) setBytes(data []byte)        { *(*[]byte)(x.p) = data }
func (x spot) setTime(t time.Time)         { *(*time.Time)(x.p) = t }
func (x spot) setDuration(d time.Duration) { *(*time.Duration)(x.p) = d }
func (x spot) setAny(v any)                { *(*any)(x.p) = v }

func (x spot) int(bits int) int64 {
	switch bits {
	case 8:
		return int64(*(*int8)(x.p))
	case 16:
		return int64(*(*int16)(x.p))
	case 32:
		return int64(*(*int32)(x.p))
	default:
		return *(*int64)(x.p)
	}
}

func (x spot) uint(bits int) uint64 {
	switch bits {
	case 8:
		return uint64(*(*uint8)(x.p))
	case 16:
		return uint64(*(*uint16)(x.p))
	case 32:
		return uint64(*(*uint32)(x.p))
	default:
		return *(*uint64)(x.p)
	}
}

func (x spot) float(bits int) float64 {
	if bits == 32 {
		return float64(*(*float32)(x.p))
	}
	return *(*float64)(x.p)
}

// setUint sets an integer, signed ones too.
func (x spot) setUint(n uint64, bits int) {
	switch bits {
	case 8:
		*(*uint8)(x.p) = uint8(n)
	case 16:
		*(*uint16)(x.p) = uint16(n)
	case 32:
		*(*uint32)(x.p) = uint32(n)
	default:
		*(*uint64)(x.p) = n
	}
}

func (x spot) setFloat(f float64, bits int) {
	if bits == 32 {
		*(*float32)(x.p) = float32(f)
		return
	}
	*(*float64)(x.p) = f
}

// at is the value at the spot, whose type T is.
func at[T any](x spot) *T { return (*T)(x.p) }

// view is data as a string, without a copy: for as long as nobody writes to data.
func view(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// target goes where the pointer at the spot points to.
func (x spot) target() spot { return spot{*(*unsafe.Pointer)(x.p)} }

// point makes the pointer at the spot point to a new value of the shape, and goes there.
func (x spot) point(elem *shape) spot {
	target := reflect.New(elem.typ).UnsafePointer()
	*(*unsafe.Pointer)(x.p) = target
	return spot{target}
}

// field goes to a field of the struct at the spot. Where an embedded pointer on the way is nil, it makes what that
// points to.
func (x spot) field(s *shape, m *member) spot {
	if m.direct {
		return spot{unsafe.Add(x.p, m.offset)}
	}
	return x.settable(s, m)
}

func (x spot) settable(s *shape, m *member) spot { return spotOf(m.Settable(x.value(s))) }

// present is field for reading; false says that the field is left out.
func (x spot) present(s *shape, m *member) (spot, bool) {
	if m.direct {
		x = spot{unsafe.Add(x.p, m.offset)}
		return x, m.omits == nil || !m.omits(x.value(m.shape))
	}
	v, ok := m.Value(x.value(s))
	if !ok || m.omitted(v) {
		return spot{}, false
	}
	return spotOf(v), true
}

// element goes to an element of the list that begins at the spot.
func (x spot) element(elem *shape, i int) spot { return spot{unsafe.Add(x.p, uintptr(i)*elem.size)} }

// header is what a slice consists of.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

func (x spot) slice() *header { return (*header)(x.p) }

// reserve makes room for n elements in the nil slice at the spot. Where the elements are plain numbers or texts, any type
// of their size will do.
func (x spot) reserve(s *shape, n int) {
	switch s.elem.kind {
	case kindBool, kindInt, kindUint, kindFloat, kindDuration:
		x.slice().data = zeros(int(s.elem.size), n)
		x.slice().cap = n
	case kindString, kindNumber:
		*at[[]string](x) = make([]string, 0, n)
	case kindTime:
		*at[[]time.Time](x) = make([]time.Time, 0, n)
	default:
		x.value(s).Grow(n)
	}
}

// zeros is memory for n numbers of a size.
func zeros(size, n int) unsafe.Pointer {
	switch size {
	case 1:
		return unsafe.Pointer(unsafe.SliceData(make([]uint8, n)))
	case 2:
		return unsafe.Pointer(unsafe.SliceData(make([]uint16, n)))
	case 4:
		return unsafe.Pointer(unsafe.SliceData(make([]uint32, n)))
	default:
		return unsafe.Pointer(unsafe.SliceData(make([]uint64, n)))
	}
}

// extend makes the slice at the spot one element longer, and goes there.
func (x spot) extend(s *shape) spot {
	h := x.slice()
	if h.len == h.cap {
		x.value(s).Grow(max(h.len, 4))
	}
	h.len++
	return spot{h.data}.element(s.elem, h.len-1)
}

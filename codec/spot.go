package codec

import (
	"reflect"
	"time"
	"unsafe"
)

// spot is where a value of a shape stands in memory. Reading goes through spots and not through reflect.Values, which
// check at every step what the shape has settled once: that costs a third of the time.
//
// This file alone uses unsafe. It is sound because a spot begins as the address of a settable reflect.Value, moves on
// only by the offset of a field, the size of an element or a pointer that is stored there, and is written as the kind
// and the size that the shape took from the type at the spot. What the collector must know of is written as a Go
// pointer, string, slice, interface or struct, never as bytes.
type spot struct{ p unsafe.Pointer }

func spotOf(v reflect.Value) spot { return spot{v.Addr().UnsafePointer()} }

// value is the reflect.Value at the spot, for types that have methods or are maps.
func (x spot) value(s *shape) reflect.Value { return reflect.NewAt(s.typ, x.p).Elem() }

func (x spot) setBool(b bool)                { *(*bool)(x.p) = b }
func (x spot) setString(text string)         { *(*string)(x.p) = text }
func (x spot) setBytes(data []byte)          { *(*[]byte)(x.p) = data }
func (x spot) setTime(t time.Time)           { *(*time.Time)(x.p) = t }
func (x spot) setDuration(d time.Duration)   { *(*time.Duration)(x.p) = d }
func (x spot) setAny(v any)                  { *(*any)(x.p) = v }
func (x spot) strings() *[]string            { return (*[]string)(x.p) }
func (x spot) stringMap() *map[string]string { return (*map[string]string)(x.p) }

func (x spot) setInt(n int64, bits int) {
	switch bits {
	case 8:
		*(*int8)(x.p) = int8(n)
	case 16:
		*(*int16)(x.p) = int16(n)
	case 32:
		*(*int32)(x.p) = int32(n)
	default:
		*(*int64)(x.p) = n
	}
}

func (x spot) setFloat(f float64, bits int) {
	if bits == 32 {
		*(*float32)(x.p) = float32(f)
		return
	}
	*(*float64)(x.p) = f
}

// point makes the pointer at the spot point to a new value of the shape, and goes there.
func (x spot) point(elem *shape) spot {
	target := reflect.New(elem.typ).UnsafePointer()
	*(*unsafe.Pointer)(x.p) = target
	return spot{target}
}

// field goes to a field of the struct at the spot. Where an embedded pointer is on the way, it makes what that points to.
func (x spot) field(s *shape, m *member) spot {
	if m.direct {
		return spot{unsafe.Add(x.p, m.offset)}
	}
	return spotOf(m.Settable(x.value(s)))
}

// element goes to an element of the array at the spot.
func (x spot) element(elem *shape, i int) spot { return spot{unsafe.Add(x.p, uintptr(i)*elem.size)} }

// header is what a slice consists of.
type header struct {
	data     unsafe.Pointer
	len, cap int
}

// grow makes room for n more elements, which are zero, in the slice at the spot.
func (x spot) grow(s *shape, n int) { x.value(s).Grow(n) }

// extend makes the slice at the spot one element longer, and goes there.
func (x spot) extend(s *shape) spot {
	h := (*header)(x.p)
	if h.len == h.cap {
		x.grow(s, max(h.len, 4))
	}
	h.len++
	return spot{h.data}.element(s.elem, h.len-1)
}

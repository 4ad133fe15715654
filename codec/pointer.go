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
type pointer struct{ addr unsafe.Pointer }

func pointerTo(v reflect.Value) pointer { return pointer{unsafe.Pointer(v.UnsafeAddr())} }

// value is the reflect.Value at the spot, for types that have methods or are maps.
func (p pointer) value(s *shape) reflect.Value { return reflect.NewAt(s.typ, p.addr).Elem() }

// isNil says that what is at the spot, and can be nil, is nil: of all such types it is the first word that tells.
func (p pointer) isNil() bool { return *(*unsafe.Pointer)(p.addr) == nil }

func (p pointer) bool() bool                  { return *(*bool)(p.addr) }
func (p pointer) string() string              { return *(*string)(p.addr) }
func (p pointer) bytes() []byte               { return *(*[]byte)(p.addr) }
func (p pointer) time() time.Time             { return *(*time.Time)(p.addr) }
func (p pointer) duration() time.Duration     { return *(*time.Duration)(p.addr) }
func (p pointer) any() any                    { return *(*any)(p.addr) }
func (p pointer) setBool(b bool)              { *(*bool)(p.addr) = b }
func (p pointer) setString(text string)       { *(*string)(p.addr) = text }
func (p pointer) setBytes(data []byte)        { *(*[]byte)(p.addr) = data }
func (p pointer) setTime(t time.Time)         { *(*time.Time)(p.addr) = t }
func (p pointer) setDuration(d time.Duration) { *(*time.Duration)(p.addr) = d }
func (p pointer) setAny(v any)                { *(*any)(p.addr) = v }

func (p pointer) int(bits int) int64 {
	switch bits {
	case 8:
		return int64(*(*int8)(p.addr))
	case 16:
		return int64(*(*int16)(p.addr))
	case 32:
		return int64(*(*int32)(p.addr))
	default:
		return *(*int64)(p.addr)
	}
}

func (p pointer) uint(bits int) uint64 {
	switch bits {
	case 8:
		return uint64(*(*uint8)(p.addr))
	case 16:
		return uint64(*(*uint16)(p.addr))
	case 32:
		return uint64(*(*uint32)(p.addr))
	default:
		return *(*uint64)(p.addr)
	}
}

func (p pointer) float(bits int) float64 {
	if bits == 32 {
		return float64(*(*float32)(p.addr))
	}
	return *(*float64)(p.addr)
}

// setUint sets an integer, signed ones too.
func (p pointer) setUint(n uint64, bits int) {
	switch bits {
	case 8:
		*(*uint8)(p.addr) = uint8(n)
	case 16:
		*(*uint16)(p.addr) = uint16(n)
	case 32:
		*(*uint32)(p.addr) = uint32(n)
	default:
		*(*uint64)(p.addr) = n
	}
}

func (p pointer) setFloat(f float64, bits int) {
	if bits == 32 {
		*(*float32)(p.addr) = float32(f)
		return
	}
	*(*float64)(p.addr) = f
}

// at is the value at the spot, whose type T is.
func valueAt[T any](p pointer) *T { return (*T)(p.addr) }

// view is data as a string, without a copy: for as long as nobody writes to data.
func stringView(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// target goes where the pointer at the spot points to.
func (p pointer) deref() pointer { return pointer{*(*unsafe.Pointer)(p.addr)} }

// point makes the pointer at the spot point to a new value of the shape, and goes there.
func (p pointer) allocate(elem *shape) pointer {
	target := reflect.New(elem.typ).UnsafePointer()
	*(*unsafe.Pointer)(p.addr) = target
	return pointer{target}
}

// field goes to a field of the struct at the spot. Where an embedded pointer on the way is nil, it makes what that
// points to.
func (p pointer) field(s *shape, m *member) pointer {
	if m.direct {
		return pointer{unsafe.Add(p.addr, m.offset)}
	}
	return p.settable(s, m)
}

func (p pointer) settable(s *shape, m *member) pointer { return pointerTo(m.Settable(p.value(s))) }

// present is field for reading; false says that the field is left out.
func (p pointer) presentField(s *shape, m *member) (pointer, bool) {
	if m.direct {
		p = pointer{unsafe.Add(p.addr, m.offset)}
		return p, m.omit == nil || !m.omit(p.value(m.shape))
	}
	v, ok := m.Value(p.value(s))
	if !ok || m.omitted(v) {
		return pointer{}, false
	}
	return pointerTo(v), true
}

// element goes to an element of the list that begins at the spot.
func (p pointer) element(elem *shape, i int) pointer {
	return pointer{unsafe.Add(p.addr, uintptr(i)*elem.size)}
}

// header is what a slice consists of.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

func (p pointer) header() *sliceHeader { return (*sliceHeader)(p.addr) }

// reserve makes room for n elements in the nil slice at the spot. Where the elements are plain numbers or texts, any type
// of their size will do.
func (p pointer) allocateSlice(s *shape, n int) {
	switch s.elem.kind {
	case kindBool, kindInt, kindUint, kindFloat, kindDuration:
		p.header().data = allocateNumbers(int(s.elem.size), n)
		p.header().cap = n
	case kindString, kindNumber:
		*valueAt[[]string](p) = make([]string, 0, n)
	case kindTime:
		*valueAt[[]time.Time](p) = make([]time.Time, 0, n)
	default:
		p.value(s).Grow(n)
	}
}

// zeros is memory for n numbers of a size.
func allocateNumbers(size, n int) unsafe.Pointer {
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
func (p pointer) appendZero(s *shape) pointer {
	h := p.header()
	if h.len == h.cap {
		p.value(s).Grow(max(h.len, 4))
	}
	h.len++
	return pointer{h.data}.element(s.elem, h.len-1)
}

package codec

import (
	"reflect"
	"time"
	"unsafe"
)

// pointer is the address of a value that a shape describes. The JSON reader and
// writer use pointers instead of reflect.Values, because reflect checks at each
// step what the shape has already established. Those checks took a third of the
// time.
//
// Only this file uses unsafe. The following rules make it safe. A pointer is
// created from an addressable reflect.Value. It advances only by the offset of
// a field, by the size of an element, or to the target of a pointer stored at
// its address. It is read and written as the kind and size of the shape, which
// was made from the type at that address. Values that contain pointers are
// written as Go values, never as bytes, so that the garbage collector sees
// them.
type pointer struct{ addr unsafe.Pointer }

func pointerTo(v reflect.Value) pointer { return pointer{unsafe.Pointer(v.UnsafeAddr())} }

// value returns the reflect.Value at p, for types that have methods and for
// maps.
func (p pointer) value(s *shape) reflect.Value { return reflect.NewAt(s.typ, p.addr).Elem() }

// isNil reports whether the value at p is nil. The first word of every type
// that can be nil is nil in that case.
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

// setUint sets a signed or unsigned integer.
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

// valueAt returns the value at p, whose type must be T.
func valueAt[T any](p pointer) *T { return (*T)(p.addr) }

// stringView returns data as a string without copying it. The string is valid
// as long as data does not change.
func stringView(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// deref returns the pointer that is stored at p.
func (p pointer) deref() pointer { return pointer{*(*unsafe.Pointer)(p.addr)} }

// allocate stores a pointer to a new value at p, and returns that pointer.
func (p pointer) allocate(elem *shape) pointer {
	target := reflect.New(elem.typ).UnsafePointer()
	*(*unsafe.Pointer)(p.addr) = target
	return pointer{target}
}

// field returns a pointer to a field of the struct at p. It allocates the
// embedded pointers on the way that are nil.
func (p pointer) field(s *shape, m *member) pointer {
	if m.direct {
		return pointer{unsafe.Add(p.addr, m.offset)}
	}
	return p.settable(s, m)
}

func (p pointer) settable(s *shape, m *member) pointer { return pointerTo(m.Settable(p.value(s))) }

// presentField is field for writing. It returns false if the field is omitted
// or if an embedded pointer on the way is nil.
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

// element returns a pointer to element i of the array that begins at p.
func (p pointer) element(elem *shape, i int) pointer {
	return pointer{unsafe.Add(p.addr, uintptr(i)*elem.size)}
}

// sliceHeader is the memory layout of a slice.
type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

func (p pointer) header() *sliceHeader { return (*sliceHeader)(p.addr) }

// allocateSlice allocates memory for n elements in the nil slice at p. If the
// elements are numbers or strings, any type of their size can be used.
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

// allocateNumbers returns memory for n numbers of the given size.
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

// appendZero appends a zero element to the slice at p and returns a pointer to
// it.
func (p pointer) appendZero(s *shape) pointer {
	h := p.header()
	if h.len == h.cap {
		p.value(s).Grow(max(h.len, 4))
	}
	h.len++
	return pointer{h.data}.element(s.elem, h.len-1)
}

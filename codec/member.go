package codec

import (
	"reflect"

	"github.com/symphony-go/symphony/internal/fields"
)

// member is a stored field of a struct.
type member struct {
	fields.Field
	shape  *shape
	prefix string                   // a comma, the quoted name and a colon
	omit   func(reflect.Value) bool // nil if the field is never omitted
	direct bool                     // the field is not in an embedded pointer
	offset uintptr                  // of a direct field within the struct
}

func (m *member) omitted(v reflect.Value) bool { return m.omit != nil && m.omit(v) }

// unallocated returns the size of the embedded structs on the way to the field
// that are not allocated in struct v.
func (m *member) unallocated(v reflect.Value) (size int) {
	for i, n := range m.Index[:len(m.Index)-1] {
		if i > 0 && v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		v = v.Field(n)
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return pathSize(v.Type(), m.Index[i+1:len(m.Index)-1])
		}
	}
	return 0
}

// pathSize returns the size of the struct that pointer type t points to, plus
// the sizes of the structs that further pointers along the path point to.
func pathSize(t reflect.Type, path []int) int {
	t = t.Elem()
	size := int(t.Size())
	for _, n := range path {
		if t = t.Field(n).Type; t.Kind() == reflect.Pointer {
			t = t.Elem()
			size += int(t.Size())
		}
	}
	return size
}

// offsetOf returns the offset of a field within struct type t. If a pointer
// leads to the field, it returns false.
func offsetOf(t reflect.Type, index []int) (offset uintptr, direct bool) {
	for _, n := range index {
		if t.Kind() != reflect.Struct {
			return 0, false
		}
		f := t.Field(n)
		offset += f.Offset
		t = f.Type
	}
	return offset, true
}

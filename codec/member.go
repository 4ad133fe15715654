package codec

import (
	"reflect"

	"github.com/symphony-go/symphony/internal/fields"
)

// member is one stored field of a struct.
type member struct {
	fields.Field
	shape  *shape
	prefix string                   // a comma, the name in quotes and a colon
	omit   func(reflect.Value) bool // nil where nothing is left out
	direct bool                     // no embedded pointer leads to it
	offset uintptr                  // within the struct, where it is direct
}

func (m *member) omitted(v reflect.Value) bool { return m.omit != nil && m.omit(v) }

// missing is the size of the embedded structs on the way to the field that struct v has no memory for yet.
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

// behind is the size of what pointer t points to, and of the structs that further pointers along the path lead to.
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

// offsetOf is where within struct t a field is; false where a pointer leads to it.
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

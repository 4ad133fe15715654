package clone

import "reflect"

// Size estimates how many bytes a pointer to v keeps in memory: v itself and
// everything it refers to, rounded up to the sizes that the allocator uses.
// Memory that v shares with other values counts too.
func (c *Type) Size(v reflect.Value) int { return allocSize(int(c.typ.Size())) + c.referenced(v) }

// referenced estimates the memory that v refers to.
func (c *Type) referenced(v reflect.Value) (size int) {
	switch c.kind {
	case kindString:
		return allocSize(v.Len())
	case kindPointer:
		if !v.IsNil() {
			return allocSize(int(c.typ.Elem().Size())) + c.elem.referenced(v.Elem())
		}
	case kindSlice:
		size = allocSize(v.Cap() * int(c.typ.Elem().Size()))
		return size + c.referencedByElements(v)
	case kindArray:
		return c.referencedByElements(v)
	case kindMap:
		return c.referencedByMap(v)
	case kindStruct:
		for _, f := range c.fields {
			size += f.typ.referenced(v.Field(f.index))
		}
	case kindInterface:
		if !v.IsNil() {
			return Of(v.Elem().Type()).Size(v.Elem())
		}
	}
	return size
}

// referencedByElements estimates the memory that the elements of v refer to. If
// they cannot refer to any, it returns 0 at once.
func (c *Type) referencedByElements(v reflect.Value) (size int) {
	if c.elem.plain() {
		return 0
	}
	for i := range v.Len() {
		size += c.elem.referenced(v.Index(i))
	}
	return size
}

// referencedByMap estimates the memory of a map. A map consists of groups of
// eight slots and a control word. At most seven slots of eight are used, and
// the number of groups is a power of two.
func (c *Type) referencedByMap(v reflect.Value) int {
	if v.IsNil() {
		return 0
	}
	const header = 48
	slots := 8
	for v.Len() > slots*7/8 && v.Len() > 8 {
		slots *= 2
	}
	size := header + allocSize(slots/8*(8+8*int(c.typ.Key().Size()+c.typ.Elem().Size())))
	for it := v.MapRange(); it.Next(); {
		size += c.key.referenced(it.Key()) + c.elem.referenced(it.Value())
	}
	return size
}

// allocSize estimates how much memory an allocation of n bytes takes.
func allocSize(n int) int {
	switch {
	case n == 0:
		return 0
	case n <= 16:
		return (n + 7) &^ 7
	case n <= 128:
		return (n + 15) &^ 15
	case n <= 1024:
		return n + n/16
	}
	return n + n/8
}

package clone

import "reflect"

// Size is how many bytes of memory a pointer to v holds: v itself and all it
// leads to, in the sizes that the allocator gives out. What v shares with
// other values counts too.
func (c *Type) Size(v reflect.Value) int { return allocSize(int(c.typ.Size())) + c.referenced(v) }

// beside is the memory that v leads to.
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

func (c *Type) referencedByElements(v reflect.Value) (size int) {
	if c.elem.plain() {
		return 0
	}
	for i := range v.Len() {
		size += c.elem.referenced(v.Index(i))
	}
	return size
}

// besideMap counts a map's groups: eight slots and a word for each, up to
// seven of them used, and their number a power of two.
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

// round is about the size class of an allocation.
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

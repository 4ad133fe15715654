package clone

import "reflect"

// Size is how many bytes of memory a pointer to v holds: v itself and all it
// leads to, in the sizes that the allocator gives out. What v shares with
// other values counts too.
func (c *Type) Size(v reflect.Value) int { return round(int(c.typ.Size())) + c.beside(v) }

// beside is the memory that v leads to.
func (c *Type) beside(v reflect.Value) (size int) {
	switch c.kind {
	case text:
		return round(v.Len())
	case pointer:
		if !v.IsNil() {
			return round(int(c.typ.Elem().Size())) + c.elem.beside(v.Elem())
		}
	case slice:
		size = round(v.Cap() * int(c.typ.Elem().Size()))
		return size + c.besideAll(v)
	case array:
		return c.besideAll(v)
	case mapping:
		return c.besideMap(v)
	case structure:
		for _, f := range c.fields {
			size += f.typ.beside(v.Field(f.index))
		}
	case dynamic:
		if !v.IsNil() {
			return Of(v.Elem().Type()).Size(v.Elem())
		}
	}
	return size
}

func (c *Type) besideAll(v reflect.Value) (size int) {
	if c.elem.plain() {
		return 0
	}
	for i := range v.Len() {
		size += c.elem.beside(v.Index(i))
	}
	return size
}

// besideMap counts a map's groups: eight slots and a word for each, up to
// seven of them used, and their number a power of two.
func (c *Type) besideMap(v reflect.Value) int {
	if v.IsNil() {
		return 0
	}
	const header = 48
	slots := 8
	for v.Len() > slots*7/8 && v.Len() > 8 {
		slots *= 2
	}
	size := header + round(slots/8*(8+8*int(c.typ.Key().Size()+c.typ.Elem().Size())))
	for it := v.MapRange(); it.Next(); {
		size += c.key.beside(it.Key()) + c.elem.beside(it.Value())
	}
	return size
}

// round is about the size class of an allocation.
func round(n int) int {
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

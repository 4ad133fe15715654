package clone

import "reflect"

// Copy sets dst, which must be settable, to a copy of src. The two share no
// memory that either could change.
//
// If src contains a value that cannot be copied, such as a non-nil unexported
// pointer, Copy returns false, and the value of dst is undefined.
func (c *Type) Copy(dst, src reflect.Value) bool {
	if c.Shallow() {
		dst.Set(src)
		return true
	}
	return c.copy(dst, src)
}

// copy is Copy for types that need more than an assignment.
func (c *Type) copy(dst, src reflect.Value) bool {
	switch c.kind {
	case kindOpaque:
		return src.IsZero()
	case kindArray:
		return all(src.Len(), func(i int) bool { return c.elem.copy(dst.Index(i), src.Index(i)) })
	case kindStruct:
		return c.copyStruct(dst, src)
	case kindPlain, kindString:
		dst.Set(src)
		return true
	}
	if src.IsNil() {
		dst.SetZero()
		return true
	}
	switch c.kind {
	case kindPointer:
		dst.Set(reflect.New(c.typ.Elem()))
		return c.elem.copy(dst.Elem(), src.Elem())
	case kindSlice:
		return c.copySlice(dst, src)
	case kindMap:
		return c.copyMap(dst, src)
	}
	held := src.Elem()
	into := reflect.New(held.Type()).Elem()
	if !Of(held.Type()).Copy(into, held) {
		return false
	}
	dst.Set(into)
	return true
}

// copyStruct assigns the struct and then copies the fields that it must not
// share.
func (c *Type) copyStruct(dst, src reflect.Value) bool {
	if dst.CanSet() && src.CanInterface() {
		dst.Set(src)
	}
	for _, f := range c.fields {
		if !f.typ.Shallow() && !f.typ.copy(dst.Field(f.index), src.Field(f.index)) {
			return false
		}
	}
	return true
}

func (c *Type) copySlice(dst, src reflect.Value) bool {
	n := src.Len()
	dst.Set(reflect.MakeSlice(c.typ, n, n))
	if c.elem.Shallow() {
		reflect.Copy(dst, src)
		return true
	}
	return all(n, func(i int) bool { return c.elem.copy(dst.Index(i), src.Index(i)) })
}

func (c *Type) copyMap(dst, src reflect.Value) bool {
	m := reflect.MakeMapWithSize(c.typ, src.Len())
	dst.Set(m)
	for it := src.MapRange(); it.Next(); {
		key, value := it.Key(), it.Value()
		if !c.key.Shallow() {
			key = reflect.New(c.typ.Key()).Elem()
			if !c.key.copy(key, it.Key()) {
				return false
			}
		}
		if !c.elem.Shallow() {
			value = reflect.New(c.typ.Elem()).Elem()
			if !c.elem.copy(value, it.Value()) {
				return false
			}
		}
		m.SetMapIndex(key, value)
	}
	return true
}

// all reports whether do returns true for each index below n. It stops at the
// first false.
func all(n int, do func(i int) bool) bool {
	for i := range n {
		if !do(i) {
			return false
		}
	}
	return true
}

package codec

import "reflect"

// mapKind is a map type that is decoded without reflection.
type mapKind uint8

const (
	mapOfString mapKind = iota + 1
	mapOfBool
	mapOfInt
	mapOfInt64
	mapOfFloat64
	mapOfAny
)

var mapKinds = map[reflect.Type]mapKind{
	reflect.TypeFor[map[string]string]():  mapOfString,
	reflect.TypeFor[map[string]bool]():    mapOfBool,
	reflect.TypeFor[map[string]int]():     mapOfInt,
	reflect.TypeFor[map[string]int64]():   mapOfInt64,
	reflect.TypeFor[map[string]float64](): mapOfFloat64,
	reflect.TypeFor[map[string]any]():     mapOfAny,
}

// readMap reads a map.
func (r *jsonReader) readMap(s *shape, p pointer) error {
	if err := r.open('{'); err != nil {
		return err
	}
	if err := r.spend(headerSize); err != nil {
		return err
	}
	switch s.mapKind {
	case mapOfString:
		return r.readStringMap(s.elem, valueAt[map[string]string](p))
	case mapOfBool:
		return readCommonMap(r, s.elem, valueAt[map[string]bool](p))
	case mapOfInt:
		return readCommonMap(r, s.elem, valueAt[map[string]int](p))
	case mapOfInt64:
		return readCommonMap(r, s.elem, valueAt[map[string]int64](p))
	case mapOfFloat64:
		return readCommonMap(r, s.elem, valueAt[map[string]float64](p))
	case mapOfAny:
		return readCommonMap(r, s.elem, valueAt[map[string]any](p))
	}
	m := reflect.MakeMap(s.typ)
	key, elem := s.key.getZero(), s.elem.getZero()
	defer s.key.putZero(key)
	defer s.elem.putZero(elem)
	more, err := r.firstEntry(mapGroupSize(s.key.size, s.elem.size))
	for more && err == nil {
		if err := r.spend(mapEntrySize(s.key.size, s.elem.size)); err != nil {
			return err
		}
		text, err := r.memberName()
		if err != nil {
			return err
		}
		if s.key.kind == kindString {
			text = r.retain(text)
		}
		if err := setMapKey(s.key, *key, text, &r.budget); err != nil {
			return within(err, "[key]")
		}
		elem.SetZero()
		if err := r.value(s.elem, pointerTo(*elem)); err != nil {
			return within(err, "*")
		}
		m.SetMapIndex(*key, *elem)
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	p.value(s).Set(m)
	return r.close('}')
}

// firstEntry is first for a map. It accounts for the memory that the first
// entry of a map takes.
func (r *jsonReader) firstEntry(group int) (more bool, err error) {
	if more = r.first('}'); more {
		err = r.spend(group)
	}
	return more, err
}

// readStringMap is readMap for map[string]string. The opening brace was read.
func (r *jsonReader) readStringMap(s *shape, dst *map[string]string) error {
	m := map[string]string{}
	more, err := r.firstEntry(commonGroupSize)
	for more && err == nil {
		if err := r.spend(commonEntrySize); err != nil {
			return err
		}
		name, err := r.memberName()
		if err != nil {
			return err
		}
		name = r.retain(name)
		text, err := r.stringValue()
		if err != nil {
			return within(decodeError(s.typ, err), "*")
		}
		m[name] = r.retain(text)
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	*dst = m
	return r.close('}')
}

// stringValue reads a string. Null does not fit.
func (r *jsonReader) stringValue() (string, error) {
	if r.peek() != 'n' {
		return r.string()
	}
	if err := r.literal("null"); err != nil {
		return "", err
	}
	return "", errNull
}

// readCommonMap is readStringMap for the other map types that need no
// reflection.
func readCommonMap[V any](r *jsonReader, s *shape, dst *map[string]V) error {
	m := map[string]V{}
	v := s.getZero()
	defer s.putZero(v)
	p := pointerTo(*v)
	elem := valueAt[V](p)
	more, err := r.firstEntry(commonGroupSize)
	for more && err == nil {
		if err := r.spend(commonEntrySize); err != nil {
			return err
		}
		name, err := r.memberName()
		if err != nil {
			return err
		}
		name = r.retain(name)
		var zero V
		*elem = zero
		if err := r.value(s, p); err != nil {
			return within(err, "*")
		}
		m[name] = *elem
		if more, err = r.next('}'); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	*dst = m
	return r.close('}')
}

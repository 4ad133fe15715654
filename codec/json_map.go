package codec

import "reflect"

// common are the types of maps that need no reflection.
type common uint8

const (
	mapOfString common = iota + 1
	mapOfBool
	mapOfInt
	mapOfInt64
	mapOfFloat64
	mapOfAny
)

var commonMaps = map[reflect.Type]common{
	reflect.TypeFor[map[string]string]():  mapOfString,
	reflect.TypeFor[map[string]bool]():    mapOfBool,
	reflect.TypeFor[map[string]int]():     mapOfInt,
	reflect.TypeFor[map[string]int64]():   mapOfInt64,
	reflect.TypeFor[map[string]float64](): mapOfFloat64,
	reflect.TypeFor[map[string]any]():     mapOfAny,
}

// table reads a map.
func (r *jsonReader) table(s *shape, x spot) error {
	if err := r.open('{'); err != nil {
		return err
	}
	if err := r.take(holderSize); err != nil {
		return err
	}
	switch s.common {
	case mapOfString:
		return r.textMap(s.elem, at[map[string]string](x))
	case mapOfBool:
		return entries(r, s.elem, at[map[string]bool](x))
	case mapOfInt:
		return entries(r, s.elem, at[map[string]int](x))
	case mapOfInt64:
		return entries(r, s.elem, at[map[string]int64](x))
	case mapOfFloat64:
		return entries(r, s.elem, at[map[string]float64](x))
	case mapOfAny:
		return entries(r, s.elem, at[map[string]any](x))
	}
	m := reflect.MakeMap(s.typ)
	key, elem := s.key.borrow(), s.elem.borrow()
	defer s.key.giveBack(key)
	defer s.elem.giveBack(elem)
	more, err := r.firstEntry(groupRoom(s.key.size, s.elem.size))
	for more && err == nil {
		if err := r.take(entryRoom(s.key.size, s.elem.size)); err != nil {
			return err
		}
		text, err := r.name()
		if err != nil {
			return err
		}
		if s.key.kind == kindString {
			text = r.keep(text)
		}
		if err := setKey(s.key, *key, text, &r.room); err != nil {
			return within(err, "[key]")
		}
		elem.SetZero()
		if err := r.value(s.elem, spotOf(*elem)); err != nil {
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
	x.value(s).Set(m)
	return r.close('}')
}

// firstEntry is first for a map, whose first entry takes memory for a group.
func (r *jsonReader) firstEntry(group int) (more bool, err error) {
	if more = r.first('}'); more {
		err = r.take(group)
	}
	return more, err
}

// textMap is table, from behind the brace, for the most common of maps.
func (r *jsonReader) textMap(s *shape, dst *map[string]string) error {
	m := map[string]string{}
	more, err := r.firstEntry(groupSize)
	for more && err == nil {
		if err := r.take(entrySize); err != nil {
			return err
		}
		name, err := r.name()
		if err != nil {
			return err
		}
		name = r.keep(name)
		text, err := r.text()
		if err != nil {
			return within(misfit(s.typ, err), "*")
		}
		m[name] = r.keep(text)
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

// text reads a string where there is nothing else to expect but null, which does not fit.
func (r *jsonReader) text() (string, error) {
	if r.peek() != 'n' {
		return r.string()
	}
	if err := r.word("null"); err != nil {
		return "", err
	}
	return "", errNull
}

// entries is textMap for the other maps that need no reflection.
func entries[V any](r *jsonReader, s *shape, dst *map[string]V) error {
	m := map[string]V{}
	v := s.borrow()
	defer s.giveBack(v)
	there := spotOf(*v)
	elem := at[V](there)
	more, err := r.firstEntry(groupSize)
	for more && err == nil {
		if err := r.take(entrySize); err != nil {
			return err
		}
		name, err := r.name()
		if err != nil {
			return err
		}
		name = r.keep(name)
		var zero V
		*elem = zero
		if err := r.value(s, there); err != nil {
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

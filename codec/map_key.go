package codec

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entry is one key of a map as text, and its value.
type entry struct {
	key   string
	value reflect.Value
}

func sortedEntries(s *shape, v reflect.Value, python bool) ([]entry, error) {
	entries := make([]entry, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		key, err := keyText(s.key, iter.Key(), python)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{key, iter.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	for i := range max(len(entries), 1) - 1 {
		if entries[i].key == entries[i+1].key {
			return nil, unwritable(s.typ, errKeys)
		}
	}
	return entries, nil
}

// mapEntry has room for a key of a map and its value.
type mapEntry struct{ key, elem reflect.Value }

func (s *shape) takeEntry() *mapEntry {
	if e, ok := s.entries.Get().(*mapEntry); ok {
		return e
	}
	return &mapEntry{reflect.New(s.key.typ).Elem(), reflect.New(s.elem.typ).Elem()}
}

// giveEntry keeps nothing of what the entry held.
func (s *shape) giveEntry(e *mapEntry) {
	e.key.SetZero()
	e.elem.SetZero()
	s.entries.Put(e)
}

// keyText returns a map's key as text.
func keyText(s *shape, v reflect.Value, python bool) (string, error) {
	switch s.kind {
	case kindString:
		return v.String(), nil
	case kindInt:
		return strconv.FormatInt(v.Int(), 10), nil
	case kindUint:
		return strconv.FormatUint(v.Uint(), 10), nil
	case kindBool:
		return strconv.FormatBool(v.Bool()), nil
	case kindDuration:
		if python {
			return time.Duration(v.Int()).String(), nil
		}
		return strconv.FormatInt(v.Int(), 10), nil
	case kindTime:
		text, err := appendTime(nil, timeOf(v))
		if err != nil {
			return "", unwritable(s.typ, err)
		}
		return string(text), nil
	default:
		text, err := textOf(s, v)
		return string(text), err
	}
}

// setKey reads a map's key from its text into v.
func setKey(s *shape, v reflect.Value, text string) (err error) {
	switch s.kind {
	case kindString:
		v.SetString(text)
	case kindText:
		return setText(s, v, text)
	default:
		return compactCodec{}.decode(text, s, v)
	}
	return nil
}

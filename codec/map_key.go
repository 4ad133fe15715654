package codec

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// part is an entry of a map as it is written: its key, and where in a buffer it stands.
type part struct {
	key        string
	start, end int
}

// table is what writing a map in the order of its keys needs. The entries are written as the map gives them, and put
// in order afterwards, so that no value is kept.
type table struct {
	keys  []string
	parts []part
	buf   []byte
}

var tables = sync.Pool{New: func() any { return new(table) }}

// release keeps nothing of the map, and no more than a little memory.
func (t *table) release() {
	if cap(t.buf) > largestBuffer || cap(t.keys) > 1024 || cap(t.parts) > 1024 {
		return
	}
	clear(t.keys)
	clear(t.parts)
	tables.Put(t)
}

// sort puts the parts, which begin at start in dst, in the order of their keys; false says that two keys are the same.
func (t *table) sort(dst []byte, start int) bool {
	slices.SortFunc(t.parts, func(a, b part) int { return strings.Compare(a.key, b.key) })
	t.buf = append(t.buf[:0], dst[start:]...)
	dst = dst[:start]
	for i, p := range t.parts {
		if i > 0 && p.key == t.parts[i-1].key {
			return false
		}
		dst = append(dst, t.buf[p.start-start:p.end-start]...)
	}
	return true
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
func setKey(s *shape, v reflect.Value, text string, most *room) error {
	switch s.kind {
	case kindString:
		v.SetString(text)
	case kindText:
		return setText(s, v, text, most)
	default:
		return compactCodec{}.decode(text, s, v, *most)
	}
	return nil
}

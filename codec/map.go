package codec

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// mapEntry is an entry of a map, with its key as text.
type mapEntry struct {
	key   string
	value reflect.Value
}

// sortedEntries returns the entries of map v in the order of their keys. It
// returns an error if two keys have the same text.
func sortedEntries(s *shape, v reflect.Value, python bool) ([]mapEntry, error) {
	entries := make([]mapEntry, 0, v.Len())
	for iter := v.MapRange(); iter.Next(); {
		key, err := mapKeyText(s.key, iter.Key(), python)
		if err != nil {
			return nil, err
		}
		entries = append(entries, mapEntry{key, iter.Value()})
	}
	slices.SortFunc(entries, func(a, b mapEntry) int { return strings.Compare(a.key, b.key) })
	for i := range max(len(entries), 1) - 1 {
		if entries[i].key == entries[i+1].key {
			return nil, encodeError(s.typ, errKeys)
		}
	}
	return entries, nil
}

// entrySpan is an encoded entry of a map: its key and its position in a buffer.
type entrySpan struct {
	key        string
	start, end int
}

// mapBuffer holds the memory for encoding a map in the order of its keys. The
// entries are encoded in the order of iteration and sorted afterwards, so no
// value has to be kept.
type mapBuffer struct {
	keys    []string
	spans   []entrySpan
	scratch []byte
}

var mapBuffers = sync.Pool{New: func() any { return new(mapBuffer) }}

// release puts the buffer back without the keys. Large buffers are dropped.
func (b *mapBuffer) release() {
	if cap(b.scratch) > largestBuffer || cap(b.keys) > 1024 || cap(b.spans) > 1024 {
		return
	}
	clear(b.keys)
	clear(b.spans)
	mapBuffers.Put(b)
}

// sort rewrites the entries, which begin at dst[start], in the order of their
// keys. It returns false if two keys are equal.
func (b *mapBuffer) sort(dst []byte, start int) bool {
	slices.SortFunc(b.spans, func(x, y entrySpan) int { return strings.Compare(x.key, y.key) })
	b.scratch = append(b.scratch[:0], dst[start:]...)
	dst = dst[:start]
	for i, p := range b.spans {
		if i > 0 && p.key == b.spans[i-1].key {
			return false
		}
		dst = append(dst, b.scratch[p.start-start:p.end-start]...)
	}
	return true
}

// mapKeyText returns the key of a map as text.
func mapKeyText(s *shape, v reflect.Value, python bool) (string, error) {
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
		text, err := appendTime(nil, timeIn(v))
		if err != nil {
			return "", encodeError(s.typ, err)
		}
		return string(text), nil
	default:
		text, err := callMarshalText(s, v)
		return string(text), err
	}
}

// setMapKey decodes the text of a map key into v.
func setMapKey(s *shape, v reflect.Value, text string, limit *budget) error {
	switch s.kind {
	case kindString:
		v.SetString(text)
	case kindText:
		return callUnmarshalText(s, v, text, limit)
	default:
		return compactCodec{}.decode(text, s, v, *limit)
	}
	return nil
}

package codec

import (
	"encoding/json"
	"io"
	"reflect"
	"strconv"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// arrayLen reads the header of an array and returns the number of its elements.
func (r *msgpackReader) arrayLen() (int, error) {
	if r.wireType() != wireArray {
		return 0, errWire
	}
	n, err := r.dec.DecodeArrayLen()
	return n, r.enter(n, err)
}

// mapLen reads the header of a map and returns the number of its entries.
func (r *msgpackReader) mapLen() (int, error) {
	if r.wireType() != wireMap {
		return 0, errWire
	}
	n, err := r.dec.DecodeMapLen()
	return n, r.enter(2*n, err)
}

// enter checks the number of values in an array or map, and increases the
// depth.
func (r *msgpackReader) enter(n int, err error) error {
	if err != nil || n < 0 || n > r.src.Len() {
		return errMsgPack
	}
	if r.depth++; r.depth > maxDepth {
		return errDepth
	}
	return nil
}

// initialLen returns for how many of n elements to allocate memory at first. A
// header may claim more elements than there are.
func initialLen(n int, size uintptr) int {
	const limit = 4096
	return min(n, limit/max(1, int(size)))
}

func (r *msgpackReader) readSlice(s *shape, v reflect.Value) error {
	n, err := r.arrayLen()
	if err != nil {
		return err
	}
	first := initialLen(n, s.elem.size)
	if err := r.spend(first * int(s.elem.size)); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(s.typ, 0, first))
	for i := range n {
		if i == v.Cap() {
			if err := r.spend(max(1, i) * int(s.elem.size)); err != nil {
				return err
			}
			v.Grow(max(1, i))
		}
		v.SetLen(i + 1)
		if err := r.value(s.elem, v.Index(i)); err != nil {
			return within(err, indexStep(i))
		}
	}
	r.depth--
	return nil
}

func (r *msgpackReader) readArray(s *shape, v reflect.Value) error {
	n, err := r.arrayLen()
	if err != nil {
		return err
	}
	if n != v.Len() {
		return errLength
	}
	for i := range n {
		if err := r.value(s.elem, v.Index(i)); err != nil {
			return within(err, indexStep(i))
		}
	}
	r.depth--
	return nil
}

func (r *msgpackReader) readMap(s *shape, v reflect.Value) error {
	n, err := r.mapLen()
	if err != nil {
		return err
	}
	first, each := initialLen(n, s.key.size+s.elem.size), mapEntrySize(s.key.size, s.elem.size)
	if err := r.spend(mapSize(n, mapGroupSize(s.key.size, s.elem.size)) + first*each); err != nil {
		return err
	}
	m := reflect.MakeMapWithSize(s.typ, first)
	key, elem := s.key.getZero(), s.elem.getZero()
	defer s.key.putZero(key)
	defer s.elem.putZero(elem)
	for i := range n {
		if i >= first {
			if err := r.spend(each); err != nil {
				return err
			}
		}
		text, err := r.mapKey()
		if err != nil {
			return err
		}
		if err := setMapKey(s.key, *key, text, &r.budget); err != nil {
			return within(err, "[key]")
		}
		if err := r.value(s.elem, *elem); err != nil {
			return within(err, "*")
		}
		m.SetMapIndex(*key, *elem)
	}
	v.Set(m)
	r.depth--
	return nil
}

func (r *msgpackReader) readStruct(s *shape, v reflect.Value) error {
	n, err := r.mapLen()
	if err != nil {
		return err
	}
	v.SetZero()
	for range n {
		name, err := r.mapKey()
		if err != nil {
			return err
		}
		i, ok := s.index[name]
		if !ok {
			if err := r.skip(); err != nil {
				return err
			}
			continue
		}
		m := &s.fields[i]
		if !m.direct {
			if err := r.spend(m.unallocated(v)); err != nil {
				return err
			}
		}
		if err := r.value(m.shape, m.Settable(v)); err != nil {
			return within(err, m.Name)
		}
	}
	r.depth--
	return nil
}

// skip skips the next value.
func (r *msgpackReader) skip() error {
	end, err := skipMsgPack(r.data, r.offset(), r.depth)
	if err != nil {
		return err
	}
	_, err = r.src.Seek(int64(end), io.SeekStart)
	return err
}

// skipMsgPack returns the end of the value that begins at data[i].
func skipMsgPack(data string, i, depth int) (int, error) {
	if i >= len(data) {
		return 0, errMsgPack
	}
	f := formatOf(data[i])
	i++
	if f.invalid || len(data)-i < f.lengthBytes {
		return 0, errMsgPack
	}
	n := f.size
	for range f.lengthBytes {
		n = n<<8 | int(data[i])
		i++
	}
	if f.perElement == 0 {
		if n += f.extraBytes; n > len(data)-i {
			return 0, errMsgPack
		}
		return i + n, nil
	}
	if n > len(data)-i {
		return 0, errMsgPack
	}
	if depth >= maxDepth {
		return 0, errDepth
	}
	var err error
	for range n * f.perElement {
		if i, err = skipMsgPack(data, i, depth+1); err != nil {
			return 0, err
		}
	}
	return i, nil
}

// format describes the length of a value, as given by its first byte.
type format struct {
	invalid     bool
	size        int // number of bytes or elements that follow
	lengthBytes int // length of the integer that holds the size instead
	extraBytes  int // bytes that size does not include: the type of an extension
	perElement  int // number of values in an element; 0 if bytes follow
}

func formatOf(c byte) format {
	switch {
	case msgpcode.IsFixedNum(c):
		return format{}
	case msgpcode.IsFixedMap(c):
		return format{size: int(c & msgpcode.FixedMapMask), perElement: 2}
	case msgpcode.IsFixedArray(c):
		return format{size: int(c & msgpcode.FixedArrayMask), perElement: 1}
	case msgpcode.IsFixedString(c):
		return format{size: int(c & msgpcode.FixedStrMask)}
	}
	switch c {
	case msgpcode.Nil, msgpcode.True, msgpcode.False:
		return format{}
	case msgpcode.Uint8, msgpcode.Int8:
		return format{size: 1}
	case msgpcode.Uint16, msgpcode.Int16:
		return format{size: 2}
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		return format{size: 4}
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		return format{size: 8}
	case msgpcode.Str8, msgpcode.Bin8:
		return format{lengthBytes: 1}
	case msgpcode.Str16, msgpcode.Bin16:
		return format{lengthBytes: 2}
	case msgpcode.Str32, msgpcode.Bin32:
		return format{lengthBytes: 4}
	case msgpcode.Array16:
		return format{lengthBytes: 2, perElement: 1}
	case msgpcode.Array32:
		return format{lengthBytes: 4, perElement: 1}
	case msgpcode.Map16:
		return format{lengthBytes: 2, perElement: 2}
	case msgpcode.Map32:
		return format{lengthBytes: 4, perElement: 2}
	case msgpcode.Ext8:
		return format{lengthBytes: 1, extraBytes: 1}
	case msgpcode.Ext16:
		return format{lengthBytes: 2, extraBytes: 1}
	case msgpcode.Ext32:
		return format{lengthBytes: 4, extraBytes: 1}
	case msgpcode.FixExt1, msgpcode.FixExt2, msgpcode.FixExt4, msgpcode.FixExt8, msgpcode.FixExt16:
		return format{size: 1<<(c-msgpcode.FixExt1) + 1}
	default:
		return format{invalid: true}
	}
}

// mapKey reads the key of a map. It is a string, or an integer or bool that
// another program may have written.
func (r *msgpackReader) mapKey() (string, error) {
	switch wire := r.wireType(); wire {
	case wireString, wireBinary:
		return r.string(wire)
	case wireInt, wireBool:
		x, err := r.any()
		switch x := x.(type) {
		case int64:
			return strconv.FormatInt(x, 10), nil
		case bool:
			return strconv.FormatBool(x), nil
		case json.Number:
			return string(x), nil
		}
		return "", err
	default:
		return "", errWire
	}
}

// any reads the next value as the type that its first byte names. Byte slices
// and times keep their types.
func (r *msgpackReader) any() (any, error) {
	if err := r.spend(boxedSize); err != nil {
		return nil, err
	}
	switch wire := r.wireType(); wire {
	case wireNil:
		return nil, r.dec.DecodeNil()
	case wireBool:
		return r.dec.DecodeBool()
	case wireInt:
		c, _ := r.dec.PeekCode()
		if c != msgpcode.Uint64 {
			return r.int(wire, 64)
		}
		u, err := r.uint(wire, 64)
		if err != nil {
			return nil, err
		}
		if u < 1<<63 {
			return int64(u), nil
		}
		return json.Number(strconv.FormatUint(u, 10)), nil
	case wireFloat:
		return r.float(wire, 64)
	case wireString:
		return r.string(wire)
	case wireBinary:
		text, err := r.string(wire)
		return []byte(text), err
	case wireTime:
		return r.time(wire)
	case wireArray:
		return r.anyArray()
	case wireMap:
		return r.anyMap()
	case wireExtension:
		return nil, errExtension
	default:
		return nil, errMsgPack
	}
}

func (r *msgpackReader) anyArray() (any, error) {
	n, err := r.arrayLen()
	if err != nil {
		return nil, err
	}
	if err := r.spend(headerSize + n*anyElementSize); err != nil {
		return nil, err
	}
	list := make([]any, 0, min(n, 256))
	for range n {
		x, err := r.any()
		if err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	r.depth--
	return list, nil
}

func (r *msgpackReader) anyMap() (any, error) {
	n, err := r.mapLen()
	if err != nil {
		return nil, err
	}
	if err := r.spend(mapSize(n, commonGroupSize) + n*commonEntrySize); err != nil {
		return nil, err
	}
	table := make(map[string]any, min(n, 64))
	for range n {
		name, err := r.mapKey()
		if err != nil {
			return nil, err
		}
		x, err := r.any()
		if err != nil {
			return nil, err
		}
		table[name] = x
	}
	r.depth--
	return table, nil
}

package codec

import (
	"encoding/json"
	"io"
	"reflect"
	"strconv"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// list enters a list and returns how many elements it has.
func (r *msgpackReader) list() (int, error) {
	if r.sort() != sortList {
		return 0, errKind
	}
	n, err := r.dec.DecodeArrayLen()
	return n, r.enter(n, err)
}

// tableLen enters a table and returns how many entries it has.
func (r *msgpackReader) tableLen() (int, error) {
	if r.sort() != sortTable {
		return 0, errKind
	}
	n, err := r.dec.DecodeMapLen()
	return n, r.enter(2*n, err)
}

func (r *msgpackReader) enter(n int, err error) error {
	if err != nil || n < 0 || n > r.src.Len() {
		return errMsgPack
	}
	if r.depth++; r.depth > maxDepth {
		return errDepth
	}
	return nil
}

// reserve is how many of n elements to allocate memory for at once: what is stored may claim more than it holds.
func reserve(n int, size uintptr) int {
	const most = 4096
	return min(n, most/max(1, int(size)))
}

func (r *msgpackReader) slice(s *shape, v reflect.Value) error {
	n, err := r.list()
	if err != nil {
		return err
	}
	first := reserve(n, s.elem.size)
	if err := r.take(first * int(s.elem.size)); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(s.typ, 0, first))
	for i := range n {
		if i == v.Cap() {
			if err := r.take(max(1, i) * int(s.elem.size)); err != nil {
				return err
			}
			v.Grow(max(1, i))
		}
		v.SetLen(i + 1)
		if err := r.value(s.elem, v.Index(i)); err != nil {
			return within(err, index(i))
		}
	}
	r.depth--
	return nil
}

func (r *msgpackReader) array(s *shape, v reflect.Value) error {
	n, err := r.list()
	if err != nil {
		return err
	}
	if n != v.Len() {
		return errLength
	}
	for i := range n {
		if err := r.value(s.elem, v.Index(i)); err != nil {
			return within(err, index(i))
		}
	}
	r.depth--
	return nil
}

func (r *msgpackReader) table(s *shape, v reflect.Value) error {
	n, err := r.tableLen()
	if err != nil {
		return err
	}
	first, each := reserve(n, s.key.size+s.elem.size), entryRoom(s.key.size, s.elem.size)
	if err := r.take(tableRoom(n, groupRoom(s.key.size, s.elem.size)) + first*each); err != nil {
		return err
	}
	m := reflect.MakeMapWithSize(s.typ, first)
	key, elem := s.key.borrow(), s.elem.borrow()
	defer s.key.giveBack(key)
	defer s.elem.giveBack(elem)
	for i := range n {
		if i >= first {
			if err := r.take(each); err != nil {
				return err
			}
		}
		text, err := r.name()
		if err != nil {
			return err
		}
		if err := setKey(s.key, *key, text, &r.room); err != nil {
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

func (r *msgpackReader) object(s *shape, v reflect.Value) error {
	n, err := r.tableLen()
	if err != nil {
		return err
	}
	v.SetZero()
	for range n {
		name, err := r.name()
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
			if err := r.take(m.missing(v)); err != nil {
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

// skip passes over the next value, whatever it is.
func (r *msgpackReader) skip() error {
	end, err := passOver(r.data, r.at(), r.depth)
	if err != nil {
		return err
	}
	_, err = r.src.Seek(int64(end), io.SeekStart)
	return err
}

// passOver returns where the value that begins at i ends.
func passOver(data string, i, depth int) (int, error) {
	if i >= len(data) {
		return 0, errMsgPack
	}
	form := msgpackForm(data[i])
	i++
	if form.bad || len(data)-i < form.length {
		return 0, errMsgPack
	}
	n := form.fixed
	for range form.length {
		n = n<<8 | int(data[i])
		i++
	}
	if form.parts == 0 {
		if n += form.extra; n > len(data)-i {
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
	for range n * form.parts {
		if i, err = passOver(data, i, depth+1); err != nil {
			return 0, err
		}
	}
	return i, nil
}

// form is what the first byte of a value tells of its length.
type form struct {
	bad    bool
	fixed  int // how many bytes or elements follow
	length int // how many bytes hold that number instead
	extra  int // bytes that the number does not count: the type of an extension
	parts  int // how many values an element is; 0 where bytes follow
}

func msgpackForm(c byte) form {
	switch {
	case msgpcode.IsFixedNum(c):
		return form{}
	case msgpcode.IsFixedMap(c):
		return form{fixed: int(c & msgpcode.FixedMapMask), parts: 2}
	case msgpcode.IsFixedArray(c):
		return form{fixed: int(c & msgpcode.FixedArrayMask), parts: 1}
	case msgpcode.IsFixedString(c):
		return form{fixed: int(c & msgpcode.FixedStrMask)}
	}
	switch c {
	case msgpcode.Nil, msgpcode.True, msgpcode.False:
		return form{}
	case msgpcode.Uint8, msgpcode.Int8:
		return form{fixed: 1}
	case msgpcode.Uint16, msgpcode.Int16:
		return form{fixed: 2}
	case msgpcode.Uint32, msgpcode.Int32, msgpcode.Float:
		return form{fixed: 4}
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		return form{fixed: 8}
	case msgpcode.Str8, msgpcode.Bin8:
		return form{length: 1}
	case msgpcode.Str16, msgpcode.Bin16:
		return form{length: 2}
	case msgpcode.Str32, msgpcode.Bin32:
		return form{length: 4}
	case msgpcode.Array16:
		return form{length: 2, parts: 1}
	case msgpcode.Array32:
		return form{length: 4, parts: 1}
	case msgpcode.Map16:
		return form{length: 2, parts: 2}
	case msgpcode.Map32:
		return form{length: 4, parts: 2}
	case msgpcode.Ext8:
		return form{length: 1, extra: 1}
	case msgpcode.Ext16:
		return form{length: 2, extra: 1}
	case msgpcode.Ext32:
		return form{length: 4, extra: 1}
	case msgpcode.FixExt1, msgpcode.FixExt2, msgpcode.FixExt4, msgpcode.FixExt8, msgpcode.FixExt16:
		return form{fixed: 1<<(c-msgpcode.FixExt1) + 1}
	default:
		return form{bad: true}
	}
}

// name reads a key: a string, or an integer or a bool that another program may have written.
func (r *msgpackReader) name() (string, error) {
	switch sort := r.sort(); sort {
	case sortString, sortBytes:
		return r.string(sort)
	case sortInt, sortBool:
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
		return "", errKind
	}
}

// any reads the next value as what it is; bytes and times keep their types.
func (r *msgpackReader) any() (any, error) {
	if err := r.take(boxSize); err != nil {
		return nil, err
	}
	switch sort := r.sort(); sort {
	case sortNil:
		return nil, r.dec.DecodeNil()
	case sortBool:
		return r.dec.DecodeBool()
	case sortInt:
		c, _ := r.dec.PeekCode()
		if c != msgpcode.Uint64 {
			return r.int(sort, 64)
		}
		u, err := r.uint(sort, 64)
		if err != nil {
			return nil, err
		}
		if u < 1<<63 {
			return int64(u), nil
		}
		return json.Number(strconv.FormatUint(u, 10)), nil
	case sortFloat:
		return r.float(sort, 64)
	case sortString:
		return r.string(sort)
	case sortBytes:
		text, err := r.string(sort)
		return []byte(text), err
	case sortTime:
		return r.time(sort)
	case sortList:
		return r.anyList()
	case sortTable:
		return r.anyTable()
	case sortExt:
		return nil, errExtension
	default:
		return nil, errMsgPack
	}
}

func (r *msgpackReader) anyList() (any, error) {
	n, err := r.list()
	if err != nil {
		return nil, err
	}
	if err := r.take(holderSize + n*elementSize); err != nil {
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

func (r *msgpackReader) anyTable() (any, error) {
	n, err := r.tableLen()
	if err != nil {
		return nil, err
	}
	if err := r.take(tableRoom(n, groupSize) + n*entrySize); err != nil {
		return nil, err
	}
	table := make(map[string]any, min(n, 64))
	for range n {
		name, err := r.name()
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

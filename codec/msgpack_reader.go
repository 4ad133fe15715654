package codec

import (
	"encoding/json"
	"io"
	"math"
	stdbits "math/bits"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

func (msgpackCodec) decode(data string, s *shape, v reflect.Value, most room) error {
	if data == "" {
		return misfit(s.typ, errEmpty)
	}
	r := msgpackReaders.Get().(*msgpackReader)
	defer r.release()
	r.data = data
	r.room = most
	r.src.Reset(data)
	r.dec.Reset(&r.src)
	if err := r.value(s, v); err != nil {
		return err
	}
	if r.src.Len() > 0 {
		return misfit(s.typ, errTrailing)
	}
	return nil
}

// msgpackReader reads MessagePack. Lengths that the text cannot hold are refused before anything is allocated for them.
type msgpackReader struct {
	data  string
	src   strings.Reader
	dec   *msgpack.Decoder
	depth int
	room
}

var msgpackReaders = sync.Pool{New: func() any { return &msgpackReader{dec: msgpack.NewDecoder(nil)} }}

func (r *msgpackReader) release() {
	r.data = ""
	r.src.Reset("")
	r.depth = 0
	msgpackReaders.Put(r)
}

// sort is what the next value is, by its first byte.
type sort uint8

const (
	sortBad sort = iota
	sortNil
	sortBool
	sortInt
	sortFloat
	sortString
	sortBytes
	sortList
	sortTable
	sortTime
	sortExt
)

func (r *msgpackReader) sort() sort {
	c, err := r.dec.PeekCode()
	switch {
	case err != nil:
		return sortBad
	case c == msgpcode.Nil:
		return sortNil
	case c == msgpcode.True, c == msgpcode.False:
		return sortBool
	case msgpcode.IsFixedNum(c), msgpcode.Uint8 <= c && c <= msgpcode.Int64:
		return sortInt
	case c == msgpcode.Float, c == msgpcode.Double:
		return sortFloat
	case msgpcode.IsString(c):
		return sortString
	case msgpcode.IsBin(c):
		return sortBytes
	case msgpcode.IsFixedArray(c), c == msgpcode.Array16, c == msgpcode.Array32:
		return sortList
	case msgpcode.IsFixedMap(c), c == msgpcode.Map16, c == msgpcode.Map32:
		return sortTable
	case msgpcode.IsExt(c):
		return r.extension(c)
	default:
		return sortBad
	}
}

// timeExtension is the type -1, which MessagePack gives to times.
const timeExtension = 0xff

// extension tells a time from the extensions that other programs define.
func (r *msgpackReader) extension(c byte) sort {
	at := r.at() + 1
	switch c {
	case msgpcode.FixExt4, msgpcode.FixExt8:
	case msgpcode.Ext8:
		at++
	default:
		return sortExt
	}
	if at < len(r.data) && r.data[at] == timeExtension {
		return sortTime
	}
	return sortExt
}

// at is how much of the data is read.
func (r *msgpackReader) at() int { return len(r.data) - r.src.Len() }

func (r *msgpackReader) value(s *shape, v reflect.Value) error {
	if err := r.into(s, v); err != nil {
		return misfit(s.typ, err)
	}
	return nil
}

func (r *msgpackReader) into(s *shape, v reflect.Value) error {
	sort := r.sort()
	switch {
	case sort == sortBad:
		return errMsgPack
	case sort == sortExt:
		return errExtension
	case sort == sortNil && s.nilable:
		v.SetZero()
		return r.dec.DecodeNil()
	case sort == sortNil:
		return errNull
	}
	switch s.kind {
	case kindBool:
		if sort != sortBool {
			return errKind
		}
		b, err := r.dec.DecodeBool()
		v.SetBool(b)
		return err
	case kindInt, kindDuration:
		n, err := r.int(sort, s.bits)
		v.SetInt(n)
		return err
	case kindUint:
		n, err := r.uint(sort, s.bits)
		v.SetUint(n)
		return err
	case kindFloat:
		f, err := r.float(sort, s.bits)
		v.SetFloat(f)
		return err
	case kindTime:
		t, err := r.time(sort)
		*v.Addr().Interface().(*time.Time) = t
		return err
	case kindString, kindNumber, kindBytes, kindText, kindJSON, kindRaw:
		return r.text(s, v, sort)
	case kindPointer:
		if err := r.take(int(s.elem.size)); err != nil {
			return err
		}
		p := reflect.New(s.elem.typ)
		if err := r.value(s.elem, p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case kindAny:
		x, err := r.any()
		setAny(v, x)
		return err
	case kindSlice:
		return r.slice(s, v)
	case kindArray:
		return r.array(s, v)
	case kindMap:
		return r.table(s, v)
	default:
		return r.object(s, v)
	}
}

// text reads what is stored as a string or as bytes; the two are taken for each other.
func (r *msgpackReader) text(s *shape, v reflect.Value, sort sort) error {
	if s.kind == kindNumber && (sort == sortInt || sort == sortFloat) {
		x, err := r.any()
		if err != nil {
			return err
		}
		return r.setNumber(v, x)
	}
	text, err := r.string(sort)
	if err != nil {
		return err
	}
	switch s.kind {
	case kindString:
		v.SetString(text)
	case kindNumber:
		if text != "" && !isNumber(text) {
			return errFloat
		}
		v.SetString(text)
	case kindBytes:
		v.SetBytes([]byte(text))
	case kindText:
		return setText(s, v, text, &r.room)
	default:
		j := jsonReader{s: text, depth: r.depth}
		raw, err := j.raw()
		if err == nil {
			err = j.end()
		}
		if err != nil {
			return err
		}
		if raw == "null" && s.nilable {
			v.SetZero()
			return nil
		}
		return setJSON(s, v, raw)
	}
	return nil
}

func (r *msgpackReader) setNumber(v reflect.Value, x any) error {
	switch x := x.(type) {
	case int64:
		v.SetString(strconv.FormatInt(x, 10))
	case json.Number:
		v.SetString(string(x))
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return errFloat
		}
		v.SetString(string(appendJSONFloat(nil, x, 64)))
	}
	return nil
}

func (r *msgpackReader) string(sort sort) (string, error) {
	if sort != sortString && sort != sortBytes {
		return "", errKind
	}
	n, err := r.dec.DecodeBytesLen()
	if err != nil || n < 0 || n > r.src.Len() {
		return "", errMsgPack
	}
	start := r.at()
	_, err = r.src.Seek(int64(n), io.SeekCurrent)
	return r.data[start : start+n], err
}

func (r *msgpackReader) int(sort sort, bits int) (int64, error) {
	if sort != sortInt {
		return 0, errInteger
	}
	c, _ := r.dec.PeekCode()
	if c == msgpcode.Uint64 {
		u, err := r.dec.DecodeUint64()
		if err != nil {
			return 0, errMsgPack
		}
		if u >= 1<<(bits-1) {
			return 0, errRange
		}
		return int64(u), nil
	}
	n, err := r.dec.DecodeInt64()
	if err != nil {
		return 0, errMsgPack
	}
	if shift := 64 - bits; n<<shift>>shift != n {
		return 0, errRange
	}
	return n, nil
}

func (r *msgpackReader) uint(sort sort, bits int) (uint64, error) {
	if sort != sortInt {
		return 0, errInteger
	}
	c, _ := r.dec.PeekCode()
	var u uint64
	var err error
	if c == msgpcode.Uint64 {
		u, err = r.dec.DecodeUint64()
	} else {
		var n int64
		if n, err = r.dec.DecodeInt64(); n < 0 {
			return 0, errRange
		}
		u = uint64(n)
	}
	if err != nil {
		return 0, errMsgPack
	}
	if shift := 64 - bits; u<<shift>>shift != u {
		return 0, errRange
	}
	return u, nil
}

func (r *msgpackReader) float(sort sort, bits int) (float64, error) {
	switch sort {
	case sortFloat:
		f, err := r.dec.DecodeFloat64()
		if err != nil {
			return 0, errMsgPack
		}
		switch {
		case bits == 64 || f != f || float64(float32(f)) == f:
			return f, nil
		case math.IsInf(float64(float32(f)), 0):
			return 0, errRange
		default:
			return 0, errInexact
		}
	case sortInt:
		return r.intFloat(bits)
	default:
		return 0, errFloat
	}
}

// intFloat reads an integer as a float.
func (r *msgpackReader) intFloat(bits int) (float64, error) {
	var u uint64
	var negative bool
	if c, _ := r.dec.PeekCode(); c == msgpcode.Uint64 {
		var err error
		if u, err = r.uint(sortInt, 64); err != nil {
			return 0, err
		}
	} else {
		n, err := r.int(sortInt, 64)
		if err != nil {
			return 0, err
		}
		u, negative = uint64(n), n < 0
		if negative {
			u = -u
		}
	}
	mantissa := 53
	if bits == 32 {
		mantissa = 24
	}
	if stdbits.Len64(u)-stdbits.TrailingZeros64(u|1<<63) > mantissa {
		return 0, errInexact
	}
	if negative {
		return -float64(u), nil
	}
	return float64(u), nil
}

func (r *msgpackReader) time(sort sort) (time.Time, error) {
	switch sort {
	case sortString:
		text, err := r.string(sort)
		if err != nil {
			return time.Time{}, err
		}
		return parseTime(text)
	case sortTime:
		t, err := r.dec.DecodeTime()
		if err != nil {
			return time.Time{}, errTime
		}
		if t = t.UTC(); t.Year() < 0 || t.Year() > 9999 {
			return time.Time{}, errYear
		}
		return t, nil
	default:
		return time.Time{}, errTime
	}
}

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

func (msgpackCodec) decode(data string, s *shape, v reflect.Value, limit budget) error {
	if data == "" {
		return decodeError(s.typ, errEmpty)
	}
	r := msgpackReaders.Get().(*msgpackReader)
	defer r.release()
	r.data = data
	r.budget = limit
	r.src.Reset(data)
	r.dec.Reset(&r.src)
	if err := r.value(s, v); err != nil {
		return err
	}
	if r.src.Len() > 0 {
		return decodeError(s.typ, errTrailing)
	}
	return nil
}

// msgpackReader reads MessagePack. It refuses a length that exceeds the data
// before it allocates memory for it.
type msgpackReader struct {
	data  string
	src   strings.Reader
	dec   *msgpack.Decoder
	depth int
	budget
}

var msgpackReaders = sync.Pool{New: func() any { return &msgpackReader{dec: msgpack.NewDecoder(nil)} }}

func (r *msgpackReader) release() {
	r.data = ""
	r.src.Reset("")
	r.depth = 0
	msgpackReaders.Put(r)
}

// wireType is the type of a MessagePack value, as given by its first byte.
type wireType uint8

const (
	wireInvalid wireType = iota
	wireNil
	wireBool
	wireInt
	wireFloat
	wireString
	wireBinary
	wireArray
	wireMap
	wireTime
	wireExtension
)

// wireType returns the type of the next value without reading it.
func (r *msgpackReader) wireType() wireType {
	c, err := r.dec.PeekCode()
	switch {
	case err != nil:
		return wireInvalid
	case c == msgpcode.Nil:
		return wireNil
	case c == msgpcode.True, c == msgpcode.False:
		return wireBool
	case msgpcode.IsFixedNum(c), msgpcode.Uint8 <= c && c <= msgpcode.Int64:
		return wireInt
	case c == msgpcode.Float, c == msgpcode.Double:
		return wireFloat
	case msgpcode.IsString(c):
		return wireString
	case msgpcode.IsBin(c):
		return wireBinary
	case msgpcode.IsFixedArray(c), c == msgpcode.Array16, c == msgpcode.Array32:
		return wireArray
	case msgpcode.IsFixedMap(c), c == msgpcode.Map16, c == msgpcode.Map32:
		return wireMap
	case msgpcode.IsExt(c):
		return r.extensionType(c)
	default:
		return wireInvalid
	}
}

// timeExtension is the type of the extension for times, which is -1.
const timeExtension = 0xff

// extensionType distinguishes times from other extensions.
func (r *msgpackReader) extensionType(c byte) wireType {
	typeAt := r.offset() + 1
	switch c {
	case msgpcode.FixExt4, msgpcode.FixExt8:
	case msgpcode.Ext8:
		typeAt++
	default:
		return wireExtension
	}
	if typeAt < len(r.data) && r.data[typeAt] == timeExtension {
		return wireTime
	}
	return wireExtension
}

// offset returns the number of bytes that were read.
func (r *msgpackReader) offset() int { return len(r.data) - r.src.Len() }

// value reads the next value into v.
func (r *msgpackReader) value(s *shape, v reflect.Value) error {
	if err := r.read(s, v); err != nil {
		return decodeError(s.typ, err)
	}
	return nil
}

// read is value without wrapping of its error.
func (r *msgpackReader) read(s *shape, v reflect.Value) error {
	wire := r.wireType()
	switch {
	case wire == wireInvalid:
		return errMsgPack
	case wire == wireExtension:
		return errExtension
	case wire == wireNil && s.nilable:
		v.SetZero()
		return r.dec.DecodeNil()
	case wire == wireNil:
		return errNull
	}
	switch s.kind {
	case kindBool:
		if wire != wireBool {
			return errWire
		}
		b, err := r.dec.DecodeBool()
		v.SetBool(b)
		return err
	case kindInt, kindDuration:
		n, err := r.int(wire, s.bits)
		v.SetInt(n)
		return err
	case kindUint:
		n, err := r.uint(wire, s.bits)
		v.SetUint(n)
		return err
	case kindFloat:
		f, err := r.float(wire, s.bits)
		v.SetFloat(f)
		return err
	case kindTime:
		t, err := r.time(wire)
		*v.Addr().Interface().(*time.Time) = t
		return err
	case kindString, kindNumber, kindBytes, kindText, kindJSON, kindRaw:
		return r.readText(s, v, wire)
	case kindPointer:
		if err := r.spend(int(s.elem.size)); err != nil {
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
		return r.readSlice(s, v)
	case kindArray:
		return r.readArray(s, v)
	case kindMap:
		return r.readMap(s, v)
	default:
		return r.readStruct(s, v)
	}
}

// readText reads the types that are stored as strings or bytes. A string may be
// read as bytes and the other way round.
func (r *msgpackReader) readText(s *shape, v reflect.Value, wire wireType) error {
	if s.kind == kindNumber && (wire == wireInt || wire == wireFloat) {
		x, err := r.any()
		if err != nil {
			return err
		}
		return r.setNumber(v, x)
	}
	text, err := r.string(wire)
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
		return callUnmarshalText(s, v, text, &r.budget)
	default:
		j := jsonReader{data: text, depth: r.depth}
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
		return callUnmarshalJSON(s, v, raw)
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

func (r *msgpackReader) string(wire wireType) (string, error) {
	if wire != wireString && wire != wireBinary {
		return "", errWire
	}
	n, err := r.dec.DecodeBytesLen()
	if err != nil || n < 0 || n > r.src.Len() {
		return "", errMsgPack
	}
	start := r.offset()
	_, err = r.src.Seek(int64(n), io.SeekCurrent)
	return r.data[start : start+n], err
}

func (r *msgpackReader) int(wire wireType, bits int) (int64, error) {
	if wire != wireInt {
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

func (r *msgpackReader) uint(wire wireType, bits int) (uint64, error) {
	if wire != wireInt {
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

func (r *msgpackReader) float(wire wireType, bits int) (float64, error) {
	switch wire {
	case wireFloat:
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
	case wireInt:
		return r.floatFromInt(bits)
	default:
		return 0, errFloat
	}
}

// floatFromInt reads an integer as a float. It returns an error if the float
// cannot represent the integer exactly.
func (r *msgpackReader) floatFromInt(bits int) (float64, error) {
	var u uint64
	var negative bool
	if c, _ := r.dec.PeekCode(); c == msgpcode.Uint64 {
		var err error
		if u, err = r.uint(wireInt, 64); err != nil {
			return 0, err
		}
	} else {
		n, err := r.int(wireInt, 64)
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

func (r *msgpackReader) time(wire wireType) (time.Time, error) {
	switch wire {
	case wireString:
		text, err := r.string(wire)
		if err != nil {
			return time.Time{}, err
		}
		return parseTime(text)
	case wireTime:
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

package codec

import (
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"sync"
	"time"
)

// kind is the way in which a type is stored.
type kind uint8

const (
	kindBool kind = iota + 1
	kindInt
	kindUint
	kindFloat
	kindString
	kindNumber // json.Number
	kindTime
	kindDuration
	kindBytes // []byte
	kindText  // has MarshalText and UnmarshalText
	kindJSON  // has MarshalJSON and UnmarshalJSON
	kindRaw   // json.RawMessage
	kindValue // Value
	kindSlice
	kindArray
	kindMap
	kindStruct
	kindPointer
	kindAny
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[json.Number]()
	rawType      = reflect.TypeFor[json.RawMessage]()
	bigIntType   = reflect.TypeFor[big.Int]()
	valueType    = reflect.TypeFor[Value]()
)

// shape describes a Go type. It is independent of the codec and is cached.
type shape struct {
	typ             reflect.Type
	kind            kind
	bits            int // of a number
	size            uintptr
	nilable         bool         // a value may be nil
	msgpackMethod   string       // a method of the type for MessagePack, or ""
	marshalsByValue bool         // the type has its marshaling method, not only the pointer to it
	bigType         reflect.Type // see bigTypeOf
	key             *shape       // of a map
	elem            *shape       // of a slice, array, map or pointer
	fields          []member
	index           map[string]int // of the fields, by their stored names
	mapKind         mapKind
	zeros           sync.Pool // of *reflect.Value, see getZero
}

// composite reports whether values of the type are written as JSON objects or
// arrays.
func (s *shape) composite() bool {
	switch s.kind {
	case kindStruct, kindSlice, kindArray, kindMap:
		return true
	default:
		return false
	}
}

// getZero returns a settable zero value. putZero takes it back.
func (s *shape) getZero() *reflect.Value {
	if v, ok := s.zeros.Get().(*reflect.Value); ok {
		return v
	}
	v := reflect.New(s.typ).Elem()
	return &v
}

// putZero clears v and keeps it for getZero.
func (s *shape) putZero(v *reflect.Value) {
	v.SetZero()
	s.zeros.Put(v)
}

var shapes sync.Map // reflect.Type -> *shape

// shapeOf returns the shape of t. Its errors are SchemaErrors without a root.
func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	b := builder{}
	s, err := b.build(t)
	if err != nil {
		return nil, err
	}
	for t, s := range b {
		shapes.LoadOrStore(t, s)
	}
	return s, nil
}

// dynamicShape returns the shape of the type that an interface holds. Its error
// is an EncodeError, since it is about a value.
func dynamicShape(t reflect.Type) (*shape, error) {
	s, err := shapeOf(t)
	if err != nil {
		return nil, encodeError(t, withRoot(err, t))
	}
	return s, nil
}

// addressable returns v if it is addressable, else an addressable copy.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// timeIn returns the time in v. If v is addressable, it does not allocate.
func timeIn(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

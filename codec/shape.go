package codec

import (
	"encoding/json"
	"math/big"
	"reflect"
	"strconv"
	"sync"
	"time"
)

type kind uint8

const (
	kindBool kind = iota + 1
	kindInt
	kindUint
	kindFloat
	kindString
	kindNumber
	kindTime
	kindDuration
	kindBytes
	kindText
	kindJSON
	kindRaw
	kindValue
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

// shape is one Go type, understood once: what all codecs need to know of it.
type shape struct {
	typ             reflect.Type
	kind            kind
	bits            int
	size            uintptr
	nilable         bool
	msgpackMethod   string       // the method by which the type writes MessagePack of its own
	marshalsByValue bool         // the type itself, not only a pointer to it, has the methods that write it
	bigType         reflect.Type // the number of package big that it is or embeds
	key             *shape
	elem            *shape
	fields          []member
	index           map[string]int
	mapKind         mapKind
	zeros           sync.Pool // of *reflect.Value: zero values that are settable
}

// nested says that the type has parts.
func (s *shape) composite() bool {
	switch s.kind {
	case kindStruct, kindSlice, kindArray, kindMap:
		return true
	default:
		return false
	}
}

// borrow returns a zero value that is settable. giveBack takes it, and keeps nothing of what it holds then.
func (s *shape) getZero() *reflect.Value {
	if v, ok := s.zeros.Get().(*reflect.Value); ok {
		return v
	}
	v := reflect.New(s.typ).Elem()
	return &v
}

func (s *shape) putZero(v *reflect.Value) {
	v.SetZero()
	s.zeros.Put(v)
}

var shapes sync.Map // reflect.Type -> *shape

// shapeOf understands t. Its errors are SchemaErrors without a root.
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

// dynamicShape understands the type that an interface holds; its error is about the value, not about the schema.
func dynamicShape(t reflect.Type) (*shape, error) {
	s, err := shapeOf(t)
	if err != nil {
		return nil, encodeError(t, withRoot(err, t))
	}
	return s, nil
}

// addressable returns v, or a copy of it that has an address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	return c
}

// timeOf returns the time in v without a copy on the heap.
func timeIn(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func indexStep(i int) string { return "[" + strconv.Itoa(i) + "]" }

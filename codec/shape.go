package codec

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/fields"
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
	typ     reflect.Type
	kind    kind
	bits    int
	size    uintptr
	nilable bool
	packs   string       // the method by which the type writes MessagePack of its own
	byValue bool         // the type itself, not only a pointer to it, has the methods that write it
	big     reflect.Type // the number of package big that it is or embeds
	key     *shape
	elem    *shape
	fields  []member
	index   map[string]int
	common  common
	spare   sync.Pool // of *reflect.Value: zero values that are settable
}

// nested says that the type has parts.
func (s *shape) nested() bool {
	switch s.kind {
	case kindStruct, kindSlice, kindArray, kindMap:
		return true
	default:
		return false
	}
}

// borrow returns a zero value that is settable. giveBack takes it, and keeps nothing of what it holds then.
func (s *shape) borrow() *reflect.Value {
	if v, ok := s.spare.Get().(*reflect.Value); ok {
		return v
	}
	v := reflect.New(s.typ).Elem()
	return &v
}

func (s *shape) giveBack(v *reflect.Value) {
	v.SetZero()
	s.spare.Put(v)
}

// member is one stored field of a struct.
type member struct {
	fields.Field
	shape  *shape
	prefix string                   // a comma, the name in quotes and a colon
	omits  func(reflect.Value) bool // nil where nothing is left out
	direct bool                     // no embedded pointer leads to it
	offset uintptr                  // within the struct, where it is direct
}

func (m *member) omitted(v reflect.Value) bool { return m.omits != nil && m.omits(v) }

// missing is the size of the embedded structs on the way to the field that struct v has no memory for yet.
func (m *member) missing(v reflect.Value) (size int) {
	for i, n := range m.Index[:len(m.Index)-1] {
		if i > 0 && v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		v = v.Field(n)
		if v.Kind() == reflect.Pointer && v.IsNil() {
			return behind(v.Type(), m.Index[i+1:len(m.Index)-1])
		}
	}
	return 0
}

// behind is the size of what pointer t points to, and of the structs that further pointers along the path lead to.
func behind(t reflect.Type, path []int) int {
	t = t.Elem()
	size := int(t.Size())
	for _, n := range path {
		if t = t.Field(n).Type; t.Kind() == reflect.Pointer {
			t = t.Elem()
			size += int(t.Size())
		}
	}
	return size
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

// unpacked refuses, for codec.MsgPack, the types within s that have MessagePack of their own, unless they are written
// as text or JSON. open holds the shapes under way.
func (s *shape) unpacked(open map[*shape]bool) error {
	if s.kind == kindText || s.kind == kindJSON || open[s] {
		return nil
	}
	if s.packs != "" {
		return unstorable("%s has %s, which codec.MsgPack does not call; give it MarshalText and UnmarshalText, use another codec, "+
			"or leave it out with `redis:\"-\"`", s.typ, s.packs)
	}
	open[s] = true
	if s.key != nil {
		if err := s.key.unpacked(open); err != nil {
			return within(err, "[key]")
		}
	}
	if s.elem != nil {
		step := map[kind]string{kindSlice: "[]", kindArray: "[]", kindMap: "*"}[s.kind]
		if err := s.elem.unpacked(open); err != nil {
			return within(err, step)
		}
	}
	for i := range s.fields {
		if err := s.fields[i].shape.unpacked(open); err != nil {
			return within(err, s.fields[i].GoName)
		}
	}
	return nil
}

// dynamicShape understands the type that an interface holds; its error is about the value, not about the schema.
func dynamicShape(t reflect.Type) (*shape, error) {
	s, err := shapeOf(t)
	if err != nil {
		return nil, unwritable(t, rooted(err, t))
	}
	return s, nil
}

// builder holds the shapes under way, so that a type may hold itself.
type builder map[reflect.Type]*shape

func (b builder) build(t reflect.Type) (*shape, error) {
	if s, ok := b[t]; ok {
		return s, nil
	}
	s := &shape{typ: t, size: t.Size()}
	b[t] = s
	s.packs = fields.MsgPack(t)
	if err := s.classify(); err != nil {
		return nil, err
	}
	if err := b.parts(s); err != nil {
		return nil, err
	}
	return s, nil
}

// classify decides how the type is stored, without a look at its parts.
func (s *shape) classify() error {
	t := s.typ
	switch t {
	case valueType:
		s.kind = kindValue
		return nil
	case timeType:
		s.kind = kindTime
		return nil
	case durationType:
		s.kind, s.bits = kindDuration, 64
		return nil
	case numberType:
		s.kind = kindNumber
		return nil
	case rawType:
		s.kind, s.nilable = kindRaw, true
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer:
		s.kind, s.nilable = kindPointer, true
		return nil
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return unstorable("%s cannot be stored, since reading could not tell its dynamic type; use any or a struct", t)
		}
		s.kind, s.nilable = kindAny, true
		return nil
	}
	if self, err := s.selfWritten(); self || err != nil {
		return err
	}
	return s.classifyKind()
}

// selfWritten recognizes the types that write and read themselves.
func (s *shape) selfWritten() (bool, error) {
	text, js := fields.Text(s.typ), fields.JSON(s.typ)
	switch {
	case text.Complete():
		s.kind, s.byValue, s.big = kindText, s.typ.Implements(textMarshalerType), bigIn(s.typ)
	case js.Complete():
		s.kind, s.byValue = kindJSON, s.typ.Implements(jsonMarshalerType)
	case text.Writes:
		return false, unstorable("%s has MarshalText but no UnmarshalText; add it, or leave the field out with `redis:\"-\"`", s.typ)
	case text.Reads:
		return false, unstorable("%s has UnmarshalText but no MarshalText; add it, or leave the field out with `redis:\"-\"`", s.typ)
	case js.Writes:
		return false, unstorable("%s has MarshalJSON but no UnmarshalJSON; add it, or leave the field out with `redis:\"-\"`", s.typ)
	case js.Reads:
		return false, unstorable("%s has UnmarshalJSON but no MarshalJSON; add it, or leave the field out with `redis:\"-\"`", s.typ)
	default:
		return false, nil
	}
	switch s.typ.Kind() {
	case reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		s.nilable = true
	}
	return true, nil
}

func (s *shape) classifyKind() error {
	switch t := s.typ; t.Kind() {
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind, s.bits = kindInt, t.Bits()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		s.kind, s.bits = kindUint, t.Bits()
	case reflect.Float32, reflect.Float64:
		s.kind, s.bits = kindFloat, t.Bits()
	case reflect.String:
		s.kind = kindString
	case reflect.Slice:
		s.kind, s.nilable = kindSlice, true
		if t.Elem().Kind() == reflect.Uint8 && !fields.Leaf(t.Elem()) {
			s.kind = kindBytes
		}
	case reflect.Array:
		s.kind = kindArray
	case reflect.Map:
		s.kind, s.nilable, s.common = kindMap, true, commonMaps[t]
	case reflect.Struct:
		s.kind = kindStruct
	default:
		return unstorable("%s cannot be stored; leave it out with `redis:\"-\"`", t)
	}
	return nil
}

// parts builds what the type consists of.
func (b builder) parts(s *shape) (err error) {
	switch s.kind {
	case kindSlice, kindArray:
		s.elem, err = b.inner(s.typ.Elem(), "[]")
	case kindMap:
		if s.key, err = b.inner(s.typ.Key(), "[key]"); err != nil {
			return err
		}
		switch s.key.kind {
		case kindString, kindInt, kindUint, kindBool, kindTime, kindDuration, kindText:
		default:
			return unstorable("%s cannot be stored, since a key must be a string, an integer, a bool or have MarshalText", s.typ)
		}
		s.elem, err = b.inner(s.typ.Elem(), "*")
	case kindPointer:
		if s.elem, err = b.inner(s.typ.Elem(), ""); err == nil && s.elem.nilable {
			return unstorable("%s cannot be stored, since a nil pointer and a pointer to nil could not be told apart; use %s",
				s.typ, s.typ.Elem())
		}
	case kindStruct:
		err = b.members(s)
	}
	return err
}

func (b builder) inner(t reflect.Type, step string) (*shape, error) {
	inner, err := b.build(t)
	if err != nil {
		return nil, within(err, step)
	}
	if inner.kind == kindValue {
		return nil, within(unstorable("codec.Value holds a whole stored value and cannot stand inside another one; use json.RawMessage"), step)
	}
	return inner, nil
}

func (b builder) members(s *shape) error {
	list, err := fields.Of(s.typ)
	if err != nil {
		return unstorable("%w", err)
	}
	if len(list) == 0 && s.typ.NumField() > 0 {
		return unstorable("%s has no field that could be stored; store its text or an exported field in its place, wrap what holds it "+
			"in a type of your own with MarshalText and UnmarshalText, or leave it out with `redis:\"-\"`", s.typ)
	}
	s.index = make(map[string]int, len(list))
	for i, f := range list {
		if f.Extra {
			return within(unstorable("only the record's own struct may have a field with the option extra"), f.GoName)
		}
		if f.Version {
			return within(unstorable("only the record's own struct may have a field with the option version"), f.GoName)
		}
		if f.Quoted {
			return within(unstorable("the option string of its json tag is not supported inside a value; name the field with "+
				"`redis:%q`, which takes the place of the json tag, or make it a json.Number", f.Name), f.GoName)
		}
		inner, err := b.inner(f.Type, f.GoName)
		if err != nil {
			return err
		}
		prefix, ok := appendQuoted(nil, f.Name)
		if !ok {
			return within(unstorable("its stored name is no valid UTF-8"), f.GoName)
		}
		s.index[f.Name] = i
		m := member{Field: f, shape: inner, prefix: "," + string(prefix) + ":"}
		m.offset, m.direct = offsetOf(s.typ, f.Index)
		if f.OmitZero || f.OmitEmpty {
			m.omits = f.Omitted()
		}
		s.fields = append(s.fields, m)
	}
	return nil
}

// offsetOf is where within struct t a field is; false where a pointer leads to it.
func offsetOf(t reflect.Type, index []int) (offset uintptr, direct bool) {
	for _, n := range index {
		if t.Kind() != reflect.Struct {
			return 0, false
		}
		f := t.Field(n)
		offset += f.Offset
		t = f.Type
	}
	return offset, true
}

func unstorable(format string, args ...any) error {
	return &SchemaError{Reason: fmt.Errorf(format, args...).Error()}
}

// rooted gives a SchemaError the type that it is about.
func rooted(err error, root reflect.Type) error {
	var schema *SchemaError
	if errors.As(err, &schema) {
		schema.Root = root
	}
	return err
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
func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		return *v.Addr().Interface().(*time.Time)
	}
	return v.Interface().(time.Time)
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }

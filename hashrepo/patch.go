package hashrepo

import (
	"fmt"
	"reflect"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// Patch is one change of one field of T. The methods of the field's handle make
// it: [Field.Set], [Field.SetFor], [Field.Clear], [Number.Add], [List.Append].
type Patch[T any] struct{ patch }

// Stamp sets a field that a repository of one's own keeps beside those of T,
// such as the time of the last change. Where T has a field of that stored name
// it is written as that field, else by value's own type.
func Stamp[T any](name string, value any) Patch[T] {
	return Patch[T]{patch{named: named{name, value}, kind: kindStamp}}
}

type patch struct {
	named
	kind kind
	life time.Duration // of kindSetFor
}

type kind uint8

const (
	_ kind = iota
	kindSet
	kindSetFor
	kindClear
	kindAdd
	kindAppend
	kindStamp
)

func patchesOf[T any](patches []Patch[T]) []patch {
	all := make([]patch, len(patches))
	for i, p := range patches {
		all[i] = p.patch
	}
	return all
}

// changes is patches as patch.lua takes them.
type changes struct {
	args  []string
	marks []mark  // of each change, for the errors
	swaps []*swap // fields that are changed here, since a script cannot
}

// mark is the field of a change, and what it is changed as.
type mark struct {
	name string
	typ  reflect.Type
}

// add appends one change: its kind, its field and what belongs to the kind.
func (ch *changes) add(typ reflect.Type, kind, name string, more ...string) {
	ch.args = append(append(ch.args, kind, name), more...)
	ch.marks = append(ch.marks, mark{name, typ})
}

// compile checks patches and encodes them. Its errors name the field.
func (c *core) compile(t fault.Target, patches []patch) (*changes, error) {
	ch := &changes{args: make([]string, 0, 4*len(patches)), marks: make([]mark, 0, len(patches))}
	targets := make([]*field, len(patches))
	for i := range patches {
		p := &patches[i]
		f, err := c.target(p)
		if err != nil {
			return nil, refuse(t.WithField(p.name), err)
		}
		targets[i] = f
		if p.empty() {
			continue
		}
		if p.grows() && !f.grownByScript() && ch.swapOf(p.name) == nil {
			ch.swaps = append(ch.swaps, newSwap(p.name, f))
		}
	}
	for i := range patches {
		p := &patches[i]
		var err error
		if p.empty() {
			continue
		}
		if s := ch.swapOf(p.name); s != nil {
			err = s.join(c, p)
		} else {
			err = c.native(ch, targets[i], p)
		}
		if err != nil {
			return nil, refuse(t.WithField(p.name), err)
		}
	}
	return ch, nil
}

// grows reports whether a patch depends on what the field holds.
func (p *patch) grows() bool { return p.kind == kindAdd || p.kind == kindAppend }

// empty reports whether a patch appends nothing.
func (p *patch) empty() bool { return p.kind == kindAppend && reflect.ValueOf(p.value).Len() == 0 }

// grownByScript reports whether a script can add to the field: it knows the
// texts of integers, of Compact's float64 numbers and of JSON lists.
func (f *field) grownByScript() bool {
	_, isList := f.JSONList()
	return isList || f.DecimalInteger() || f.DecimalFloat()
}

// target is the field that a patch is for, of the type that it is patched as;
// nil for a stamp that T does not know.
func (c *core) target(p *patch) (*field, error) {
	if p.kind == 0 {
		return nil, fmt.Errorf("%w: the zero Patch; the methods of a field's handle make one", fault.ErrInvalidArgument)
	}
	f, err := c.plan.named(p.name)
	if err != nil {
		if p.kind == kindStamp && p.name != reserved {
			return nil, nil
		}
		return nil, err
	}
	if err := c.plan.patchable(p.name); err != nil {
		return nil, err
	}
	switch p.kind {
	case kindSetFor:
		return f, c.lifetimeOf(p)
	case kindAdd:
		return c.asNumber(f, p)
	case kindAppend:
		return c.asList(f)
	}
	return f, nil
}

func (c *core) lifetimeOf(p *patch) error {
	if !c.FieldLifetimes() {
		return fmt.Errorf("%w: the server has no lifetimes of fields; SetFor needs HPEXPIRE, of Redis 7.4 or Valkey 9", fault.ErrUnsupported)
	}
	if p.life < time.Millisecond {
		return fmt.Errorf("%w: %v is under a millisecond; Set lets the field live as long as its record", fault.ErrInvalidTTL, p.life)
	}
	return nil
}

// asNumber is a field as a number: what it points to, or, where a map takes
// any type, the type of what is added.
func (c *core) asNumber(f *field, p *patch) (*field, error) {
	typ := f.Field.Type
	if c.plan.elem != nil && open(typ) {
		typ = reflect.TypeOf(p.value)
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	by := reflect.TypeOf(p.value).Kind()
	if !isNumber(typ.Kind()) || isFloat(typ.Kind()) != isFloat(by) {
		return nil, fmt.Errorf("%w: %v does not take the sum of a %v", fault.ErrFieldType, typ, by)
	}
	return c.retyped(f, typ)
}

// asList is a field as a slice, of any elements where a map takes any type.
func (c *core) asList(f *field) (*field, error) {
	typ := f.Field.Type
	if c.plan.elem != nil && open(typ) {
		typ = reflect.TypeFor[[]any]()
	}
	if typ.Kind() != reflect.Slice || typ.Elem().Kind() == reflect.Uint8 {
		return nil, fmt.Errorf("%w: %v is no list", fault.ErrFieldType, typ)
	}
	return c.retyped(f, typ)
}

func (c *core) retyped(f *field, typ reflect.Type) (*field, error) {
	if typ == f.Field.Type {
		return f, nil
	}
	compiled, err := c.plan.typeOf(typ)
	if err != nil {
		return nil, err
	}
	as := newField(f.Field, compiled)
	as.Field.Type = typ
	return &as, nil
}

// patchable refuses the field that the repository itself writes.
func (p *plan) patchable(name string) error {
	if p.version != nil && p.version.Name == name {
		return fmt.Errorf("%w: the repository counts the version itself; IfVersion asks for one", fault.ErrUnsupported)
	}
	return nil
}

// native makes a change that the script does by itself.
func (c *core) native(ch *changes, f *field, p *patch) error {
	if f == nil {
		text, present, err := c.encodeOpen(p.value)
		return c.set(ch, p, text, present, err)
	}
	typ := f.Field.Type
	switch p.kind {
	case kindClear:
		ch.add(typ, "clear", p.name)
	case kindAdd:
		by := reflect.ValueOf(p.value)
		if isFloat(typ.Kind()) {
			text, err := f.Append(nil, by.Convert(typ))
			ch.add(typ, "float", p.name, string(text))
			return err
		}
		least, greatest := bounds(typ, by.Type())
		ch.add(typ, "int", p.name, decimal(by), least, greatest)
	case kindAppend:
		elements, err := listOf(typ, p.value)
		if err != nil {
			return err
		}
		text, err := f.Append(nil, elements)
		if err != nil {
			return err
		}
		ch.add(typ, "list", p.name, string(text[1:len(text)-1]))
	default:
		text, present, err := c.encodeField(p.name, p.value)
		return c.set(ch, p, text, present, err)
	}
	return nil
}

// set makes the change for a field's new text.
func (c *core) set(ch *changes, p *patch, text string, present bool, err error) error {
	switch {
	case err != nil:
		return err
	case !present:
		ch.add(nil, "clear", p.name)
	case p.kind == kindSetFor:
		ch.add(nil, "for", p.name, text, store.Milliseconds(p.life))
	default:
		ch.add(nil, "set", p.name, text)
	}
	return c.tooLarge(len(text))
}

func (c *core) tooLarge(size int) error {
	if limit := c.MaxValueBytes(); size > limit {
		return fmt.Errorf("%w: %d bytes, and Config.MaxValueBytes is %d", fault.ErrTooLarge, size, limit)
	}
	return nil
}

// bounds are those of an integer type in decimal, within the range of int64
// where that is what is added.
func bounds(t, by reflect.Type) (least, greatest string) {
	size := t.Bits()
	if t.Kind() <= reflect.Int64 {
		return strconv.FormatInt(-1<<(size-1), 10), strconv.FormatInt(1<<(size-1)-1, 10)
	}
	if by.Kind() <= reflect.Int64 {
		size = min(size, 63)
	}
	return "0", strconv.FormatUint(1<<size-1, 10)
}

func decimal(v reflect.Value) string {
	if v.CanInt() {
		return strconv.FormatInt(v.Int(), 10)
	}
	return strconv.FormatUint(v.Uint(), 10)
}

// listOf makes what is appended, a slice of any element type, one of type typ.
func listOf(typ reflect.Type, value any) (reflect.Value, error) {
	values := reflect.ValueOf(value)
	list := reflect.MakeSlice(typ, values.Len(), values.Len())
	for i := range values.Len() {
		element, err := convert(values.Index(i).Interface(), typ.Elem())
		if err != nil {
			return list, fmt.Errorf("value %d: %w", i, err)
		}
		list.Index(i).Set(element)
	}
	return list, nil
}

// misfit is the error of a stored field that cannot be changed.
func misfit(name string, typ reflect.Type, reason error) error {
	return fmt.Errorf("%w: %w", fault.ErrFieldType, &codec.DecodeError{Field: name, Type: typ, Err: reason})
}

func overflow(t reflect.Type) error {
	return fmt.Errorf("%w: the sum does not fit %v; nothing was changed", fault.ErrOverflow, t)
}

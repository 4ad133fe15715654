package hashrepo

import (
	"cmp"
	"fmt"
	"reflect"
	"time"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
)

// Patch is one change of one field of T, for [HashRepo.Update] and
// [HashRepo.Merge]. The methods of a handle return patches: [Field.Set],
// [Field.SetFor], [Field.Clear], [Number.Add] and [List.Append].
type Patch[T any] interface{ untyped(*T) *patch }

// fieldPatch is a Patch without methods of its own.
type fieldPatch[T any] struct{ *patch }

func (p fieldPatch[T]) untyped(*T) *patch { return p.patch }

// Stamp returns the patch that sets a field which T need not declare. It is for
// repositories that store a field of their own beside those of T, such as the
// time of the last change. If T has a field with this stored name or this old
// name, the patch sets that field. Otherwise the value is encoded as its own
// type.
func Stamp[T any](name string, value any) Patch[T] {
	return fieldPatch[T]{&patch{fieldValue: fieldValue{name, value}, kind: patchStamp}}
}

// patch is a Patch without its type parameter.
type patch struct {
	fieldValue
	kind     patchKind
	lifetime time.Duration // of patchSetFor
	bounds   *bounds       // of patchAdd; nil: none
}

type patchKind uint8

const (
	_ patchKind = iota
	patchSet
	patchSetFor
	patchClear
	patchAdd
	patchAppend
	patchStamp
)

// fieldValue is the stored name of a field and a value for it. Neither has been
// checked.
type fieldValue struct {
	name  string
	value any
}

func patchesOf[T any](patches []Patch[T]) []patch {
	all := make([]patch, len(patches))
	for i, p := range patches {
		if p == nil {
			continue
		}
		if untyped := p.untyped(nil); untyped != nil {
			all[i] = *untyped
		}
	}
	return all
}

// dependsOnStored reports whether the result of a patch depends on the stored
// field.
func (p *patch) dependsOnStored() bool { return p.kind == patchAdd || p.kind == patchAppend }

// appendsNothing reports whether a patch appends no elements.
func (p *patch) appendsNothing() bool {
	return p.kind == patchAppend && reflect.ValueOf(p.value).Len() == 0
}

// changes is a list of compiled patches.
type changes struct {
	operations []operation // of update.lua
	rewrites   []*rewrite  // of the fields that update.lua cannot change
}

func (ch *changes) add(op operation) { ch.operations = append(ch.operations, op) }

// rewriteOf returns the rewrite of a field, or nil if update.lua changes it.
func (ch *changes) rewriteOf(name string) *rewrite {
	for _, r := range ch.rewrites {
		if r.name == name {
			return r
		}
	}
	return nil
}

// compile checks and encodes patches. Its errors name the field. All patches of
// a field with a rewrite go into the rewrite, so that they apply in order.
func (c *core) compile(t fault.Target, patches []patch) (*changes, error) {
	ch := &changes{operations: make([]operation, 0, len(patches))}
	targets := make([]*field, len(patches))
	for i := range patches {
		p := &patches[i]
		if p.kind == patchStamp {
			p.name = c.plan.currentName(p.name)
		}
		f, err := c.patchedField(p)
		if err != nil {
			return nil, notApplied(t.WithField(p.name), err)
		}
		targets[i] = f
		if p.appendsNothing() {
			continue
		}
		if p.dependsOnStored() && !f.scriptCanChange() && ch.rewriteOf(p.name) == nil {
			ch.rewrites = append(ch.rewrites, newRewrite(p.name, f))
		}
	}
	for i := range patches {
		p := &patches[i]
		var err error
		if p.appendsNothing() {
			continue
		}
		if r := ch.rewriteOf(p.name); r != nil {
			err = r.addPatch(c, p)
		} else {
			err = c.addOperation(ch, targets[i], p)
		}
		if err != nil {
			return nil, notApplied(t.WithField(p.name), err)
		}
	}
	return ch, c.sealOperations(t, ch.operations)
}

// scriptCanChange reports whether update.lua can add or append to the field. It
// understands integers in decimal, the float64 numbers of codec.Compact, and
// lists in JSON. It does not know the elements of a list that has an index, and
// opens no sealed field.
func (f *field) scriptCanChange() bool {
	if f.sealed {
		return false
	}
	_, isList := f.JSONList()
	return isList && !f.Indexed || f.DecimalInteger() || f.DecimalFloat()
}

// patchedField returns the field of a patch, with the type that the patch
// changes it as. It returns nil for a stamp of a field that T does not declare.
func (c *core) patchedField(p *patch) (*field, error) {
	if p.kind == 0 {
		return nil, fmt.Errorf("%w: a nil Patch; use a method of a handle, such as Field.Set", fault.ErrInvalidArgument)
	}
	if p.kind == patchStamp && p.name != reservedField && !c.plan.declares(p.name) {
		return nil, nil
	}
	f, err := c.plan.fieldNamed(p.name)
	if err != nil {
		return nil, err
	}
	if err := c.plan.checkPatchable(p.name); err != nil {
		return nil, err
	}
	switch p.kind {
	case patchSetFor:
		return f, c.checkLifetime(p)
	case patchAdd:
		return c.asNumber(f, p)
	case patchAppend:
		return c.asList(f)
	}
	return f, nil
}

// checkLifetime checks the lifetime of a SetFor patch.
func (c *core) checkLifetime(p *patch) error {
	if p.lifetime < time.Millisecond {
		remedy := cmp.Or(duration.ForgottenUnit(p.lifetime), "use Set for a field without a lifetime of its own")
		return fmt.Errorf("%w: %v is less than a millisecond; %s", fault.ErrInvalidTTL, p.lifetime, remedy)
	}
	if c.plan.indexOf(p.name) != nil {
		return fmt.Errorf("%w: the field has an index, which SetFor cannot keep; use Set, or remove the option index or unique from the field", fault.ErrUnsupported)
	}
	if !c.FieldLifetimes() {
		return fmt.Errorf("%w: the server does not support HPEXPIRE; SetFor needs Redis 7.4 or Valkey 9", fault.ErrUnsupported)
	}
	return nil
}

// asNumber returns the field as the number that an Add patch changes. A pointer
// is changed as its element type, and a field of any type as the type of the
// addend.
func (c *core) asNumber(f *field, p *patch) (*field, error) {
	typ := f.Field.Type
	if c.plan.hasOpenValues() {
		typ = reflect.TypeOf(p.value)
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	by := reflect.TypeOf(p.value).Kind()
	if !isNumber(typ.Kind()) || isFloat(typ.Kind()) != isFloat(by) {
		return nil, fmt.Errorf("%w: cannot add %v to %v; add a number to a number", fault.ErrFieldType, by, typ)
	}
	if err := p.bounds.check(typ); err != nil {
		return nil, err
	}
	return c.fieldAs(f, typ)
}

// asList returns the field as the slice that an Append patch changes. A field
// of any type is changed as a []any.
func (c *core) asList(f *field) (*field, error) {
	typ := f.Field.Type
	if c.plan.hasOpenValues() {
		typ = reflect.TypeFor[[]any]()
	}
	if typ.Kind() != reflect.Slice || typ.Elem().Kind() == reflect.Uint8 {
		return nil, fmt.Errorf("%w: %v is not a list; append to a slice that is not a slice of bytes", fault.ErrFieldType, typ)
	}
	return c.fieldAs(f, typ)
}

// fieldAs returns the field with another type.
func (c *core) fieldAs(f *field, typ reflect.Type) (*field, error) {
	if typ == f.Field.Type {
		return f, nil
	}
	compiled, err := c.plan.compileArgument(typ)
	if err != nil {
		return nil, err
	}
	as := newField(f.Field, compiled)
	as.Field.Type, as.sealed = typ, f.sealed
	return &as, nil
}

// addOperation adds a patch as an operation of update.lua.
func (c *core) addOperation(ch *changes, f *field, p *patch) error {
	if f == nil {
		encoded, err := c.encodeOpen(p.value)
		return c.addSet(ch, p, encoded, err)
	}
	ch.removeOldNames(f, p)
	typ := f.Field.Type
	switch p.kind {
	case patchClear:
		ch.add(operation{kind: opClear, field: p.name})
	case patchAdd:
		op, err := addOperation(f, p)
		ch.add(op)
		return err
	case patchAppend:
		elements, err := convertSlice(p.value, typ)
		if err != nil {
			return err
		}
		text, err := f.Append(nil, elements)
		if err != nil {
			return err
		}
		ch.add(operation{kind: opAppend, field: p.name, typ: typ, text: string(text[1 : len(text)-1])})
	default:
		encoded, err := c.encodeField(p.name, p.value)
		return c.addSet(ch, p, encoded, err)
	}
	return nil
}

// addSet adds the operation that stores the encoded value of a patch, or clears
// the field if the value is absent in Redis. It returns err if it is not nil.
func (c *core) addSet(ch *changes, p *patch, encoded encodedField, err error) error {
	switch {
	case err != nil:
		return err
	case !encoded.present():
		ch.add(operation{kind: opClear, field: p.name})
	case p.kind == patchSetFor:
		ch.add(operation{kind: opSetFor, field: p.name, text: encoded.text, lifetime: duration.Milliseconds(p.lifetime)})
	default:
		ch.add(operation{kind: opSet, field: p.name, text: encoded.text})
	}
	return c.checkFieldSize(len(encoded.text))
}

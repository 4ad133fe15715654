package hashrepo

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/store"
)

// reservedField is the name of the field that keeps a record without another
// field.
const reservedField = "_"

// plan is a record type compiled for one codec. It knows the fields of the type
// and how each is encoded and decoded, so that a call inspects no type.
type plan struct {
	typ    reflect.Type
	codec  codec.Codec // encodes values before they are sealed
	sealed bool        // whether texts are sealed: those of tagged fields, or all
	tagged bool        // whether fields of T have the option sealed
	fields []field
	names  []string // names[i] is the stored name of fields[i]
	byName map[string]int

	readNames []string       // the fields that HMGET reads: each name, and after it the old names
	byOldName map[string]int // nil if no field has an old name

	extra    *fields.Field // nil if T has no extra field
	version  *field        // nil if T has no version; it is in fields too
	elemType *codec.Type   // the type of a map's values; nil if T is a struct

	indexes []*index

	mutate func() *store.Script // see newMutateScript; nil if T has no such script

	maxDecodedBytes int  // memory that decoding a value may take
	mayBeEmpty      bool // whether a record of T may have no field present
}

// field is a stored field of a record type.
type field struct {
	fields.Field
	*codec.Type
	omitted func(reflect.Value) bool
	sealed  bool // whether its texts are sealed
	index   int  // the field's index in T, or -1 if it is in an embedded struct
	at      int  // the index of its name in readNames; the old names follow
}

func newField(f fields.Field, t *codec.Type) field {
	index := -1
	if len(f.Index) == 1 {
		index = f.Index[0]
	}
	return field{Field: f, Type: t, omitted: f.OmitFunc(), index: index}
}

// valueIn returns the field of a record, to decode into.
func (f *field) valueIn(record reflect.Value) reflect.Value {
	if f.index >= 0 {
		return record.Field(f.index)
	}
	return f.Settable(record)
}

// presentValue returns the field of a record. It reports false if the field is
// absent in Redis.
func (f *field) presentValue(record reflect.Value) (reflect.Value, bool) {
	v, ok := f.Value(record)
	return v, ok && !f.absent(v)
}

// absent reports whether a field with the value v is absent in Redis.
func (f *field) absent(v reflect.Value) bool { return f.Nilable() && isNil(v) || f.omitted(v) }

// isNil reports whether v, or the value in an interface v, is nil.
func isNil(v reflect.Value) bool {
	return v.IsNil() || v.Kind() == reflect.Interface && nilable(v.Elem().Type()) && v.Elem().IsNil()
}

type planKey struct {
	typ    reflect.Type
	codec  codec.Codec
	sealed bool
}

// plans holds the plans for the codecs of package codec and the default limit,
// at most six for each record type of the program. Other plans belong to
// their repositories.
var plans sync.Map // planKey -> *plan

// isShared reports whether plans holds the plans for c and the limit.
func isShared(c codec.Codec, maxDecodedBytes int) bool {
	return maxDecodedBytes == codec.DefaultMaxDecoded && (c == codec.Compact || c == codec.JSON || c == codec.MsgPack)
}

// planFor returns the plan for t. The texts of c are sealed if sealed is set.
// Its errors wrap ErrInvalidSchema.
func planFor(t reflect.Type, c codec.Codec, sealed bool, maxDecodedBytes int) (*plan, error) {
	shared := isShared(c, maxDecodedBytes)
	if shared {
		if p, ok := plans.Load(planKey{t, c, sealed}); ok {
			return p.(*plan), nil
		}
	}
	p, err := compilePlan(t, c, sealed, maxDecodedBytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalidSchema, err)
	}
	if shared {
		plans.Store(planKey{t, c, sealed}, p)
	}
	return p, nil
}

func compilePlan(t reflect.Type, c codec.Codec, sealed bool, maxDecodedBytes int) (*plan, error) {
	p := &plan{typ: t, codec: c, sealed: sealed, maxDecodedBytes: maxDecodedBytes}
	switch {
	case t.Kind() == reflect.Struct:
		err := p.compileStruct()
		if err == nil && p.extra == nil && len(p.readNames) <= mostLiterals {
			p.mutate = sync.OnceValue(func() *store.Script { return newMutateScript(p.readNames) })
		}
		return p, err
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		elemType, err := p.compileType(c, t.Elem())
		p.elemType, p.mayBeEmpty = elemType, true
		return p, err
	}
	return nil, fmt.Errorf("%v is not a record type; use a struct or a map with string keys", t)
}

// compileType compiles a type within the plan's limit.
func (p *plan) compileType(c codec.Codec, t reflect.Type) (*codec.Type, error) {
	typ, err := codec.For(c, t)
	if err != nil {
		return nil, err
	}
	return typ.WithMaxDecoded(p.maxDecodedBytes), nil
}

// compileArgument compiles the type of a caller's argument.
func (p *plan) compileArgument(t reflect.Type) (*codec.Type, error) {
	typ, err := p.compileType(p.codec, t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrFieldType, err)
	}
	return typ, nil
}

func (p *plan) compileStruct() error {
	all, err := fields.Of(p.typ)
	if err != nil {
		return err
	}
	p.byName = make(map[string]int, len(all))
	p.mayBeEmpty = true
	errs := []error{p.compileSealing(all)}
	for _, f := range all {
		switch {
		case f.Indexed && (f.Extra || f.Version):
			errs = append(errs, fmt.Errorf("%s: an extra or version field cannot have an index; remove the option index or unique", f.GoName))
		case len(f.Was) > 0 && (f.Extra || f.Version):
			errs = append(errs, fmt.Errorf("%s: a field with the option version or extra cannot have the option was; remove one of them", f.GoName))
		case slices.Contains(f.Was, reservedField):
			errs = append(errs, fmt.Errorf("%s: the name %q is reserved and cannot be an old name; remove the option was=%[2]s", f.GoName, reservedField))
		case f.Extra && p.extra != nil:
			errs = append(errs, fmt.Errorf("%s: %s has the option extra already; remove it from one of them", f.GoName, p.extra.GoName))
		case f.Extra && f.Type != reflect.TypeFor[map[string]string]():
			errs = append(errs, fmt.Errorf("%s: an extra field must be a map[string]string, not %v; change its type", f.GoName, f.Type))
		case f.Extra:
			p.extra = &f
		case f.Name == reservedField:
			errs = append(errs, fmt.Errorf("%s: the name %q is reserved; use another name", f.GoName, reservedField))
		case f.Version && p.version != nil:
			errs = append(errs, fmt.Errorf("%s: %s has the option version already; remove it from one of them", f.GoName, p.version.GoName))
		case f.Version && (f.Type != reflect.TypeFor[int64]() || f.OmitZero || f.OmitEmpty):
			errs = append(errs, fmt.Errorf("%s: a version field must be an int64 that is always stored; declare it as an int64 with the tag `redis:\"%s,version\"`", f.GoName, f.Name))
		default:
			if err := p.compileField(f); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.GoName, err))
			}
		}
	}
	if len(all) == 0 {
		errs = append(errs, fmt.Errorf("%v has no field to store; export at least one", p.typ))
	}
	return errors.Join(errs...)
}

func (p *plan) compileField(f fields.Field) error {
	c := p.codec
	if f.Version {
		c = codec.Compact // HINCRBY needs decimal text
	}
	typ, err := p.compileType(c, f.Type)
	if err != nil {
		return err
	}
	compiled := newField(f, typ)
	compiled.at, compiled.sealed = len(p.readNames), p.sealsField(&f)
	p.byName[f.Name] = len(p.fields)
	for _, old := range f.Was {
		if p.byOldName == nil {
			p.byOldName = map[string]int{}
		}
		p.byOldName[old] = len(p.fields)
	}
	p.fields = append(p.fields, compiled)
	p.names = append(p.names, f.Name)
	p.readNames = compiled.appendNames(p.readNames)
	p.mayBeEmpty = p.mayBeEmpty && (typ.Nilable() || f.OmitZero || f.OmitEmpty || len(f.Index) > 1)
	if f.Version {
		p.version = &compiled
	}
	if f.Indexed {
		x, err := newIndex(&compiled)
		if err != nil {
			return err
		}
		p.indexes = append(p.indexes, x)
	}
	return nil
}

// versionOf returns the version of a record, or 0 if T has none.
func (p *plan) versionOf(record reflect.Value) int64 {
	if p.version == nil {
		return 0
	}
	if v, ok := p.version.Value(record); ok {
		return v.Int()
	}
	return 0
}

// readsAllFields reports whether a read needs every stored field, and not only
// those with the plan's readNames.
func (p *plan) readsAllFields() bool { return p.elemType != nil || p.extra != nil }

// fieldNamed returns the field with a stored name. If T has none, the error
// wraps ErrUnknownField.
func (p *plan) fieldNamed(name string) (*field, error) {
	if p.elemType != nil {
		f := newField(fields.Field{Name: name, Type: p.typ.Elem()}, p.elemType)
		f.sealed = p.sealed
		return &f, checkName(name)
	}
	if i, ok := p.byName[name]; ok {
		return &p.fields[i], nil
	}
	if i, ok := p.byOldName[name]; ok {
		return nil, &fieldError{name, fmt.Errorf("%w: the field of %v has the new name %s; use it", fault.ErrUnknownField, p.typ, p.names[i])}
	}
	known := slices.Sorted(slices.Values(p.names))
	return nil, &fieldError{name, fmt.Errorf("%w: the fields of %v are %s%s", fault.ErrUnknownField, p.typ, strings.Join(known, ", "), suggestion(name, known))}
}

// declares reports whether T has a field with a stored name. It costs nothing
// if it has none, where fieldNamed looks for a similar name.
func (p *plan) declares(name string) bool {
	_, ok := p.byName[name]
	return ok || p.elemType != nil
}

// checkName returns an error if a field's name is reserved.
func checkName(name string) error {
	if name == reservedField {
		return &fieldError{name, fmt.Errorf("%w: the name is reserved; use another name", fault.ErrUnknownField)}
	}
	return nil
}

// checkPatchable returns an error if the field is written only by the
// repository.
func (p *plan) checkPatchable(name string) error {
	if p.version != nil && p.version.Name == name {
		return fmt.Errorf("%w: only the repository changes the version field; use IfVersion to require a version", fault.ErrUnsupported)
	}
	return nil
}

// hasOpenValues reports whether T is a map whose values may be of any type.
func (p *plan) hasOpenValues() bool { return p.elemType != nil && isOpen(p.typ.Elem()) }

// isOpen reports whether a value of any type can be stored in a field of type
// t.
func isOpen(t reflect.Type) bool {
	return t.Kind() == reflect.Interface || t == reflect.TypeFor[codec.Value]()
}

package hashrepo

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/fields"
)

// reserved is the field of a record that has no other: it exists by it.
const reserved = "_"

// plan is a record type compiled for one codec: which fields it has and how
// each is written and read. All reflection on types happens here, once.
type plan struct {
	typ    reflect.Type
	codec  codec.Codec
	fields []field
	names  []string // of fields, in order: what HMGET asks for
	byName map[string]int

	extra   *fields.Field // carries the fields that T does not know
	version *field        // counts the changes; it is among fields too
	elem    *codec.Type   // T is a map, and this is its values' type
	most    int           // how much memory reading a value may take
	bare    bool          // a record of T may have no field present
}

type field struct {
	fields.Field
	*codec.Type
	omitted func(reflect.Value) bool
	direct  int // the field's index, where it is the record's own; else -1
}

func newField(f fields.Field, t *codec.Type) field {
	direct := -1
	if len(f.Index) == 1 {
		direct = f.Index[0]
	}
	return field{f, t, f.OmitFunc(), direct}
}

// in gives the field of a settable record, to write to.
func (f *field) in(record reflect.Value) reflect.Value {
	if f.direct >= 0 {
		return record.Field(f.direct)
	}
	return f.Settable(record)
}

type planKey struct {
	typ   reflect.Type
	codec codec.Codec
}

// plans are those for the codecs of package codec and the usual limit: as many
// as the program has types. Every other plan is its repository's own.
var plans sync.Map // planKey -> *plan

func shared(c codec.Codec, most int) bool {
	return most == codec.DefaultMaxDecoded && (c == codec.Compact || c == codec.JSON || c == codec.MsgPack)
}

// planFor compiles t, or finds it compiled. Its errors wrap ErrInvalidSchema.
func planFor(t reflect.Type, c codec.Codec, most int) (*plan, error) {
	shared := shared(c, most)
	if shared {
		if p, ok := plans.Load(planKey{t, c}); ok {
			return p.(*plan), nil
		}
	}
	p, err := compile(t, c, most)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrInvalidSchema, err)
	}
	if shared {
		plans.Store(planKey{t, c}, p)
	}
	return p, nil
}

func compile(t reflect.Type, c codec.Codec, most int) (*plan, error) {
	p := &plan{typ: t, codec: c, most: most}
	switch {
	case t.Kind() == reflect.Struct:
		err := p.compileStruct()
		return p, err
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		elem, err := p.compiled(c, t.Elem())
		p.elem, p.bare = elem, true
		return p, err
	}
	return nil, fmt.Errorf("%v is no record: use a struct, or a map with string keys", t)
}

// compiled compiles a type within the plan's limit.
func (p *plan) compiled(c codec.Codec, t reflect.Type) (*codec.Type, error) {
	typ, err := codec.For(c, t)
	if err != nil {
		return nil, err
	}
	return typ.WithMaxDecoded(p.most), nil
}

func (p *plan) compileStruct() error {
	all, err := fields.Of(p.typ)
	if err != nil {
		return err
	}
	p.byName = make(map[string]int, len(all))
	p.bare = true
	var errs []error
	for _, f := range all {
		switch {
		case f.Extra && p.extra != nil:
			errs = append(errs, fmt.Errorf("%s: a second extra field after %s", f.GoName, p.extra.GoName))
		case f.Extra && f.Type != reflect.TypeFor[map[string]string]():
			errs = append(errs, fmt.Errorf("%s: an extra field is a map[string]string, not a %v", f.GoName, f.Type))
		case f.Extra:
			p.extra = &f
		case f.Name == reserved:
			errs = append(errs, fmt.Errorf("%s: the name %q is reserved; give the field another", f.GoName, reserved))
		case f.Version && p.version != nil:
			errs = append(errs, fmt.Errorf("%s: a second version field after %s", f.GoName, p.version.GoName))
		case f.Version && (f.Type != reflect.TypeFor[int64]() || f.OmitZero || f.OmitEmpty):
			errs = append(errs, fmt.Errorf("%s: a version field is an int64 that is always stored; make it one with the tag `redis:\"%s,version\"`", f.GoName, f.Name))
		default:
			if err := p.compileField(f); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", f.GoName, err))
			}
		}
	}
	if len(all) == 0 {
		errs = append(errs, fmt.Errorf("%v has no field to store", p.typ))
	}
	return errors.Join(errs...)
}

func (p *plan) compileField(f fields.Field) error {
	c := p.codec
	if f.Version {
		c = codec.Compact // for HINCRBY
	}
	typ, err := p.compiled(c, f.Type)
	if err != nil {
		return err
	}
	compiled := newField(f, typ)
	p.byName[f.Name] = len(p.fields)
	p.fields = append(p.fields, compiled)
	p.names = append(p.names, f.Name)
	p.bare = p.bare && (typ.Nilable() || f.OmitZero || f.OmitEmpty || len(f.Index) > 1)
	if f.Version {
		p.version = &compiled
	}
	return nil
}

// versionIn is the version that a record carries, 0 for none.
func (p *plan) versionIn(record reflect.Value) int64 {
	if p.version == nil {
		return 0
	}
	if v, ok := p.version.Value(record); ok {
		return v.Int()
	}
	return 0
}

// whole reports whether a read needs all the fields that Redis has.
func (p *plan) whole() bool { return p.elem != nil || p.extra != nil }

// present finds a field's value in a record; false where it is absent in Redis.
func (f *field) present(record reflect.Value) (reflect.Value, bool) {
	v, ok := f.Value(record)
	return v, ok && !f.absent(v)
}

// absent reports whether v is stored by no field at all.
func (f *field) absent(v reflect.Value) bool { return f.Nilable() && isNil(v) || f.omitted(v) }

// isNil is IsNil that looks into an interface too.
func isNil(v reflect.Value) bool {
	return v.IsNil() || v.Kind() == reflect.Interface && nilable(v.Elem().Type()) && v.Elem().IsNil()
}

// record is a value as the commands take it. Whoever encodes one releases it,
// once its strings are in commands.
type record struct {
	pairs   []string // name, value, name, value ...
	absent  []string // names of the fields to remove
	version int64    // that the value has; it is not among pairs

	buf []byte // the values that are not Go strings already, one behind the other
	cut []cut  // where each of them ends, and which pair it is
}

type cut struct{ pair, end int }

var records = sync.Pool{New: func() any { return new(record) }}

func (r *record) add(name, value string) { r.pairs = append(r.pairs, name, value) }

func (r *record) release() {
	clear(r.pairs)
	r.pairs, r.absent, r.buf, r.cut = r.pairs[:0], r.absent[:0], r.buf[:0], r.cut[:0]
	records.Put(r)
}

// encode turns a record into commands' arguments. All values that are not Go
// strings already share one string. An error names the field.
func (p *plan) encode(v reflect.Value) (*record, error) {
	r := records.Get().(*record)
	r.version = p.versionIn(v)
	var err error
	if p.elem != nil {
		err = p.encodeMap(v, r)
	} else {
		err = p.encodeStruct(v, r)
	}
	if err != nil {
		r.release()
		return nil, err
	}
	text, start := string(r.buf), 0
	for _, c := range r.cut {
		r.pairs[c.pair], start = text[start:c.end], c.end
	}
	return r, nil
}

func (p *plan) encodeStruct(v reflect.Value, r *record) error {
	for i := range p.fields {
		f := &p.fields[i]
		if f.Version {
			continue
		}
		value, ok := f.present(v)
		if !ok {
			r.absent = append(r.absent, f.Name)
			continue
		}
		if err := r.write(f.Name, f.Type, value); err != nil {
			return err
		}
	}
	if p.extra != nil {
		if extra, ok := p.extra.Value(v); ok {
			return p.encodeExtra(extra.Interface().(map[string]string), r)
		}
	}
	return nil
}

func (p *plan) encodeExtra(extra map[string]string, r *record) error {
	for name, value := range extra {
		if _, known := p.byName[name]; known {
			return &fieldError{name, fmt.Errorf("%w: %s cannot carry it, since it is a field of its own", fault.ErrUnknownField, p.extra.GoName)}
		}
		if err := checkName(name); err != nil {
			return err
		}
		r.add(name, value)
	}
	return nil
}

func (p *plan) encodeMap(v reflect.Value, r *record) error {
	for it := v.MapRange(); it.Next(); {
		name, value := it.Key().String(), it.Value()
		if err := checkName(name); err != nil {
			return err
		}
		if p.elem.Nilable() && isNil(value) {
			r.absent = append(r.absent, name)
			continue
		}
		if err := r.write(name, p.elem, value); err != nil {
			return err
		}
	}
	return nil
}

func checkName(name string) error {
	if name == reserved {
		return &fieldError{name, fmt.Errorf("%w: the name is reserved; use another", fault.ErrUnknownField)}
	}
	return nil
}

// write adds one field.
func (r *record) write(name string, t *codec.Type, v reflect.Value) (err error) {
	if text, ok := t.Verbatim(v); ok {
		r.add(name, text)
		return nil
	}
	if r.buf, err = t.Append(r.buf, v); err != nil {
		return &fieldError{name, err}
	}
	r.cut = append(r.cut, cut{len(r.pairs) + 1, len(r.buf)})
	r.add(name, "")
	return nil
}

// decode reads the reply to HMGET of names, by position. It reports false where
// no field is there.
func (p *plan) decode(values []rueidis.RedisMessage, into reflect.Value) (bool, error) {
	found := false
	for i := range values {
		if values[i].IsNil() {
			continue
		}
		text, err := values[i].ToString()
		if err != nil {
			return false, err
		}
		found = true
		f := &p.fields[i]
		if err := f.Decode(text, f.in(into)); err != nil {
			return false, &fieldError{f.Name, err}
		}
	}
	return found, nil
}

// decodeWhole reads the reply to HGETALL. It reports false where no field is
// there.
func (p *plan) decodeWhole(values map[string]string, into reflect.Value) (bool, error) {
	if len(values) == 0 {
		return false, nil
	}
	return true, p.decodeTexts(values, into)
}

// decodeTexts reads the texts of a record's fields, by name.
func (p *plan) decodeTexts(texts map[string]string, into reflect.Value) error {
	delete(texts, reserved)
	if p.elem != nil {
		return p.decodeMap(texts, into)
	}
	for i := range p.fields {
		f := &p.fields[i]
		text, ok := texts[f.Name]
		if !ok {
			continue
		}
		if err := f.Decode(text, f.in(into)); err != nil {
			return &fieldError{f.Name, err}
		}
		delete(texts, f.Name)
	}
	if len(texts) > 0 && p.extra != nil {
		p.extra.Settable(into).Set(reflect.ValueOf(texts))
	}
	return nil
}

func (p *plan) decodeMap(values map[string]string, into reflect.Value) error {
	m := reflect.MakeMapWithSize(p.typ, len(values))
	for name, text := range values {
		value := reflect.New(p.typ.Elem()).Elem()
		if err := p.elem.Decode(text, value); err != nil {
			return &fieldError{name, err}
		}
		m.SetMapIndex(reflect.ValueOf(name).Convert(p.typ.Key()), value)
	}
	into.Set(m)
	return nil
}

// named finds what a caller's field name stands for.
func (p *plan) named(name string) (*field, error) {
	if p.elem != nil {
		f := fields.Field{Name: name, Type: p.typ.Elem()}
		field := newField(f, p.elem)
		return &field, checkName(name)
	}
	if i, ok := p.byName[name]; ok {
		return &p.fields[i], nil
	}
	known := slices.Sorted(slices.Values(p.names))
	return nil, &fieldError{name, fmt.Errorf("%w: %v has %v", fault.ErrUnknownField, p.typ, known)}
}

// fieldError is an error of one field; the operation's error names it.
type fieldError struct {
	name string
	err  error
}

func (e *fieldError) Error() string { return fmt.Sprintf("field %q: %v", e.name, e.err) }
func (e *fieldError) Unwrap() error { return e.err }

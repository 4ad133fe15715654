package hashrepo

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/delete.lua
var deleteSource string

var deleteScript = newScript(deleteSource, store.Count)

// GetField reads one field into dst, a pointer to the field's type or to one
// that takes its value (any, a wider number, a named string; a float may lose
// digits to a narrower one, and nothing else is lost):
// HGET, and EXISTS where the field is absent, which reads as zero. Where T is
// a map, dst alone says what the field is read as.
//
// Errors: ErrNotFound, ErrUnknownField, ErrFieldType; a *codec.DecodeError for
// a stored text that does not fit.
func (r *HashRepo[T]) GetField(ctx context.Context, id, field string, dst any) error {
	return r.core.getField(ctx, id, field, dst)
}

// UpdateField writes one field and leaves the others: Update with a Set for a
// field named as data. The value may be of any type that fits the field
// without loss. One that is absent in Redis clears the field: nil, where the
// field's type has it, and zero with omitzero.
//
// Errors: ErrUnknownField, ErrFieldType, ErrOverflow and ErrTooLarge before
// anything is sent; those of Update.
func (r *HashRepo[T]) UpdateField(ctx context.Context, id, field string, value any) error {
	_, _, err := r.core.update(ctx, "UpdateField", id, []patch{At[T](field).Set(value).patch}, nil)
	return err
}

// DeleteField removes fields and counts those that were there: one script,
// atomic. A record left without a field still exists. A missing record is not
// created. The lifetime is renewed; see KeepTTL. Errors: ErrUnknownField.
func (r *HashRepo[T]) DeleteField(ctx context.Context, id string, fields ...string) (int64, error) {
	return r.core.deleteField(ctx, id, fields)
}

// IncrementField adds to an integer field and gives its new value: Update with
// an Add for a field named as data. A missing record is created, and an absent
// field counts from 0.
//
// Errors: ErrUnknownField; ErrFieldType where the field is no integer, in T or
// in Redis (a *codec.DecodeError too); ErrOverflow, and nothing changed, where
// the sum leaves the range of the field's type or of int64; those of Update.
func (r *HashRepo[T]) IncrementField(ctx context.Context, id, field string, by int64) (sum int64, err error) {
	p := patch{named: named{field, by}, kind: kindAdd}
	err = r.core.increment(ctx, "IncrementField", id, p, &sum)
	return sum, err
}

// AppendToList appends values to a field that is a slice: Update with an
// Append for a field named as data. A missing record is created, and an absent
// field is an empty slice. Without values nothing is sent.
//
// Errors: ErrUnknownField; ErrFieldType where the field is no slice, in T or
// in Redis (a *codec.DecodeError too), or a value does not fit its elements;
// those of Update.
func (r *HashRepo[T]) AppendToList(ctx context.Context, id, field string, values ...any) error {
	p := patch{named: named{field, values}, kind: kindAppend}
	_, _, err := r.core.update(ctx, "AppendToList", id, []patch{p}, nil)
	return err
}

// FindByField gives a record whose field holds value, as the codec writes it:
// FindOne for a field named as data. Errors: ErrNotFound, ErrUnknownField,
// ErrFieldType, and those of Find.
func (r *HashRepo[T]) FindByField(ctx context.Context, field string, value any) (Record[T], error) {
	return r.findOne(ctx, "FindByField", []Cond[T]{{named{field, value}}})
}

func (c *core) getField(ctx context.Context, id, name string, dst any) error {
	t, f, err := c.beginField(ctx, "GetField", id, name)
	if err != nil {
		return err
	}
	out := reflect.ValueOf(dst)
	if out.Kind() != reflect.Pointer || out.IsNil() {
		return t.NotApplied(fmt.Errorf("%w: a %T to read into; give a pointer that is not nil", fault.ErrFieldType, dst))
	}
	out = out.Elem()
	if c.plan.elem != nil && open(f.Field.Type) {
		if f, err = c.retyped(f, out.Type()); err != nil {
			return t.NotApplied(err)
		}
	}
	typ := f.Field.Type
	if _, err := convertValue(sample(typ), out.Type()); err != nil {
		return t.NotApplied(err)
	}
	text, present, err := c.fetch(ctx, t, name)
	if err != nil {
		return err
	}
	value := reflect.New(typ).Elem()
	if present {
		if err := f.Decode(text, value); err != nil {
			return refuse(t, err)
		}
	}
	if value.Kind() == reflect.Pointer && value.IsNil() {
		out.SetZero()
		return nil
	}
	value, err = convertValue(value, out.Type())
	if err != nil {
		return t.NotApplied(err)
	}
	out.Set(value)
	return nil
}

// sample is a value of a type that shows what the type converts to.
func sample(t reflect.Type) reflect.Value {
	if t.Kind() == reflect.Pointer {
		return reflect.New(t.Elem())
	}
	return reflect.Zero(t)
}

// typeOf compiles a type that a caller brought along.
func (p *plan) typeOf(t reflect.Type) (*codec.Type, error) {
	typ, err := p.compiled(p.codec, t)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fault.ErrFieldType, err)
	}
	return typ, nil
}

// fetch reads the stored text of one field; ErrNotFound where there is no
// record.
func (c *core) fetch(ctx context.Context, t fault.Target, name string) (text string, present bool, err error) {
	text, err = c.Client.Do(ctx, c.Client.B().Hget().Key(t.Key).Field(name).Build()).ToString()
	if err == nil {
		return text, true, nil
	}
	if !rueidis.IsRedisNil(err) {
		return "", false, t.Failed(err)
	}
	n, err := c.Client.Do(ctx, c.Client.B().Exists().Key(t.Key).Build()).AsInt64()
	if err != nil {
		return "", false, t.Failed(err)
	}
	if n == 0 {
		return "", false, t.NotApplied(fault.ErrNotFound)
	}
	return "", false, nil
}

// beginField is Begin for a field named as data.
func (c *core) beginField(ctx context.Context, op, id, name string) (fault.Target, *field, error) {
	t, err := c.Begin(ctx, op, id)
	if err != nil {
		return t, nil, err
	}
	t.Field = name
	f, err := c.plan.named(name)
	return t, f, refuse(t, err)
}

func (c *core) deleteField(ctx context.Context, id string, names []string) (int64, error) {
	t, err := c.BeginWrite(ctx, "DeleteField", id)
	if err != nil {
		return 0, err
	}
	if err := c.RefuseAbsent(t); err != nil {
		return 0, err
	}
	for _, name := range names {
		_, err := c.plan.named(name)
		if err = cmp.Or(err, c.plan.patchable(name)); err != nil {
			return 0, refuse(t.WithField(name), err)
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	removed, err := c.run(ctx, t, deleteScript, c.args(names...))
	if err != nil {
		return 0, err
	}
	n, err := removed.ToInt64()
	if err != nil {
		return 0, t.Failed(err)
	}
	return n, nil
}

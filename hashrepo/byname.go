package hashrepo

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"reflect"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/deletefield.lua
var deleteFieldSource string

var deleteFieldScript = newScript(deleteFieldSource, store.Count)

// GetField reads the field with a stored name into dst, a non-nil pointer. It
// sends HGET, or HMGET if the field has old names, and EXISTS if the field is
// absent, which is read as the zero value.
//
// dst points to the type of the field, or to a type that the value can be
// converted to without loss, such as any, another number type or a named
// string. Only a float may lose digits, in a narrower float. If T is a map
// whose values may be of any type, dst alone determines how the field is
// decoded.
//
// If the record does not exist, GetField returns [ErrNotFound]. If T has no
// such field, it returns [ErrUnknownField]. If dst does not fit the field, it
// returns [ErrFieldType], or [ErrOverflow] if dst cannot represent the number.
// If the stored text does not fit the field, it returns a [*codec.DecodeError].
// If the key holds another Redis type, it returns [ErrWrongType].
func (r *HashRepo[T]) GetField(ctx context.Context, id, field string, dst any) error {
	return r.core.getField(ctx, id, field, dst)
}

// UpdateField sets the field with a stored name and leaves the others as they
// are. It is [HashRepo.Update] with [Field.Set], for a name that is data. The
// value may be of any type that fits the field without loss. A value that is
// absent in Redis clears the field: nil if the field can be nil, or a zero
// value if the field has the option omitzero.
//
// If T has no such field, UpdateField returns [ErrUnknownField]. If the value
// does not fit the field, it returns [ErrFieldType] or [ErrOverflow]. If it is
// too large, it returns [ErrTooLarge]. If the codec cannot encode it, it
// returns a [*codec.EncodeError]. All of these are returned before anything is
// sent. Other errors are those of Update.
func (r *HashRepo[T]) UpdateField(ctx context.Context, id, field string, value any) error {
	_, _, err := r.core.update(ctx, "UpdateField", id, patchesOf([]Patch[T]{At[T](field).Set(value)}), readBack{})
	return err
}

// DeleteField removes fields and returns the number of fields that existed. It
// runs one script and is atomic. If no field is left, the record still exists.
// If the record does not exist, DeleteField returns 0 and does not create it.
// Otherwise the lifetime is renewed, except with [KeepTTL], and a version is
// incremented, even if no field existed. Without fields, DeleteField sends
// nothing.
//
// If T has no such field, DeleteField returns [ErrUnknownField]. For the
// version field, or with [IfAbsent], it returns [ErrUnsupported]. If a
// condition does not hold, it returns [ErrNotFound] or [ErrConflict]. If the
// key holds another Redis type, it returns [ErrWrongType].
func (r *HashRepo[T]) DeleteField(ctx context.Context, id string, fields ...string) (int64, error) {
	return r.core.deleteField(ctx, id, fields)
}

// IncrementField adds to an integer field and returns the sum. It is
// [HashRepo.Update] with [Number.Add], for a name that is data. If the record
// does not exist, it is created. An absent field counts as 0.
//
// If T has no such field, IncrementField returns [ErrUnknownField]. If the
// field is not an integer, it returns [ErrFieldType], with a
// [*codec.DecodeError] if the stored text is the reason. If the sum is out of
// the range of the field's type or of int64, it returns [ErrOverflow] and
// changes nothing. Other errors are those of Update.
func (r *HashRepo[T]) IncrementField(ctx context.Context, id, field string, by int64) (sum int64, err error) {
	p := patch{fieldValue: fieldValue{field, by}, kind: patchAdd}
	err = r.core.increment(ctx, "IncrementField", id, p, &sum)
	return sum, err
}

// AppendToList appends values to a slice field. It is [HashRepo.Update] with
// [List.Append], for a name that is data. If the record does not exist, it is
// created. An absent field counts as an empty slice. Without values,
// AppendToList sends nothing.
//
// If T has no such field, AppendToList returns [ErrUnknownField]. If the field
// is not a slice, or a value does not fit its elements, it returns
// [ErrFieldType], with a [*codec.DecodeError] if the stored text is the reason.
// If a number is out of the range of the elements, it returns [ErrOverflow].
// Other errors are those of Update.
func (r *HashRepo[T]) AppendToList(ctx context.Context, id, field string, values ...any) error {
	p := patch{fieldValue: fieldValue{field, values}, kind: patchAppend}
	_, _, err := r.core.update(ctx, "AppendToList", id, []patch{p}, readBack{})
	return err
}

// FindByField returns a record whose field has the value, as the codec encodes
// it. It is [HashRepo.FindOne] with [Field.Eq], for a name that is data.
//
// If there is no such record, FindByField returns [ErrNotFound]. If T has no
// such field, it returns [ErrUnknownField]. If the value does not fit the
// field, it returns [ErrFieldType] or [ErrOverflow]. Other errors are those of
// Find.
func (r *HashRepo[T]) FindByField(ctx context.Context, field string, value any) (Record[T], error) {
	return r.findOne(ctx, "FindByField", []Cond[T]{At[T](field).Eq(value)})
}

func (c *core) getField(ctx context.Context, id, name string, dst any) error {
	t, f, err := c.beginField(ctx, "GetField", id, name)
	if err != nil {
		return err
	}
	out := reflect.ValueOf(dst)
	if out.Kind() != reflect.Pointer || out.IsNil() {
		return t.NotApplied(fmt.Errorf("%w: dst has type %T; pass a non-nil pointer", fault.ErrFieldType, dst))
	}
	out = out.Elem()
	if c.plan.hasOpenValues() {
		if f, err = c.fieldAs(f, out.Type()); err != nil {
			return t.NotApplied(err)
		}
	}
	typ := f.Field.Type
	if _, err := convertValue(sampleValue(typ), out.Type()); err != nil {
		return t.NotApplied(err)
	}
	text, present, err := c.readField(ctx, t, f)
	if err != nil {
		return err
	}
	value := reflect.New(typ).Elem()
	if present {
		if text, err = f.open(text, c.Place(t)); err != nil {
			return notApplied(t, err)
		}
		if err := f.Decode(text, value); err != nil {
			return notApplied(t, err)
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

// sampleValue returns a value of type t, not nil if t is a pointer, to find out
// whether t can be converted.
func sampleValue(t reflect.Type) reflect.Value {
	if t.Kind() == reflect.Pointer {
		return reflect.New(t.Elem())
	}
	return reflect.Zero(t)
}

// readField reads the stored text of one field. It returns ErrNotFound if the
// record does not exist.
func (c *core) readField(ctx context.Context, t fault.Target, f *field) (text string, present bool, err error) {
	m, err := c.readFieldValue(ctx, t, f)
	if err != nil {
		return "", false, err
	}
	if !m.IsNil() {
		text, err = m.ToString()
		return text, true, err
	}
	exists, err := store.ReadFlag(t, c.Client.Do(t.In(ctx), c.Client.B().Exists().Key(t.Key).Build()))
	if err != nil {
		return "", false, err
	}
	if !exists {
		return "", false, t.NotApplied(fault.ErrNotFound)
	}
	return "", false, nil
}

// readFieldValue returns the stored value of one field.
func (c *core) readFieldValue(ctx context.Context, t fault.Target, f *field) (rueidis.RedisMessage, error) {
	if len(f.Was) == 0 {
		return c.Do(ctx, t, c.Client.B().Hget().Key(t.Key).Field(f.Name).Build(), store.TextOrNil)
	}
	names := f.appendNames(nil)
	values, err := hmgetResultValues(c.Client.Do(t.In(ctx), c.Client.B().Hmget().Key(t.Key).Field(names...).Build()), len(names))
	if err != nil {
		return rueidis.RedisMessage{}, t.Failed(err)
	}
	return *firstPresent(values), nil
}

// beginField is Begin for a field with a stored name.
func (c *core) beginField(ctx context.Context, op, id, name string) (fault.Target, *field, error) {
	t, err := c.Begin(ctx, op, id)
	if err != nil {
		return t, nil, err
	}
	t.Field = name
	f, err := c.plan.fieldNamed(name)
	return t, f, notApplied(t, err)
}

func (c *core) deleteField(ctx context.Context, id string, names []string) (int64, error) {
	t, err := c.BeginWrite(ctx, "DeleteField", id)
	if err != nil {
		return 0, err
	}
	if err := c.RefuseAbsent(t); err != nil {
		return 0, err
	}
	args := c.args(len(names))
	for _, name := range names {
		f, err := c.plan.fieldNamed(name)
		if err = cmp.Or(err, c.plan.checkPatchable(name)); err != nil {
			return 0, notApplied(t.WithField(name), err)
		}
		args = append(args, name)
		for _, old := range f.Was {
			args = append(args, reservedField, old)
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	args = c.appendIndexArgs(args, c.bodiesWithout(names))
	removed, err := c.run(ctx, t, deleteFieldScript, args)
	if err != nil {
		return 0, err
	}
	n, err := removed.ToInt64()
	if err != nil {
		return 0, t.Failed(err)
	}
	return n, nil
}

// fieldTTL returns the remaining lifetime of a field. If the field has old
// names, it is that of the name that a read would take.
func (c *core) fieldTTL(ctx context.Context, id, name string) (time.Duration, error) {
	t, f, err := c.beginField(ctx, "TTL", id, name)
	if err != nil {
		return 0, err
	}
	if !c.FieldLifetimes() {
		return 0, t.NotApplied(fmt.Errorf("%w: the server does not support HPTTL; lifetimes of fields need Redis 7.4 or Valkey 9", fault.ErrUnsupported))
	}
	names := f.appendNames(nil)
	m, err := c.Client.Do(t.In(ctx), c.Client.B().Hpttl().Key(t.Key).Fields().Numfields(int64(len(names))).Field(names...).Build()).ToMessage()
	if rueidis.IsRedisNil(err) {
		return 0, t.NotApplied(fault.ErrNotFound)
	}
	if err != nil {
		return 0, t.Failed(err)
	}
	left, err := m.AsIntSlice()
	if err != nil || len(left) != len(names) {
		return 0, t.NotApplied(store.ErrShape)
	}
	for _, ms := range left {
		switch {
		case ms >= 0:
			return duration.FromMilliseconds(ms), nil
		case ms == -1:
			return NoExpiry, nil
		}
	}
	return 0, t.NotApplied(fault.ErrNotFound)
}

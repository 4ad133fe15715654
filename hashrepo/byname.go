package hashrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/delete.lua
var deleteSource string

//go:embed lua/increment.lua
var incrementSource string

//go:embed lua/append.lua
var appendSource string

//go:embed lua/swap.lua
var swapSource string

var (
	deleteScript    = store.NewScript(deleteSource)
	incrementScript = store.NewScript(incrementSource)
	appendScript    = store.NewScript(appendSource)
	swapScript      = store.NewScript(swapSource)
)

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

// UpdateField writes one field and leaves the others: HSET, HDEL of the reserved
// field where a record may have had it alone, and the lifetime in one MULTI ... EXEC, or one script where value is absent in Redis (nil) or
// the repository has a condition or KeepTTL. A missing record is created. The
// value may be of any type that fits the field without loss.
//
// Atomic; the lifetime is renewed, see KeepTTL. Errors: ErrUnknownField,
// ErrFieldType, ErrOverflow, ErrTooLarge before anything is sent.
func (r *HashRepo[T]) UpdateField(ctx context.Context, id, field string, value any) error {
	return r.core.updateField(ctx, id, field, value)
}

// DeleteField removes fields and counts those that were there: one script,
// atomic. A record left without a field still exists. A missing record is not
// created. The lifetime is renewed; see KeepTTL. Errors: ErrUnknownField.
func (r *HashRepo[T]) DeleteField(ctx context.Context, id string, fields ...string) (int64, error) {
	return r.core.deleteField(ctx, id, fields)
}

// IncrementField adds to an integer field and gives its new value: one script
// around HINCRBY, or, for uint64 and for codecs that do not write decimal
// text, compare and swap until it succeeds. A missing record is created, and
// an absent field counts from 0.
//
// Atomic; the lifetime is renewed, see KeepTTL. Errors: ErrUnknownField;
// ErrFieldType where the field is no integer, in T or in Redis (a
// *codec.DecodeError too); ErrOverflow,
// and nothing changed, where the sum leaves the range of the field's type or
// of int64.
func (r *HashRepo[T]) IncrementField(ctx context.Context, id, field string, by int64) (int64, error) {
	return r.core.incrementField(ctx, id, field, by)
}

// AppendToList appends values to a field that is a slice: one script that
// splices them onto the stored JSON without rewriting it, or, for codecs that
// do not write JSON, compare and swap until it succeeds. A missing record is
// created, and an absent field is an empty slice. Without values nothing is
// sent. What is stored is looked at as far as its brackets, not element by element.
//
// Atomic; the lifetime is renewed, see KeepTTL. Errors: ErrUnknownField;
// ErrFieldType where the field is no slice, in T or in Redis (a
// *codec.DecodeError too), or a value does not fit its elements.
func (r *HashRepo[T]) AppendToList(ctx context.Context, id, field string, values ...any) error {
	return r.core.appendToList(ctx, id, field, values)
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
		return t.Refuse(fmt.Errorf("%w: a %T to read into; give a pointer that is not nil", fault.ErrFieldType, dst))
	}
	out = out.Elem()
	typ := f.Field.Type
	if c.plan.elem != nil && open(typ) {
		typ = out.Type()
	}
	if _, err := convertValue(sample(typ), out.Type()); err != nil {
		return t.Refuse(err)
	}
	ft, err := typeOf(c.plan.codec, typ)
	if err != nil {
		return t.Refuse(err)
	}
	text, present, err := c.fetch(ctx, t, name)
	if err != nil {
		return err
	}
	value := reflect.New(typ).Elem()
	if present {
		if err := ft.Decode(text, value); err != nil {
			return refuse(t, err)
		}
	}
	if value.Kind() == reflect.Pointer && value.IsNil() {
		out.SetZero()
		return nil
	}
	value, err = convertValue(value, out.Type())
	if err != nil {
		return t.Refuse(err)
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
func typeOf(c codec.Codec, t reflect.Type) (*codec.Type, error) {
	typ, err := codec.For(c, t)
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
		return "", false, t.Sent(err)
	}
	n, err := c.Client.Do(ctx, c.Client.B().Exists().Key(t.Key).Build()).AsInt64()
	if err != nil {
		return "", false, t.Sent(err)
	}
	if n == 0 {
		return "", false, t.Refuse(fault.ErrNotFound)
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

func (c *core) updateField(ctx context.Context, id, name string, value any) error {
	t, _, err := c.beginField(ctx, "UpdateField", id, name)
	if err != nil {
		return err
	}
	t.Write = true
	text, present, err := c.encodeField(name, value)
	if err != nil {
		return refuse(t, err)
	}
	if !present {
		return c.write(ctx, t, &record{absent: []string{name}})
	}
	if err := c.CheckSize(t, text); err != nil {
		return err
	}
	return c.write(ctx, t, &record{pairs: []string{name, text}})
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
		if _, err := c.plan.named(name); err != nil {
			return 0, refuse(t.On(name), err)
		}
	}
	if len(names) == 0 {
		return 0, nil
	}
	removed, err := c.Run(ctx, t, deleteScript, names)
	if err != nil {
		return 0, err
	}
	n, err := removed.ToInt64()
	return n, err
}

func (c *core) incrementField(ctx context.Context, id, name string, by int64) (int64, error) {
	t, f, err := c.beginField(ctx, "IncrementField", id, name)
	if err != nil {
		return 0, err
	}
	t.Write = true
	typ := f.Field.Type
	if c.plan.elem != nil && open(typ) {
		typ = reflect.TypeFor[int64]()
	}
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if !isInteger(typ.Kind()) {
		return 0, t.Refuse(fmt.Errorf("%w: %v is no integer", fault.ErrFieldType, typ))
	}
	ft, err := codec.For(c.plan.codec, typ)
	if err != nil {
		return 0, refuse(t, err)
	}
	if !ft.Decimal() || typ.Kind() >= reflect.Uint && typ.Bits() == 64 {
		return c.incrementBySwap(ctx, t, ft, typ, by)
	}
	least, greatest := bounds(typ)
	m, err := c.Run(ctx, t, incrementScript, []string{name, strconv.FormatInt(by, 10), least, greatest})
	if err != nil {
		return 0, hincrbyReason(t, typ, err)
	}
	text, err := m.ToString()
	if err != nil {
		return 0, t.Sent(err)
	}
	if text == "OVERFLOW" {
		return 0, t.Refuse(overflow(typ))
	}
	return strconv.ParseInt(text, 10, 64)
}

// bounds are those of an integer type as the script takes them; HINCRBY guards
// int64's by itself.
func bounds(t reflect.Type) (least, greatest string) {
	size, signed := t.Bits(), t.Kind() <= reflect.Int64
	switch {
	case signed && size < 64:
		return strconv.FormatInt(-1<<(size-1), 10), strconv.FormatInt(1<<(size-1)-1, 10)
	case !signed:
		return "0", strconv.FormatUint(1<<size-1, 10)
	}
	return "", ""
}

// hincrbyReason gives HINCRBY's refusals their names.
func hincrbyReason(t fault.Target, typ reflect.Type, err error) error {
	var re *rueidis.RedisError
	ok := errors.As(err, &re)
	switch {
	case ok && strings.Contains(re.Error(), "would overflow"):
		return t.Refuse(overflow(typ))
	case ok && strings.Contains(re.Error(), "not an integer"):
		return t.Refuse(misfit(t, typ, "it is no integer of 64 bits"))
	}
	return err
}

// misfit is the error of a stored field that cannot be changed.
func misfit(t fault.Target, typ reflect.Type, reason string) error {
	return fmt.Errorf("%w: %w", fault.ErrFieldType, &codec.DecodeError{Field: t.Field, Type: typ, Err: errors.New(reason)})
}

func overflow(t reflect.Type) error {
	return fmt.Errorf("%w: the sum does not fit a %v; nothing was changed", fault.ErrOverflow, t)
}

// incrementBySwap is for codecs whose integers HINCRBY cannot add to.
func (c *core) incrementBySwap(ctx context.Context, t fault.Target, ft *codec.Type, typ reflect.Type, by int64) (sum int64, err error) {
	err = c.swap(ctx, t, ft, typ, func(v reflect.Value) error {
		now := int64(0)
		if v.CanInt() {
			now = v.Int()
		} else if now = int64(v.Uint()); now < 0 {
			return overflow(typ)
		}
		sum = now + by
		if (sum < now) != (by < 0) {
			return overflow(typ)
		}
		next, err := convertNumber(reflect.ValueOf(sum), typ)
		if err != nil {
			return overflow(typ)
		}
		v.Set(next)
		return nil
	})
	return sum, err
}

func (c *core) appendToList(ctx context.Context, id, name string, values []any) error {
	t, f, err := c.beginField(ctx, "AppendToList", id, name)
	if err != nil {
		return err
	}
	t.Write = true
	typ := f.Field.Type
	if c.plan.elem != nil && open(typ) {
		typ = reflect.TypeFor[[]any]()
	}
	if typ.Kind() != reflect.Slice {
		return t.Refuse(fmt.Errorf("%w: %v is no list", fault.ErrFieldType, typ))
	}
	elems := reflect.MakeSlice(typ, len(values), len(values))
	for i, value := range values {
		elem, err := convert(value, typ.Elem())
		if err != nil {
			return t.Refuse(fmt.Errorf("value %d: %w", i, err))
		}
		elems.Index(i).Set(elem)
	}
	if len(values) == 0 {
		return nil
	}
	ft, err := codec.For(c.plan.codec, typ)
	if err != nil {
		return refuse(t, err)
	}
	if _, ok := ft.JSONList(); ok {
		return c.splice(ctx, t, ft, elems)
	}
	if typ.Elem().Kind() == reflect.Uint8 {
		return t.Refuse(fmt.Errorf("%w: %v is bytes, no list", fault.ErrFieldType, typ))
	}
	return c.swap(ctx, t, ft, typ, func(v reflect.Value) error {
		v.Set(reflect.AppendSlice(v, elems))
		return nil
	})
}

// splice appends to a field that is stored as a JSON list.
func (c *core) splice(ctx context.Context, t fault.Target, ft *codec.Type, elems reflect.Value) error {
	text, err := ft.Append(nil, elems)
	if err != nil {
		return refuse(t, err)
	}
	added := string(text[1 : len(text)-1])
	if err := c.CheckSize(t, added); err != nil {
		return err
	}
	m, err := c.Run(ctx, t, appendScript, []string{t.Field, added, strconv.Itoa(c.MaxValueBytes())})
	if err != nil {
		return err
	}
	if m.IsString() {
		return t.Refuse(misfit(t, elems.Type(), "it is no list"))
	}
	return nil
}

// swap changes one field by compare and swap, and tries again, with jitter,
// while others write between, until ctx ends.
func (c *core) swap(ctx context.Context, t fault.Target, ft *codec.Type, typ reflect.Type, change func(reflect.Value) error) error {
	for attempt := 0; ; attempt++ {
		before, present, err := c.fetch(ctx, t, t.Field)
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			return err
		}
		v := reflect.New(typ).Elem()
		if present {
			if err := ft.Decode(before, v); err != nil {
				return refuse(t, err)
			}
		}
		if err := change(v); err != nil {
			return t.Refuse(err)
		}
		after, err := ft.Append(nil, v)
		if err != nil {
			return refuse(t, err)
		}
		if err := c.CheckSize(t, string(after)); err != nil {
			return err
		}
		was := ""
		if present {
			was = "1"
		}
		m, err := c.Run(ctx, t, swapScript, []string{t.Field, was, before, string(after)})
		if err != nil {
			return err
		}
		if done, err := m.ToInt64(); err != nil || done == 1 {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return t.Refuse(err)
		}
	}
}

// pause waits a random time that doubles with each attempt, at most 64 ms.
func pause(ctx context.Context, attempt int) error {
	wait := time.NewTimer(rand.N(time.Millisecond << min(attempt, 6)))
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

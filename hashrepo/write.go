package hashrepo

import (
	"context"
	_ "embed"
	"fmt"
	"reflect"
	"strconv"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
)

//go:embed lua/upsert.lua
var upsertSource string

var upsertScript = newTypeCheckingScript("", upsertSource, store.Flag)

// Upsert writes every field of v. A later [HashRepo.Get] returns what Upsert
// wrote. Fields that T does not declare stay as they are. If T is a map or has
// an extra field, its entries are added or overwritten.
//
// Upsert runs one script, which is one round trip. If v is large or has absent
// fields, it sends HSET, HDEL for the absent fields, and the command for the
// lifetime in one MULTI and EXEC instead, except if T has a version or an
// index, if no field of v is present, or with [IfExists], [IfAbsent] or
// [KeepTTL]. Both are atomic. The lifetime is renewed, except with [KeepTTL].
//
// If T has a version and the stored version differs, Upsert returns
// [ErrConflict]. It stores the next version, but v keeps its own, so a second
// Upsert of the same v is ErrConflict too: use [HashRepo.UpsertVersion] or
// [HashRepo.Mutate]. If the version of v differs from that of [IfVersion], it
// returns ErrConflict before anything is sent. If a condition does not hold, it
// returns [ErrNotFound] or [ErrExists]. If a value is larger than
// [pool.Config.MaxValueBytes], it returns [ErrTooLarge] before anything is
// sent. If the codec cannot encode a value, it returns a [*codec.EncodeError]
// before anything is sent. If the key holds another Redis type, it returns
// [ErrWrongType], and the key keeps its value and its lifetime.
func (r *HashRepo[T]) Upsert(ctx context.Context, id string, v T) error {
	return r.core.upsert(ctx, id, reflect.ValueOf(&v).Elem())
}

// UpsertVersion writes a record as [HashRepo.Upsert] does, and returns the
// version that it stored. Set it in v to write v again:
//
//	v.Version, err = repo.UpsertVersion(ctx, id, v)
//
// UpsertVersion returns the errors of Upsert, together with the version of v,
// so that the assignment does not change it. If T has no version, it returns
// [ErrUnsupported] and sends nothing.
func (r *HashRepo[T]) UpsertVersion(ctx context.Context, id string, v T) (int64, error) {
	return r.core.upsertVersion(ctx, id, reflect.ValueOf(&v).Elem())
}

// UpsertMany writes records as [HashRepo.Upsert] does, in one pipeline. It runs
// one script for each record. Each script is atomic, but all of them together
// are not.
//
// If an id is invalid, a record cannot be encoded, a value is too large, or the
// version of a record differs from that of [IfVersion], UpsertMany returns the
// error and sends nothing. Otherwise it tries to write all records and returns
// the joined errors of those that failed, which are the errors of Upsert.
func (r *HashRepo[T]) UpsertMany(ctx context.Context, records ...Record[T]) error {
	return r.core.upsertMany(ctx, len(records), func(i int) (string, reflect.Value) {
		return records[i].ID, reflect.ValueOf(&records[i].Value).Elem()
	})
}

// Replace writes v and removes every other field of the record, including
// those that T does not declare. It runs one script and is atomic. The lifetime
// is renewed, except with [KeepTTL].
//
// Replace returns the errors of [HashRepo.Upsert].
func (r *HashRepo[T]) Replace(ctx context.Context, id string, v T) error {
	return r.core.replace(ctx, id, reflect.ValueOf(&v).Elem())
}

// upsertVersion writes the fields of a record and returns its version, which
// upsert.lua increments.
func (c *core) upsertVersion(ctx context.Context, id string, v reflect.Value) (int64, error) {
	if c.plan.version == nil {
		t, err := c.BeginWrite(ctx, "UpsertVersion", id)
		if err != nil {
			return 0, err
		}
		return 0, t.NotApplied(fmt.Errorf("%w: %s", fault.ErrUnsupported, option.NoVersion))
	}
	version := c.plan.versionOf(v)
	if err := c.upsert(ctx, id, v); err != nil {
		return version, fault.WithOp("UpsertVersion", err)
	}
	return version + 1, nil
}

// upsert writes the fields of a record.
func (c *core) upsert(ctx context.Context, id string, v reflect.Value) error {
	t, err := c.BeginWrite(ctx, "Upsert", id)
	if err != nil {
		return err
	}
	e, err := c.encode(t, v)
	if err != nil {
		return err
	}
	defer e.release()
	return c.write(ctx, t, e, c.plan.mayBeEmpty)
}

// upsertMany writes n records in one pipeline, each atomically.
func (c *core) upsertMany(ctx context.Context, n int, at func(i int) (string, reflect.Value)) error {
	if n == 0 {
		return nil
	}
	calls, encoded := make([]store.Call, n), make([]*encodedRecord, 0, n)
	short := c.allowsShort() && c.plan.version == nil
	defer func() {
		for _, e := range encoded {
			e.release()
		}
	}()
	for i := range calls {
		id, v := at(i)
		t, err := c.BeginWrite(ctx, "UpsertMany", id)
		if err != nil {
			return err
		}
		e, err := c.encode(t, v)
		if err != nil {
			return err
		}
		calls[i].Target, encoded = t, append(encoded, e)
		short = short && e.onlySets()
	}
	if short {
		for i, e := range encoded {
			calls[i].Args = e.pairs
		}
		_, err := c.runMany(ctx, calls, setScript)
		return err
	}
	for i, e := range encoded {
		var err error
		if calls[i].Args, err = c.upsertArgs(calls[i].Target, e, false); err != nil {
			return err
		}
	}
	script, keys := c.script(upsertScript)
	_, err := c.runMany(ctx, calls, script, keys...)
	return err
}

// replace writes a record and removes every field that it does not have.
func (c *core) replace(ctx context.Context, id string, v reflect.Value) error {
	t, err := c.BeginWrite(ctx, "Replace", id)
	if err != nil {
		return err
	}
	e, err := c.encode(t, v)
	if err != nil {
		return err
	}
	defer e.release()
	return c.runUpsert(ctx, t, e, true)
}

// encode encodes and seals a record, and checks the size of each field.
func (c *core) encode(t fault.Target, v reflect.Value) (*encodedRecord, error) {
	e, err := c.encodePlain(t, v)
	if err != nil || !c.plan.sealed {
		return e, err
	}
	if err := c.sealRecord(t, e); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

// encodePlain is encode without sealing.
func (c *core) encodePlain(t fault.Target, v reflect.Value) (*encodedRecord, error) {
	e, err := c.plan.encode(v)
	if err != nil {
		return nil, notApplied(t, err)
	}
	if err := c.checkSizes(t, e); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

// checkSizes returns an error if a text is too large for a field.
func (c *core) checkSizes(t fault.Target, e *encodedRecord) error {
	limit := c.MaxValueBytes()
	for i := 1; i < len(e.pairs); i += 2 {
		if len(e.pairs[i]) > limit {
			return c.CheckSize(t.WithField(e.pairs[i-1]), e.pairs[i])
		}
	}
	return nil
}

// write sets and removes fields of a record, by set.lua or in a transaction if
// possible. mayBeEmpty reports whether the stored record may have only the
// reserved field.
func (c *core) write(ctx context.Context, t fault.Target, e *encodedRecord, mayBeEmpty bool) error {
	if !c.allowsShort() || c.plan.version != nil || len(e.pairs) == 0 {
		return c.runUpsert(ctx, t, e, false)
	}
	if e.onlySets() && e.isSmall() {
		_, err := c.Run(ctx, t, setScript, e.pairs)
		return err
	}
	if mayBeEmpty {
		e.absent = append(e.absent, reservedField)
	}
	return c.sendTransaction(ctx, t, e)
}

// sendTransaction sends HSET, HDEL and the lifetime in this order. The record
// has a field at every moment, so Redis does not remove it with its lifetime.
func (c *core) sendTransaction(ctx context.Context, t fault.Target, e *encodedRecord) error {
	hset := c.Client.B().Hset().Key(t.Key).FieldValue()
	for i := 0; i < len(e.pairs); i += 2 {
		hset = hset.FieldValue(e.pairs[i], e.pairs[i+1])
	}
	tx := append(c.Tx(2), hset.Build())
	if len(e.absent) > 0 {
		tx = append(tx, c.Client.B().Hdel().Key(t.Key).Field(e.absent...).Build())
	}
	_, err := c.Commit(ctx, t, tx)
	return err
}

// runUpsert writes a record by upsert.lua. The script handles conditions,
// versions, kept lifetimes, replacement, and records without a field.
func (c *core) runUpsert(ctx context.Context, t fault.Target, e *encodedRecord, replace bool) error {
	args, err := c.upsertArgs(t, e, replace)
	if err != nil {
		return err
	}
	_, err = c.run(ctx, t, upsertScript, args)
	return err
}

// upsertArgs returns the arguments of version.lua and upsert.lua. The script
// requires the version of the encoded record.
func (c *core) upsertArgs(t fault.Target, e *encodedRecord, replace bool) ([]string, error) {
	if c.Version != nil && e.version != *c.Version {
		return nil, t.NotApplied(fmt.Errorf("%w: the value has version %d, but IfVersion requires %d; pass the version of the value", fault.ErrConflict, e.version, *c.Version))
	}
	args := c.versionArgs(strconv.FormatInt(e.version, 10), 2+len(e.pairs)+len(e.absent))
	args = append(args, flag(replace), strconv.Itoa(len(e.pairs)/2))
	args = append(args, e.pairs...)
	args = append(args, e.absent...)
	return c.appendIndexArgs(args, e.bodies), nil
}

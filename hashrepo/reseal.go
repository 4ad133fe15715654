package hashrepo

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/fields"
	"github.com/symphony-go/symphony/internal/store"
)

// Reseal seals the fields of all records of the space with the current key of
// the [codec.KeyRing], and under their current names. It is for the rotation of
// keys: after it, an old key can be removed. With [codec.SealedOrPlain] it also
// seals the values that are not sealed. Fields that T does not have stay as
// they are, except in a map and in the field with the option extra.
//
// Reseal runs when the loop over its result does. It yields the progress so far
// after each page. It may run while others write: a script writes the fields of
// a record only if they still have the bytes that were read, and Reseal reads
// the record again otherwise. It may be stopped at any time, by leaving the
// loop or by ctx. The next call then begins from the start, and finds less to
// do. It changes neither lifetimes nor versions.
//
// It sends SCAN, reads each page of about a thousand keys with a pipeline of
// HMGET or HGETALL, and runs a script for each record that it changes. It reads
// from the primary. Each script is atomic, and the whole is not.
//
// If a field does not open, or is not sealed, the error names the record and
// the field, and Reseal goes on with the others. After any other error Reseal
// ends. If the codec is not sealed, or with [IfAbsent] or [IfVersion], the
// error is [ErrUnsupported]. If the KeyRing has no current key, it is a
// [*codec.KeyError], and nothing is sent. [IfExists] has no effect.
func (r *HashRepo[T]) Reseal(ctx context.Context) iter.Seq2[codec.Resealed, error] {
	return func(yield func(codec.Resealed, error) bool) {
		c, t, err := r.core.forReseal(ctx)
		if err != nil {
			yield(codec.Resealed{}, err)
			return
		}
		store.Reseal(c.ScanSpaceUntyped(ctx, t.Op, c.readCommand), t, yield, func(t fault.Target, reply rueidis.RedisResult) (bool, error) {
			return c.resealRecord(ctx, t, reply)
		})
	}
}

// forReseal returns the core that writes the fields of records and nothing
// else.
func (c *core) forReseal(ctx context.Context) (*core, fault.Target, error) {
	t, err := c.BeginReseal(ctx)
	if err != nil {
		return nil, t, err
	}
	plain := c.OnPrimary()
	plain.IfExists, plain.Keep = false, true
	unversioned := *c.plan
	unversioned.version, unversioned.mutate = nil, nil
	return &core{Store: plain, plan: &unversioned, listing: c.listing, writes: c.writes}, t, nil
}

// errSealedAlready ends an attempt that has nothing to write.
var errSealedAlready = errors.New("sealed with the current key")

// resealRecord seals the fields of a record anew, and reports whether it wrote.
// The reply is that of readCommand. If another writer changed the record since,
// it is read again.
func (c *core) resealRecord(ctx context.Context, t fault.Target, reply rueidis.RedisResult) (bool, error) {
	var refused error
	read := func() rueidis.RedisResult { return reply }
	_, err := c.retry(ctx, t, readBack{}, func() (operations []operation, err error) {
		message, err := read().ToMessage()
		read = func() rueidis.RedisResult { return c.Client.Do(t.In(ctx), c.readCommand(t.Key)) }
		if err != nil {
			return nil, readOnly(t).Failed(err)
		}
		texts, err := c.plan.texts(&message)
		if err != nil {
			return nil, readOnly(t).Failed(err)
		}
		if operations, refused = c.resealTexts(t, texts); len(operations) == 0 {
			return nil, errSealedAlready
		}
		return operations, nil
	})
	if errors.Is(err, errSealedAlready) {
		return false, refused
	}
	return err == nil, fault.Join(err, refused)
}

// resealTexts returns the operations that write the fields which are not sealed
// as they should be. The error joins those of the fields that do not open.
func (c *core) resealTexts(t fault.Target, texts map[string]string) (operations []operation, refused error) {
	at := c.Place(t)
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		f := c.plan.storedField(name)
		if !f.sealed {
			continue
		}
		text, changed, err := at.Reseal(texts[name], name, f.appendNames(nil)...)
		if err == nil && changed {
			err = c.checkFieldSize(len(text))
		}
		switch {
		case err != nil:
			errs = append(errs, notApplied(readOnly(t).WithField(name), &codec.DecodeError{Type: f.Field.Type, Err: err}))
		case changed:
			operations = append(operations,
				operation{kind: opRequireField, field: name, exists: true, text: texts[name]},
				operation{kind: opReplace, field: name, typ: f.Field.Type, text: text})
		}
	}
	return operations, fault.Join(errs...)
}

// storedField returns the field that is stored under a name, which may be an
// old one, or a field of its own if T does not declare it.
func (p *plan) storedField(name string) *field {
	if i, ok := p.byName[name]; ok {
		return &p.fields[i]
	}
	if i, ok := p.byOldName[name]; ok {
		return &p.fields[i]
	}
	f := field{Field: fields.Field{Name: name, Type: p.typ}, sealed: name != reservedField && p.sealsOthers()}
	return &f
}

package hashrepo

import (
	"context"
	"maps"
	"reflect"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// Mutate reads a record, calls change on it, and writes the fields that change
// changed. It returns the record that it wrote, with its new version.
//
// If another writer changed the fields of T in between, nothing is written.
// Mutate then waits for a random time, reads the record again and calls change
// again, until ctx ends. If ctx has no deadline, Mutate stops trying
// [pool.Config.Timeout] after the first conflict. The duration of change is not
// limited.
//
// If the record does not exist, change is called with the zero T, which is nil
// if T is a map, and the record is created; see [IfExists], [IfAbsent] and
// [IfVersion]. Fields that T does not declare stay as they are. If T is a map
// or has an extra field, entries that change removed are removed. Fields under
// old names are moved to their new names, even if change changed nothing.
//
// An attempt sends HMGET for the fields of T to the primary, or HGETALL if T is
// a map or has an extra field. If no field of T is present, it reads the record
// and its existence in one MULTI and EXEC. Then it runs one script, which
// compares the texts of all fields that were read and writes atomically. If
// fields of an existing record are only set, a short script is enough. The
// lifetime is renewed, except with [KeepTTL], and the version is incremented,
// even if change changed nothing.
//
// If change returns an error, Mutate writes nothing and returns the same error.
// If change is nil, Mutate returns [ErrInvalidArgument] and sends nothing.
// If every attempt met a conflict, Mutate returns [ErrConflict] with the error
// of ctx or [context.DeadlineExceeded]. Other errors are those of
// [HashRepo.Get] and [HashRepo.Upsert].
func (r *HashRepo[T]) Mutate(ctx context.Context, id string, change func(*T) error) (T, error) {
	var v, zero T
	var call func() error
	if change != nil {
		call = func() error { return change(&v) }
	}
	if err := r.core.mutate(ctx, id, reflect.ValueOf(&v).Elem(), call); err != nil {
		return zero, err
	}
	return v, nil
}

func (c *core) mutate(ctx context.Context, id string, v reflect.Value, change func() error) error {
	c = &core{Store: c.OnPrimary(), plan: c.plan, listing: c.listing, writes: c.writes}
	t, err := c.BeginWrite(ctx, "Mutate", id)
	if err != nil {
		return err
	}
	if change == nil {
		return t.NotApplied(store.ErrNilFunction)
	}
	var version int64
	_, err = c.retry(ctx, t, readBack{}, func() ([]operation, error) {
		stored, err := c.readSnapshot(ctx, readOnly(t))
		if err != nil {
			return nil, err
		}
		before, err := c.decodeSnapshot(t, stored, v)
		if err != nil {
			return nil, err
		}
		version = c.plan.versionOf(v)
		if err := change(); err != nil {
			return nil, err
		}
		after, err := c.encodeTexts(t, v)
		if err != nil {
			return nil, err
		}
		changed := difference(before, after)
		if err := c.sealOperations(t, changed); err != nil {
			return nil, err
		}
		operations := append(c.plan.requireUnchanged(stored), c.plan.renames(stored.texts)...)
		return append(operations, changed...), nil
	})
	if err == nil && c.plan.version != nil {
		c.plan.version.valueIn(v).SetInt(version + 1)
	}
	return err
}

// snapshot is a record as it is stored.
type snapshot struct {
	exists bool
	texts  map[string]string // of the fields that were read, by their names in Redis
}

func (c *core) readSnapshot(ctx context.Context, t fault.Target) (snapshot, error) {
	reply, err := c.Client.Do(t.In(ctx), c.readCommand(t.Key)).ToMessage()
	if err != nil {
		return snapshot{}, t.Failed(err)
	}
	texts, err := c.plan.texts(&reply)
	if err != nil {
		return snapshot{}, t.Failed(err)
	}
	if len(texts) > 0 || c.plan.readsAllFields() {
		return snapshot{len(texts) > 0, texts}, nil
	}
	var exists bool
	reply, exists, err = c.readWithExists(ctx, t)
	if err != nil || !exists {
		return snapshot{}, err
	}
	if texts, err = c.plan.texts(&reply); err != nil {
		return snapshot{}, t.Failed(err)
	}
	return snapshot{true, texts}, nil
}

// decodeSnapshot decodes a snapshot into v if the conditions hold. It returns
// the texts of v's fields, which may differ from the stored ones, or none if
// the record does not exist.
func (c *core) decodeSnapshot(t fault.Target, stored snapshot, v reflect.Value) (map[string]string, error) {
	switch {
	case c.IfExists && !stored.exists:
		return nil, t.NotApplied(fault.ErrNotFound)
	case c.IfAbsent && stored.exists:
		return nil, t.NotApplied(fault.ErrExists)
	}
	v.SetZero()
	if !stored.exists {
		return nil, nil
	}
	if err := c.plan.decodeTexts(maps.Clone(stored.texts), c.Place(t), v); err != nil {
		return nil, notApplied(t, err)
	}
	return c.encodeTexts(t, v)
}

// encodeTexts returns the texts of a record's fields before they are sealed, by
// stored name.
func (c *core) encodeTexts(t fault.Target, v reflect.Value) (map[string]string, error) {
	e, err := c.encodePlain(t, v)
	if err != nil {
		return nil, err
	}
	defer e.release()
	texts := make(map[string]string, len(e.pairs)/2)
	for i := 0; i < len(e.pairs); i += 2 {
		texts[e.pairs[i]] = e.pairs[i+1]
	}
	return texts, nil
}

// difference returns the operations that turn a record with the texts before
// into one with the texts after. It compares two encodings by this codec, so a
// stored field that is encoded in another way stays as it is unless its value
// changed.
func difference(before, after map[string]string) []operation {
	var operations []operation
	for name, text := range after {
		if old, ok := before[name]; !ok || old != text {
			operations = append(operations, operation{kind: opSet, field: name, text: text})
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			operations = append(operations, operation{kind: opClear, field: name})
		}
	}
	return operations
}

// requireUnchanged returns the operations that require a record to be as it was
// read. If all fields were read, their number must be the same too.
func (p *plan) requireUnchanged(stored snapshot) []operation {
	if p.readsAllFields() {
		operations := make([]operation, 0, 1+len(stored.texts))
		operations = append(operations, operation{kind: opRequireCount, count: len(stored.texts)})
		for name, text := range stored.texts {
			operations = append(operations, operation{kind: opRequireField, field: name, exists: true, text: text})
		}
		return operations
	}
	operations := make([]operation, 0, 1+len(p.readNames))
	operations = append(operations, operation{kind: opRequireRecord, exists: stored.exists})
	for _, name := range p.readNames {
		text, ok := stored.texts[name]
		operations = append(operations, operation{kind: opRequireField, field: name, exists: ok, text: text})
	}
	return operations
}

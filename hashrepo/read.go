package hashrepo

import (
	"context"
	"errors"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// Get returns a record. A field that is absent in Redis is zero in T.
//
// Get sends HMGET for the fields of T, or HGETALL if T is a map or has an extra
// field. If no field of T is present, it sends EXISTS to distinguish an empty
// record from a missing one, and reads an existing record once more. With
// [Cached], Get returns the record from memory if it is there.
//
// If the record does not exist, Get returns [ErrNotFound]. If the key holds
// another Redis type, it returns [ErrWrongType]. If a stored field does not fit
// T, it returns a [*codec.DecodeError] that names the field.
func (r *HashRepo[T]) Get(ctx context.Context, id string) (value T, err error) {
	if v, ok := r.core.flatCache.Record(id).(*T); ok {
		value = *v
		r.core.flatCache.CountHit()
		return value, nil
	}
	return r.getSlow(ctx, id)
}

// getSlow is Get for a record that cannot be copied from the cache by an
// assignment.
func (r *HashRepo[T]) getSlow(ctx context.Context, id string) (T, error) {
	if r.core.cache != nil {
		return store.CachedGet[T](ctx, r.core.cache, "Get", id)
	}
	return r.getUncached(ctx, "Get", id)
}

func (r *HashRepo[T]) getUncached(ctx context.Context, op, id string) (T, error) {
	var v, zero T
	if err := r.core.get(ctx, op, id, reflect.ValueOf(&v).Elem()); err != nil {
		return zero, err
	}
	return v, nil
}

// PeekShared is [HashRepo.Get] without a copy. With [Cached], it returns the
// record in the cache, which it returns to other callers too. The caller must
// not change the record or anything that the record refers to. PeekShared is
// for large records whose copies cost too much, and for records whose copy
// allocates. A record that does not come from the cache belongs to the caller.
//
// PeekShared returns the errors of Get.
func (r *HashRepo[T]) PeekShared(ctx context.Context, id string) (*T, error) {
	if v, ok := r.core.view.Record(id).(*T); ok {
		r.core.view.CountHit()
		return v, nil
	}
	return r.peekSlow(ctx, id)
}

// peekSlow is PeekShared for a record that is not in the cache, or whose type
// is not kept decoded.
func (r *HashRepo[T]) peekSlow(ctx context.Context, id string) (*T, error) {
	if r.core.cache != nil {
		return store.CachedShared[T](ctx, r.core.cache, "PeekShared", id)
	}
	v, err := r.getUncached(ctx, "PeekShared", id)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// GetMany returns records in the order of ids. It leaves out the records that
// do not exist.
//
// GetMany sends the commands of [HashRepo.Get] as one pipeline, which is one
// round trip and is not atomic. With [Cached], it sends them only for records
// that are not in memory. If some records have no field of T, a second pipeline
// asks which of them exist, and each of those is read once more.
//
// If records cannot be read, GetMany returns the others, and an error that
// joins the errors of Get. If an id is invalid, it returns [ErrInvalidKey] and
// sends nothing.
func (r *HashRepo[T]) GetMany(ctx context.Context, ids ...string) ([]Record[T], error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return store.Collect(ids, (*Record[T]).prepare, func(into func(i int) reflect.Value) ([]bool, error) {
		return r.core.getMany(ctx, ids, into)
	})
}

// newCache returns the reader of records through the client-side cache.
func (c *core) newCache() *store.CachedReader {
	return c.NewCachedReader(store.RecordReader{
		Type:    c.plan.typ,
		Format:  store.FormatOf(c.plan.typ, c.Codec, c.plan),
		Command: func(key string) rueidis.Cacheable { return rueidis.Cacheable(c.readCommand(key)) },
		Decode: func(t fault.Target, reply *rueidis.RedisMessage, into reflect.Value) (bool, error) {
			found, err := c.plan.decode(reply, c.Place(t), into)
			return found, notApplied(t, err)
		},
		Ambiguous: !c.plan.readsAllFields(),
		Uncached:  c.fetch,
	})
}

// get reads a record from the server.
func (c *core) get(ctx context.Context, op, id string, into reflect.Value) error {
	t, err := c.Begin(ctx, op, id)
	if err != nil {
		return err
	}
	return c.fetch(ctx, t, into)
}

func (c *core) fetch(ctx context.Context, t fault.Target, into reflect.Value) error {
	return c.decodeReply(ctx, t, c.Client.Do(t.In(ctx), c.readCommand(t.Key)), into)
}

// readCommand returns the command that reads what the plan decodes.
func (c *core) readCommand(key string) rueidis.Completed {
	if c.plan.readsAllFields() {
		return c.Client.B().Hgetall().Key(key).Build()
	}
	return c.Client.B().Hmget().Key(key).Field(c.plan.readNames...).Build()
}

// decodeReply decodes the reply to readCommand. HMGET returns the same reply
// for a missing record and for a record without a field of T, so decodeReply
// asks which of them it is.
func (c *core) decodeReply(ctx context.Context, t fault.Target, reply rueidis.RedisResult, into reflect.Value) error {
	message, err := reply.ToMessage()
	if err != nil {
		return t.Failed(err)
	}
	return c.decodeMessage(ctx, t, &message, nil, into)
}

// decodeMessage is decodeReply for a message of a record for which conds hold.
func (c *core) decodeMessage(ctx context.Context, t fault.Target, message *rueidis.RedisMessage, conds []condition, into reflect.Value) error {
	found, err := c.plan.decode(message, c.Place(t), into)
	if err != nil {
		return notApplied(t, err)
	}
	if found {
		return nil
	}
	if c.plan.readsAllFields() {
		return t.NotApplied(fault.ErrNotFound)
	}
	return c.getEmpty(ctx, t, conds, into)
}

// getEmpty reads a record that had no field of T a moment ago. If the record
// exists, another writer may have added fields since, so it is read again. If
// conds do not hold then, getEmpty returns ErrNotFound.
func (c *core) getEmpty(ctx context.Context, t fault.Target, conds []condition, into reflect.Value) error {
	exists := c.Client.B().Exists().Key(t.Key)
	found, err := store.ReadFlag(t, c.Client.Do(t.In(ctx), exists.Build()))
	if err != nil {
		return err
	}
	if !found {
		return t.NotApplied(fault.ErrNotFound)
	}
	return c.getExisting(ctx, t, conds, into)
}

// getExisting reads a record that may have no field of T. If conds do not hold,
// it returns ErrNotFound.
func (c *core) getExisting(ctx context.Context, t fault.Target, conds []condition, into reflect.Value) error {
	reply, found, err := c.readWithExists(ctx, t)
	if err != nil {
		return err
	}
	if !found || !c.stillHold(conds, &reply) {
		return t.NotApplied(fault.ErrNotFound)
	}
	_, err = c.plan.decode(&reply, c.Place(t), into)
	return notApplied(t, err)
}

// readWithExists reads a record and whether it exists, in one transaction.
func (c *core) readWithExists(ctx context.Context, t fault.Target) (reply rueidis.RedisMessage, found bool, err error) {
	replies, err := store.ExecReplies(c.Client.DoMulti(t.In(ctx),
		c.Client.B().Multi().Build(),
		c.Client.B().Exists().Key(t.Key).Build(),
		c.readCommand(t.Key),
		c.Client.B().Exec().Build()))
	if err != nil {
		return reply, false, t.Failed(err)
	}
	if err := store.Shape(store.Flag).Check(t, replies[0]); err != nil {
		return reply, false, err
	}
	n, err := replies[0].ToInt64()
	return replies[1], n == 1, err
}

// getMany reads records in one pipeline. found[i] reports whether the record
// ids[i] was read. The error joins the errors of the records that could not be
// read.
func (c *core) getMany(ctx context.Context, ids []string, into func(i int) reflect.Value) (found []bool, err error) {
	if c.cache != nil {
		return c.cache.GetMany(ctx, "GetMany", ids, into)
	}
	targets := make([]fault.Target, len(ids))
	cmds := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		if targets[i], err = c.Begin(ctx, "GetMany", id); err != nil {
			return nil, err
		}
	}
	for i, t := range targets {
		cmds[i] = c.readCommand(t.Key)
	}
	found = make([]bool, len(ids))
	var errs []error
	var empty []int
	for i, reply := range c.Client.DoMulti(fault.In(ctx, targets), cmds...) {
		message, err := reply.ToMessage()
		if err != nil {
			errs = append(errs, targets[i].Failed(err))
			continue
		}
		if found[i], err = c.plan.decode(&message, c.Place(targets[i]), into(i)); err != nil {
			errs = append(errs, notApplied(targets[i], err))
		} else if !found[i] && !c.plan.readsAllFields() {
			empty = append(empty, i)
		}
	}
	errs = append(errs, c.getManyEmpty(ctx, targets, empty, found, into))
	return found, fault.Join(errs...)
}

// getManyEmpty is getEmpty for the records with the indexes empty. One pipeline
// finds those that exist.
func (c *core) getManyEmpty(ctx context.Context, targets []fault.Target, empty []int, found []bool, into func(i int) reflect.Value) error {
	cmds := make(rueidis.Commands, len(empty))
	for n, i := range empty {
		cmds[n] = c.Client.B().Exists().Key(targets[i].Key).Build()
	}
	var errs []error
	for n, reply := range c.Client.DoMulti(fault.In(ctx, targets), cmds...) {
		i := empty[n]
		exists, err := store.ReadFlag(targets[i], reply)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !exists {
			continue
		}
		err = c.getExisting(ctx, targets[i], nil, into(i))
		found[i] = err == nil
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return fault.Join(errs...)
}

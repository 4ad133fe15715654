package hashrepo

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
)

// core is a HashRepo without its type parameter: records are reflect.Values of
// the plan's type.
type core struct {
	*store.Store
	plan *plan
}

func (c *core) with(opts []option.Option) *core {
	view := c.Store.With(opts...)
	p, err := planFor(c.plan.typ, view.Codec)
	if err != nil {
		return &core{view.Failing(err), c.plan}
	}
	return &core{view, p}
}

// get reads one record.
func (c *core) get(ctx context.Context, id string, into reflect.Value) error {
	t, err := c.Begin(ctx, "Get", id)
	if err != nil {
		return err
	}
	reply := c.Client.Do(ctx, c.readCommand(t.Key))
	return c.decodeReply(ctx, t, reply, into)
}

// readCommand asks for what the plan decodes.
func (c *core) readCommand(key string) rueidis.Completed {
	if c.plan.whole() {
		return c.Client.B().Hgetall().Key(key).Build()
	}
	return c.Client.B().Hmget().Key(key).Field(c.plan.names...).Build()
}

// decodeReply reads the reply to readCommand. A record without any of T's
// fields is the zero record if it exists, which HMGET does not tell.
func (c *core) decodeReply(ctx context.Context, t fault.Target, reply rueidis.RedisResult, into reflect.Value) error {
	message, err := reply.ToMessage()
	if err != nil {
		return t.Sent(err)
	}
	found, err := c.decode(&message, into)
	if err != nil {
		return refuse(t, err)
	}
	if found {
		return nil
	}
	if c.plan.whole() {
		return t.Refuse(fault.ErrNotFound)
	}
	return c.getBare(ctx, t, into)
}

func (c *core) decode(message *rueidis.RedisMessage, into reflect.Value) (bool, error) {
	if c.plan.whole() {
		values, err := message.AsStrMap()
		if err != nil {
			return false, err
		}
		return c.plan.decodeWhole(values, into)
	}
	values, err := message.ToArray()
	if err != nil {
		return false, err
	}
	return c.plan.decode(values, into)
}

// getBare reads a record that had none of T's fields a moment ago. Where the
// key exists now, it is read once more, so that a record written meanwhile is
// not taken for an empty one.
func (c *core) getBare(ctx context.Context, t fault.Target, into reflect.Value) error {
	exists := c.Client.B().Exists().Key(t.Key)
	n, err := c.Client.Do(ctx, exists.Build()).AsInt64()
	if err != nil {
		return t.Sent(err)
	}
	if n == 0 {
		return t.Refuse(fault.ErrNotFound)
	}
	return c.getExisting(ctx, t, into)
}

// getExisting reads whether a record exists and what it holds at one moment.
func (c *core) getExisting(ctx context.Context, t fault.Target, into reflect.Value) error {
	replies, err := store.Exec(c.Client.DoMulti(ctx,
		c.Client.B().Multi().Build(),
		c.Client.B().Exists().Key(t.Key).Build(),
		c.readCommand(t.Key),
		c.Client.B().Exec().Build()))
	if err != nil {
		return t.Sent(err)
	}
	if n, err := replies[0].AsInt64(); err != nil || n == 0 {
		return t.Refuse(fault.ErrNotFound)
	}
	_, err = c.decode(&replies[1], into)
	return refuse(t, err)
}

// getMany reads records in one round trip. found[i] tells of ids[i]; the error
// joins those of the records that could not be read.
func (c *core) getMany(ctx context.Context, ids []string, into func(i int) reflect.Value) (found []bool, err error) {
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
	var bare []int
	for i, reply := range c.Client.DoMulti(ctx, cmds...) {
		message, err := reply.ToMessage()
		if err != nil {
			errs = append(errs, targets[i].Sent(err))
			continue
		}
		if found[i], err = c.decode(&message, into(i)); err != nil {
			errs = append(errs, refuse(targets[i], err))
		} else if !found[i] && !c.plan.whole() {
			bare = append(bare, i)
		}
	}
	errs = append(errs, c.getManyBare(ctx, targets, bare, found, into))
	return found, errors.Join(errs...)
}

// getManyBare is getBare for those of many records that had none of T's
// fields: one more round trip tells the missing ones.
func (c *core) getManyBare(ctx context.Context, targets []fault.Target, bare []int, found []bool, into func(i int) reflect.Value) error {
	cmds := make(rueidis.Commands, len(bare))
	for n, i := range bare {
		cmds[n] = c.Client.B().Exists().Key(targets[i].Key).Build()
	}
	var errs []error
	for n, reply := range c.Client.DoMulti(ctx, cmds...) {
		i := bare[n]
		there, err := reply.AsInt64()
		if err != nil {
			errs = append(errs, targets[i].Sent(err))
			continue
		}
		if there == 0 {
			continue
		}
		err = c.getExisting(ctx, targets[i], into(i))
		found[i] = err == nil
		if err != nil && !errors.Is(err, fault.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// found is one record of a walk, not decoded yet.
type found struct {
	id     string
	target fault.Target
	reply  rueidis.RedisResult
}

// find walks the space and gives the records for which conds hold. With
// conditions a page is read twice: their fields of all records, then the
// records that match, which are looked at again as they then stand.
func (c *core) find(ctx context.Context, op string, conds []condition) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		for page, err := range c.Walk(ctx, op, c.probe(conds)) {
			if err != nil {
				yield(found{}, err)
				return
			}
			if len(conds) > 0 {
				page = c.matching(ctx, page, conds)
			}
			for i := range page.IDs {
				if !yield(found{page.IDs[i], page.Targets[i], page.Replies[i]}, nil) {
					return
				}
			}
		}
	}
}

// probe asks for the fields that conds look at, or for all where there are none.
func (c *core) probe(conds []condition) func(string) rueidis.Completed {
	if len(conds) == 0 {
		return c.readCommand
	}
	names := make([]string, len(conds))
	for i, cond := range conds {
		names[i] = cond.name
	}
	return func(key string) rueidis.Completed {
		return c.Client.B().Hmget().Key(key).Field(names...).Build()
	}
}

// matching keeps the records of a page whose probe matches, and reads them. A
// probe that failed stays, with its error for a reply.
func (c *core) matching(ctx context.Context, page store.Page, conds []condition) (kept store.Page) {
	var cmds rueidis.Commands
	var at []int
	for i, reply := range page.Replies {
		values, err := reply.ToArray()
		if err == nil && !hold(conds, func(i int) (rueidis.RedisMessage, bool) { return values[i], true }) {
			continue
		}
		if err == nil {
			at = append(at, len(kept.IDs))
			cmds = append(cmds, c.readCommand(page.Targets[i].Key))
		}
		kept.IDs = append(kept.IDs, page.IDs[i])
		kept.Targets = append(kept.Targets, page.Targets[i])
		kept.Replies = append(kept.Replies, reply)
	}
	for i, reply := range c.Client.DoMulti(ctx, cmds...) {
		kept.Replies[at[i]] = reply
	}
	return kept
}

// upsert writes a record's fields.
func (c *core) upsert(ctx context.Context, id string, v reflect.Value) error {
	t, err := c.BeginWrite(ctx, "Upsert", id)
	if err != nil {
		return err
	}
	r, err := c.encode(t, v)
	if err != nil {
		return err
	}
	defer r.release()
	return c.write(ctx, t, r)
}

// encode is the plan's, with the errors and the limit of the pools.
func (c *core) encode(t fault.Target, v reflect.Value) (*record, error) {
	r, err := c.plan.encode(v)
	if err != nil {
		return nil, refuse(t, err)
	}
	limit := c.MaxValueBytes()
	for i := 1; i < len(r.pairs); i += 2 {
		if len(r.pairs[i]) > limit {
			err := c.CheckSize(t.On(r.pairs[i-1]), r.pairs[i])
			r.release()
			return nil, err
		}
	}
	return r, nil
}

// write sets and removes a record's fields: a transaction where it can be one.
func (c *core) write(ctx context.Context, t fault.Target, r *record) error {
	if c.Plain() && len(r.pairs) > 0 {
		return c.writePlain(ctx, t, r)
	}
	return c.runWrite(ctx, t, r, false)
}

// writePlain sends HSET, HDEL and the lifetime, in this order: a record is at
// no moment without a field, and so never loses its lifetime.
func (c *core) writePlain(ctx context.Context, t fault.Target, r *record) error {
	if c.plan.bare {
		r.absent = append(r.absent, reserved)
	}
	hset := c.Client.B().Hset().Key(t.Key).FieldValue()
	for i := 0; i < len(r.pairs); i += 2 {
		hset = hset.FieldValue(r.pairs[i], r.pairs[i+1])
	}
	tx := append(c.Tx(2), hset.Build())
	if len(r.absent) > 0 {
		tx = append(tx, c.Client.B().Hdel().Key(t.Key).Field(r.absent...).Build())
	}
	_, err := c.Write(ctx, t, tx)
	return err
}

// runWrite is writePlain as a script: conditions, kept lifetimes, replacement,
// and records left without a field.
func (c *core) runWrite(ctx context.Context, t fault.Target, r *record, replace bool) error {
	_, err := c.Run(ctx, t, writeScript, writeArgs(r, replace))
	return err
}

func writeArgs(r *record, replace bool) []string {
	args := make([]string, 0, 2+len(r.pairs)+len(r.absent))
	flag := ""
	if replace {
		flag = "1"
	}
	args = append(args, flag, strconv.Itoa(len(r.pairs)/2))
	args = append(args, r.pairs...)
	return append(args, r.absent...)
}

// replace writes a record and removes every field that it does not have.
func (c *core) replace(ctx context.Context, id string, v reflect.Value) error {
	t, err := c.BeginWrite(ctx, "Replace", id)
	if err != nil {
		return err
	}
	r, err := c.encode(t, v)
	if err != nil {
		return err
	}
	defer r.release()
	return c.runWrite(ctx, t, r, true)
}

// upsertMany writes records in one pipeline, each atomically.
func (c *core) upsertMany(ctx context.Context, n int, at func(i int) (string, reflect.Value)) error {
	calls := make([]store.Call, n)
	for i := range calls {
		id, v := at(i)
		t, err := c.BeginWrite(ctx, "UpsertMany", id)
		if err != nil {
			return err
		}
		r, err := c.encode(t, v)
		if err != nil {
			return err
		}
		calls[i] = store.Call{Target: t, Args: writeArgs(r, false)}
		r.release()
	}
	if n == 0 {
		return nil
	}
	return errors.Join(c.RunMany(ctx, writeScript, calls)...)
}

// refuse names the field of an error that came from the plan, also in the
// codec's own errors.
func refuse(t fault.Target, err error) error {
	if err == nil {
		return nil
	}
	var fe *fieldError
	if errors.As(err, &fe) {
		t.Field, err = fe.name, fe.err
	}
	switch e := err.(type) {
	case *codec.DecodeError:
		err = e.In(t.Field)
	case *codec.EncodeError:
		err = e.In(t.Field)
	}
	return t.Refuse(err)
}

package hashrepo

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// cached gives what reads records through the client-side cache.
func (c *core) cached() *store.Cached {
	return c.CachedReads(store.Reads{
		Type:    c.plan.typ,
		Shape:   store.ShapeOf(c.plan.typ, c.plan.codec, c.plan),
		Command: func(key string) rueidis.Cacheable { return rueidis.Cacheable(c.readCommand(key)) },
		Decode: func(t fault.Target, reply *rueidis.RedisMessage, into reflect.Value) (bool, error) {
			found, err := c.decode(reply, into)
			return found, refuse(t, err)
		},
		Vague:    !c.plan.whole(),
		Uncached: c.fetchRecord,
	})
}

// get reads one record past the cache.
func (c *core) get(ctx context.Context, op, id string, into reflect.Value) error {
	t, err := c.Begin(ctx, op, id)
	if err != nil {
		return err
	}
	return c.fetchRecord(ctx, t, into)
}

func (c *core) fetchRecord(ctx context.Context, t fault.Target, into reflect.Value) error {
	return c.decodeReply(ctx, t, c.Client.Do(ctx, c.readCommand(t.Key)), into)
}

// errShort is why a reply to HMGET is not read.
var errShort = fmt.Errorf("%w: another number of values than fields", fault.ErrUnexpectedReply)

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
		return t.Failed(err)
	}
	found, err := c.decode(&message, into)
	if err != nil {
		return refuse(t, err)
	}
	if found {
		return nil
	}
	if c.plan.whole() {
		return t.NotApplied(fault.ErrNotFound)
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
	if err == nil && len(values) != len(c.plan.names) {
		err = errShort
	}
	if err != nil {
		return false, fault.Translate(err)
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
		return t.Failed(err)
	}
	if n == 0 {
		return t.NotApplied(fault.ErrNotFound)
	}
	return c.getExisting(ctx, t, into)
}

// getExisting reads a record that may be there without any of T's fields.
func (c *core) getExisting(ctx context.Context, t fault.Target, into reflect.Value) error {
	reply, found, err := c.existing(ctx, t)
	if err != nil {
		return err
	}
	if !found {
		return t.NotApplied(fault.ErrNotFound)
	}
	_, err = c.decode(&reply, into)
	return refuse(t, err)
}

// existing reads whether a record exists and what it holds at one moment.
func (c *core) existing(ctx context.Context, t fault.Target) (reply rueidis.RedisMessage, found bool, err error) {
	replies, err := store.Exec(c.Client.DoMulti(ctx,
		c.Client.B().Multi().Build(),
		c.Client.B().Exists().Key(t.Key).Build(),
		c.readCommand(t.Key),
		c.Client.B().Exec().Build()))
	if err != nil {
		return reply, false, t.Failed(err)
	}
	n, err := replies[0].AsInt64()
	if err != nil {
		return reply, false, t.Failed(err)
	}
	return replies[1], n == 1, nil
}

// getMany reads records in one round trip. found[i] tells of ids[i]; the error
// joins those of the records that could not be read.
func (c *core) getMany(ctx context.Context, ids []string, into func(i int) reflect.Value) (found []bool, err error) {
	if c.near != nil {
		return c.near.GetMany(ctx, "GetMany", ids, into)
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
	var bare []int
	for i, reply := range c.Client.DoMulti(ctx, cmds...) {
		message, err := reply.ToMessage()
		if err != nil {
			errs = append(errs, targets[i].Failed(err))
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
			errs = append(errs, targets[i].Failed(err))
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

package hashrepo

import (
	"context"
	"iter"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

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
		for page, err := range c.WalkReading(ctx, op, c.probe(conds)) {
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
		if err == nil && len(values) != len(conds) {
			err = errShort
		}
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

// decodeMatch reads a record of find, and answers ErrNotFound where it is gone
// or the conditions hold no more.
func (c *core) decodeMatch(ctx context.Context, item found, conds []condition, into reflect.Value) error {
	if len(conds) > 0 && !c.stillHold(conds, item.reply) {
		return item.target.NotApplied(fault.ErrNotFound)
	}
	return c.decodeReply(ctx, item.target, item.reply, into)
}

// stillHold looks at the conditions in a reply to readCommand. What cannot be
// read is left to decodeReply, which names the error.
func (c *core) stillHold(conds []condition, reply rueidis.RedisResult) bool {
	if c.plan.whole() {
		values, err := reply.AsMap()
		return err != nil || hold(conds, func(i int) (rueidis.RedisMessage, bool) {
			value, ok := values[conds[i].name]
			return value, ok
		})
	}
	values, err := reply.ToArray()
	return err != nil || len(values) != len(c.plan.names) || hold(conds, func(i int) (rueidis.RedisMessage, bool) {
		return values[c.plan.byName[conds[i].name]], true
	})
}

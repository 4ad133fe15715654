package hashrepo

import (
	"context"
	"iter"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// foundRecord is a record that a walk found, and that is not decoded yet.
type foundRecord struct {
	id     string
	target fault.Target
	reply  rueidis.RedisMessage // to readCommand
	err    error                // of readCommand
	exists bool                 // the record exists, even if it has no field of T
}

// scanMatches iterates with SCAN over the records for which conds hold.
func (c *core) scanMatches(ctx context.Context, op string, conds []condition) iter.Seq2[foundRecord, error] {
	return func(yield func(foundRecord, error) bool) {
		for page, err := range c.ScanSpaceUntyped(ctx, op, c.probeCommand(conds)) {
			if err != nil {
				yield(foundRecord{}, err)
				return
			}
			if len(conds) > 0 {
				page = c.readMatches(ctx, page, conds)
			}
			for i := range page.IDs {
				found := foundRecord{id: page.IDs[i], target: page.Targets[i]}
				found.reply, found.err = page.Replies[i].ToMessage()
				if !yield(found, nil) {
					return
				}
			}
		}
	}
}

// probeCommand returns the command that reads the fields of conds, or the whole
// record if there are none.
func (c *core) probeCommand(conds []condition) func(string) rueidis.Completed {
	if len(conds) == 0 {
		return c.readCommand
	}
	names := probedNames(conds)
	return func(key string) rueidis.Completed {
		return c.Client.B().Hmget().Key(key).Field(names...).Build()
	}
}

// probedNames returns the names of the fields of conds. The old names of a
// field follow its name.
func probedNames(conds []condition) (names []string) {
	for i := range conds {
		names = conds[i].field.appendNames(names)
	}
	return names
}

// probeHolds reports whether conds hold for a reply to probeCommand.
func probeHolds(conds []condition, reply rueidis.RedisResult) (bool, error) {
	m, err := reply.ToMessage()
	if err != nil {
		return false, err
	}
	return probedHold(conds, &m)
}

// probedHold reports whether conds hold for the values of probedNames.
func probedHold(conds []condition, reply *rueidis.RedisMessage) (bool, error) {
	values, err := hmgetValues(reply, len(probedNames(conds)))
	if err != nil {
		return false, err
	}
	for i := range conds {
		n := 1 + len(conds[i].field.Was)
		if !conds[i].holds(*firstPresent(values[:n]), true) {
			return false, nil
		}
		values = values[n:]
	}
	return true, nil
}

// readMatches reads the records of a page whose probe matches. It keeps a
// record whose probe failed, with the error as its reply.
func (c *core) readMatches(ctx context.Context, page store.Page, conds []condition) (matches store.Page) {
	var cmds rueidis.Commands
	var indexes []int // of the records that cmds read, in matches
	for i, reply := range page.Replies {
		holds, err := probeHolds(conds, reply)
		switch {
		case err != nil:
			reply = rueidis.NewErrorResult(err)
		case !holds:
			continue
		default:
			indexes = append(indexes, len(matches.IDs))
			cmds = append(cmds, c.readCommand(page.Targets[i].Key))
		}
		matches.IDs = append(matches.IDs, page.IDs[i])
		matches.Targets = append(matches.Targets, page.Targets[i])
		matches.Replies = append(matches.Replies, reply)
	}
	for i, reply := range c.Client.DoMulti(fault.In(ctx, page.Targets), cmds...) {
		matches.Replies[indexes[i]] = reply
	}
	return matches
}

// decodeFound decodes a record of a walk. It returns ErrNotFound if the record
// is gone or does not match.
func (c *core) decodeFound(ctx context.Context, found *foundRecord, conds []condition, into reflect.Value) error {
	if found.err != nil {
		return found.target.Failed(found.err)
	}
	if !c.stillHold(conds, &found.reply) {
		return found.target.NotApplied(fault.ErrNotFound)
	}
	if found.exists {
		_, err := c.plan.decode(&found.reply, c.Place(found.target), into)
		return notApplied(found.target, err)
	}
	return c.decodeMessage(ctx, found.target, &found.reply, conds, into)
}

// stillHold reports whether conds hold for a reply to readCommand. It reports
// true for a reply that cannot be read, for which decoding returns the error.
func (c *core) stillHold(conds []condition, reply *rueidis.RedisMessage) bool {
	stored, err := c.storedIn(reply)
	if err != nil {
		return true
	}
	for i := range conds {
		if value, ok := stored(conds[i].field); !conds[i].holds(value, ok) {
			return false
		}
	}
	return true
}

// storedIn returns a function that returns the stored value of a field in a
// reply to readCommand.
func (c *core) storedIn(reply *rueidis.RedisMessage) (func(*field) (rueidis.RedisMessage, bool), error) {
	if !c.plan.readsAllFields() {
		values, err := hmgetValues(reply, len(c.plan.readNames))
		return func(f *field) (rueidis.RedisMessage, bool) { return *f.valueAmong(values), true }, err
	}
	if !store.Pairs(*reply) {
		return nil, store.ErrShape
	}
	values, err := reply.AsMap()
	return func(f *field) (rueidis.RedisMessage, bool) { return f.valueOf(values) }, err
}

// hmgetResultValues is hmgetValues for a result of HMGET.
func hmgetResultValues(r rueidis.RedisResult, n int) ([]rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if err != nil {
		return nil, err
	}
	return hmgetValues(&m, n)
}

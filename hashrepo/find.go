package hashrepo

import (
	"context"
	"errors"
	"iter"
	"reflect"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
)

// All returns an iterator over every record of the space, in no order. It sends
// SCAN, and for each page of about a thousand keys one pipeline of HMGET or
// HGETALL. For each record without a field of T, it sends the further commands
// of [HashRepo.Get]. If the loop ends early, All sends nothing more. Keys of
// other Redis types are left out.
//
// A record that is written or deleted during the loop may or may not appear. A
// record appears at most once, unless the database shrinks to about a
// thousandth of its size during the loop: All remembers the last 32,768 to
// 65,536 keys.
//
// If a record cannot be read, the iterator yields its ID with the error and
// goes on. If a page cannot be read, it yields the error without an ID and
// ends.
func (r *HashRepo[T]) All(ctx context.Context) iter.Seq2[Record[T], error] {
	return r.find(ctx, "All", nil)
}

// Find returns an iterator over the records for which every condition holds, as
// [HashRepo.All] does for every record. For each page it reads the fields of
// the conditions, then the whole records that match. It checks the conditions
// again on each record that it read.
//
// If a condition does not fit T, Find yields [ErrUnknownField], [ErrFieldType]
// or [ErrOverflow] before anything is sent. If the codec cannot encode a value,
// it yields a [*codec.EncodeError]. Other errors are those of All.
func (r *HashRepo[T]) Find(ctx context.Context, conds ...Cond[T]) iter.Seq2[Record[T], error] {
	return r.find(ctx, "Find", conds)
}

// FindOne returns the first record that [HashRepo.Find] yields, and sends
// nothing more.
//
// If there is none, FindOne returns [ErrNotFound]. Other errors are those of
// Find.
func (r *HashRepo[T]) FindOne(ctx context.Context, conds ...Cond[T]) (Record[T], error) {
	return r.findOne(ctx, "FindOne", conds)
}

// IDs returns an iterator over the ids of the space, in no order. It sends SCAN
// and reads no record. Keys of other Redis types are left out. See
// [HashRepo.All] for ids that are added, removed or repeated during the loop.
//
// If a page cannot be read, the iterator yields the error and ends.
func (r *HashRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] {
	return r.core.IDs(ctx, "IDs")
}

func (r *HashRepo[T]) findOne(ctx context.Context, op string, conds []Cond[T]) (Record[T], error) {
	for record, err := range r.find(ctx, op, conds) {
		return record, err
	}
	return Record[T]{}, fault.Target{Op: op, Pool: r.core.Alias}.NotApplied(fault.ErrNotFound)
}

func (r *HashRepo[T]) find(ctx context.Context, op string, conds []Cond[T]) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		encoded, err := r.core.encodeConditions(op, fieldValuesOf(conds))
		if err != nil {
			yield(Record[T]{}, err)
			return
		}
		for item, err := range r.core.find(ctx, op, encoded) {
			record := Record[T]{ID: item.id}
			if err == nil {
				err = r.core.decodeItem(ctx, item, encoded, reflect.ValueOf(&record.Value).Elem())
			}
			if errors.Is(err, fault.ErrNotFound) {
				continue
			}
			if err != nil {
				record = Record[T]{ID: item.id}
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// foundItem is a record of find that is not decoded yet.
type foundItem struct {
	id     string
	target fault.Target
	reply  rueidis.RedisResult // to readCommand
}

// find iterates over the records for which conds hold.
func (c *core) find(ctx context.Context, op string, conds []condition) iter.Seq2[foundItem, error] {
	return func(yield func(foundItem, error) bool) {
		for page, err := range c.ScanSpaceUntyped(ctx, op, c.probeCommand(conds)) {
			if err != nil {
				yield(foundItem{}, err)
				return
			}
			if len(conds) > 0 {
				page = c.readMatches(ctx, page, conds)
			}
			for i := range page.IDs {
				if !yield(foundItem{page.IDs[i], page.Targets[i], page.Replies[i]}, nil) {
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
func probedNames(conds []condition) []string {
	names := make([]string, 0, len(conds))
	for _, cond := range conds {
		names = append(append(names, cond.name), cond.was...)
	}
	return names
}

// readMatches reads the records of a page whose probe matches. It keeps a
// record whose probe failed, with the error as its reply.
func (c *core) readMatches(ctx context.Context, page store.Page, conds []condition) (matches store.Page) {
	var cmds rueidis.Commands
	var indexes []int // of the records that cmds read, in matches
	probed := len(probedNames(conds))
	for i, reply := range page.Replies {
		values, err := hmgetResultValues(reply, probed)
		if err != nil {
			reply = rueidis.NewErrorResult(err)
		}
		if err == nil && !probeMatches(conds, values) {
			continue
		}
		if err == nil {
			indexes = append(indexes, len(matches.IDs))
			cmds = append(cmds, c.readCommand(page.Targets[i].Key))
		}
		matches.IDs = append(matches.IDs, page.IDs[i])
		matches.Targets = append(matches.Targets, page.Targets[i])
		matches.Replies = append(matches.Replies, reply)
	}
	for i, reply := range c.Client.DoMulti(ctx, cmds...) {
		matches.Replies[indexes[i]] = reply
	}
	return matches
}

// probeMatches reports whether conds hold for the values of probedNames.
func probeMatches(conds []condition, values []rueidis.RedisMessage) bool {
	for i := range conds {
		n := 1 + len(conds[i].was)
		if !conds[i].holds(*firstPresent(values[:n]), true) {
			return false
		}
		values = values[n:]
	}
	return true
}

// decodeItem decodes a record of find. It returns ErrNotFound if the record is
// gone or no longer matches.
func (c *core) decodeItem(ctx context.Context, item foundItem, conds []condition, into reflect.Value) error {
	if len(conds) > 0 && !c.stillHold(conds, item.reply) {
		return item.target.NotApplied(fault.ErrNotFound)
	}
	return c.decodeReply(ctx, item.target, item.reply, into)
}

// stillHold reports whether conds hold for a reply to readCommand. It reports
// true for a reply that cannot be read, for which decodeReply returns the
// error.
func (c *core) stillHold(conds []condition, reply rueidis.RedisResult) bool {
	if c.plan.readsAllFields() {
		values, err := reply.AsMap()
		for _, value := range values {
			if !store.Text(value) {
				return true
			}
		}
		return err != nil || allHold(conds, func(i int) (rueidis.RedisMessage, bool) {
			return conds[i].storedValue(values)
		})
	}
	values, err := hmgetResultValues(reply, len(c.plan.readNames))
	return err != nil || allHold(conds, func(i int) (rueidis.RedisMessage, bool) {
		return *c.plan.fields[c.plan.byName[conds[i].name]].valueAmong(values), true
	})
}

// hmgetResultValues is hmgetValues for a result of HMGET.
func hmgetResultValues(r rueidis.RedisResult, n int) ([]rueidis.RedisMessage, error) {
	m, err := r.ToMessage()
	if err != nil {
		return nil, err
	}
	return hmgetValues(&m, n)
}

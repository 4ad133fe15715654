package hashrepo

import (
	"context"
	"errors"
	"iter"
	"reflect"

	"github.com/symphony-go/symphony/internal/fault"
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
		compiled, err := r.core.compileConditions(op, comparisonsOf(conds))
		if err != nil {
			yield(Record[T]{}, err)
			return
		}
		for found, err := range r.core.find(ctx, op, compiled) {
			record := Record[T]{ID: found.id}
			if err == nil {
				err = r.core.decodeFound(ctx, &found, compiled, reflect.ValueOf(&record.Value).Elem())
			}
			if errors.Is(err, fault.ErrNotFound) {
				continue
			}
			if err != nil {
				record = Record[T]{ID: found.id}
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// find iterates over the records for which conds hold, or held a moment ago.
func (c *core) find(ctx context.Context, op string, conds []condition) iter.Seq2[foundRecord, error] {
	if holdNever(conds) {
		return c.findNothing(ctx, op)
	}
	return c.scanMatches(ctx, op, conds)
}

// findNothing iterates over no record. It yields an error if the call cannot
// begin.
func (c *core) findNothing(ctx context.Context, op string) iter.Seq2[foundRecord, error] {
	return func(yield func(foundRecord, error) bool) {
		if _, err := c.BeginAll(ctx, op); err != nil {
			yield(foundRecord{}, err)
		}
	}
}

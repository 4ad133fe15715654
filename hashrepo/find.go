package hashrepo

import (
	"context"
	"errors"
	"iter"
	"reflect"

	"github.com/symphony-go/symphony/internal/fault"
)

// All returns an iterator over every record of the space. If the space has a
// complete list, because T has an index or the repository has the option
// [Listed], All reads the list in the order of the ids. Each page of up to 500
// records is one run of a script, which is one round trip.
//
// Without a complete list, All sends SCAN, and for each page of about a
// thousand keys one pipeline of HMGET or HGETALL, in no order. For each record
// without a field of T, it sends the further commands of [HashRepo.Get].
//
// If the loop ends early, All sends nothing more. Keys of other Redis types are
// left out. A record that is written or deleted during the loop may or may not
// appear. A record appears at most once. With SCAN, it may appear again if the
// database shrinks to about a thousandth of its size during the loop: All
// remembers the last 32,768 to 65,536 keys.
//
// If a record cannot be read, the iterator yields its ID with the error and
// goes on. If a page cannot be read, it yields the error without an ID and
// ends.
func (r *HashRepo[T]) All(ctx context.Context) iter.Seq2[Record[T], error] {
	return r.find(ctx, "All", nil, walkRecords)
}

// Find returns an iterator over the records for which every condition holds. If
// an index answers a condition, Find walks the part of the index with the
// values of the condition, and otherwise the list or the database as
// [HashRepo.All] does. If there are several such indexes, it walks the one with
// the fewest entries, and checks the other conditions on each record.
//
// Through an index or a list, each page of up to 500 records is one run of a
// script, which is one round trip. The script examines up to a thousand
// entries, so a page may have fewer records. It reads the record and its
// conditions in one step, and removes entries of records that expired or that
// another program changed. It runs on the primary, also with [ReadReplicas].
// Find does not read from the cache.
//
// A record that Find yields matched when it was read. Find misses no record
// that matched during the whole loop, even if its value moved within the
// conditions. In a condition on an index, this does not include records whose
// field another program wrote since the last write or [HashRepo.Reindex] of the
// record. A record appears at most once, unless other records moved more than
// 10,000 times during the loop, or the loop rests for a minute. It then may
// appear again after 32,768 others.
//
// An index is used after Reindex has completed it once. Until then, Find walks
// the database with SCAN, and logs that once. For each page it reads the fields
// of the conditions, then the whole records that match, and checks the
// conditions again.
//
// If a condition does not fit T, Find yields [ErrUnknownField], [ErrFieldType]
// or [ErrOverflow] before anything is sent. If the codec cannot encode a value,
// it yields a [*codec.EncodeError]. Other errors are those of All.
func (r *HashRepo[T]) Find(ctx context.Context, conds ...Cond[T]) iter.Seq2[Record[T], error] {
	return r.find(ctx, "Find", conds, walkRecords)
}

// FindOne returns the first record that [HashRepo.Find] yields, and sends
// nothing more. By a field with the option unique, it is one round trip.
//
// If there is none, FindOne returns [ErrNotFound]. Other errors are those of
// Find.
func (r *HashRepo[T]) FindOne(ctx context.Context, conds ...Cond[T]) (Record[T], error) {
	return r.findOne(ctx, "FindOne", conds)
}

// IDs returns an iterator over the ids of the space. If the space has a
// complete list, each page of up to a thousand ids is one run of a script, in
// the order of the ids as they are written in keys. An id is yielded only if
// its record exists when the page is read. Otherwise IDs sends SCAN, and yields
// the ids in no order. It reads no record. Keys of other Redis types are left
// out. See [HashRepo.All] for ids that are added, removed or repeated during
// the loop.
//
// If a page cannot be read, the iterator yields the error and ends.
func (r *HashRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] {
	return r.core.ids(ctx, "IDs")
}

func (r *HashRepo[T]) findOne(ctx context.Context, op string, conds []Cond[T]) (Record[T], error) {
	compiled, err := r.core.compileConditions(op, comparisonsOf(conds))
	if err != nil {
		return Record[T]{}, err
	}
	if found, answered, err := r.core.lookup(ctx, op, compiled); answered {
		return r.decode(ctx, &found, compiled, err)
	}
	for record, err := range r.findCompiled(ctx, op, compiled, 1) {
		return record, err
	}
	return Record[T]{}, fault.Target{Op: op, Pool: r.core.Alias}.NotApplied(fault.ErrNotFound)
}

func (r *HashRepo[T]) find(ctx context.Context, op string, conds []Cond[T], first int) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		compiled, err := r.core.compileConditions(op, comparisonsOf(conds))
		if err != nil {
			yield(Record[T]{}, err)
			return
		}
		r.findCompiled(ctx, op, compiled, first)(yield)
	}
}

func (r *HashRepo[T]) findCompiled(ctx context.Context, op string, conds []condition, first int) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		for found, err := range r.core.find(ctx, op, conds, first) {
			record, err := r.decode(ctx, &found, conds, err)
			if !errors.Is(err, fault.ErrNotFound) && !yield(record, err) {
				return
			}
		}
	}
}

// decode decodes a record that was found with err. It returns ErrNotFound if
// the record is gone or does not match. With an error, the record has its ID
// alone.
func (r *HashRepo[T]) decode(ctx context.Context, found *foundRecord, conds []condition, err error) (Record[T], error) {
	record := Record[T]{ID: found.id}
	if err == nil {
		err = r.core.decodeFound(ctx, found, conds, reflect.ValueOf(&record.Value).Elem())
	}
	if err != nil {
		return Record[T]{ID: found.id}, err
	}
	return record, nil
}

// find iterates over the records for which conds hold, or held a moment ago. It
// reads at most first of them to begin with.
func (c *core) find(ctx context.Context, op string, conds []condition, first int) iter.Seq2[foundRecord, error] {
	return func(yield func(foundRecord, error) bool) {
		t, err := c.BeginAll(ctx, op)
		if err != nil {
			yield(foundRecord{}, err)
			return
		}
		if holdNever(conds) {
			return
		}
		w, err := c.newIndexWalk(ctx, t, conds)
		records := c.scanMatches(ctx, op, conds)
		switch {
		case err != nil:
			yield(foundRecord{}, err)
			return
		case w != nil:
			records = w.find(ctx, first, c.wholeRecord())
		}
		records(yield)
	}
}

// ids iterates over the ids of all records.
func (c *core) ids(ctx context.Context, op string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		t, err := c.BeginAll(ctx, op)
		if err != nil {
			yield("", err)
			return
		}
		w, err := c.newIndexWalk(ctx, t, nil)
		if err != nil {
			yield("", err)
			return
		}
		if w == nil {
			c.IDs(ctx, op)(yield)
			return
		}
		for found, err := range w.find(ctx, walkMembers, []string{"none"}) {
			if !yield(found.id, err) {
				return
			}
		}
	}
}

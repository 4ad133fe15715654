// Package hashrepo stores records as Redis hashes: one record is one hash, one
// field of the record is one hash field.
//
//	type Profile struct {
//		Name  string   `redis:"name"`
//		Score int64    `redis:"score"`
//		Tags  []string `redis:"tags"`
//		Notes string   `redis:"notes,omitzero"`
//	}
//
// # Schema
//
// T is a struct, or a map with string keys. A struct's exported fields are
// stored under the name in their redis tag, else in their json tag, else their
// Go name; "-" leaves a field out. Embedded structs are flattened: an outer
// field hides an embedded one of its name, and two of one name at the same
// depth are an error. So is state that is not exported of a T that has methods
// to write itself, unless the tag "-" leaves it out. Options behind the name:
//
//   - omitempty: an empty value is absent in Redis, as in encoding/json: false,
//     0, nil, and a text, list or map of length 0;
//   - omitzero: a zero value is absent in Redis and reads back as zero;
//   - version: an int64 that counts the changes of the record, 0 for one that is
//     not stored yet. Upsert and Replace want the stored version to be the
//     value's, and store one more; every other write adds one. A mismatch, and a
//     record that is gone though the value's version is not 0, is ErrConflict,
//     and nothing is written.
//   - extra: a map[string]string that carries, as stored, the fields of the
//     record that T does not know.
//
// A nil pointer, slice or map is absent in Redis; an empty slice or map is
// there and empty. An embedded pointer none of whose fields is present reads back
// nil, and so does an extra map without entries. A record with no field present keeps the reserved field
// "_", so that it exists and has its lifetime; no T may claim that name.
//
// # Changes
//
// A handle, from [FieldOf], [NumberOf] or [ListOf], stands for a field; its
// methods make the patches of Update and Merge:
//
//	var Score = hashrepo.NumberOf(func(p *Profile) *int64 { return &p.Score })
//
//	err := users.Update(ctx, "u1", Score.Add(10))
//
// Mutate is for changes that Go code computes, and a version for records that
// are written long after they were read. The methods with Field in their name
// take a field's stored name as data.
//
// # Lifetimes
//
// Every record gets a lifetime of [DefaultLifetime] unless the options say
// otherwise, and every write renews it: see [TTL], [KeepTTL] and [NoTTL].
package hashrepo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// DefaultLifetime is the lifetime of a record whose repository has neither TTL
// nor NoTTL.
const DefaultLifetime = 24 * time.Hour

// NoExpiry is what TTL answers for a record without a lifetime.
const NoExpiry = store.NoExpiry

// HashRepo reads and writes records of type T. It is safe for concurrent use
// and costs nothing to keep; With makes cheap views of it.
type HashRepo[T any] struct{ core *core }

// Record is a value and the id that it is stored under.
type Record[T any] struct {
	ID    string
	Value T
}

func (r *Record[T]) begin(id string) reflect.Value {
	r.ID = id
	return reflect.ValueOf(&r.Value).Elem()
}

//go:embed lua/write.lua
var writeSource string

//go:embed lua/unlink.lua
var unlinkSource string

var (
	writeScript  = newTypedScript(writeSource, store.Flag)
	unlinkScript = newScript(unlinkSource, store.Flag)
)

// New makes the repository of the records in space, on the pool with alias a.
// Nothing is sent.
//
// Errors: ErrInvalidSchema, which names the field; ErrUnknownPool; an option
// that is bad (ErrInvalidTTL) or does not apply (ErrUnsupported).
func New[T any](p *pool.Pools, a pool.Alias, s keyspace.Space, opts ...Option) (*HashRepo[T], error) {
	base, err := store.New(p, a, s, store.Spec{Kind: store.Hash, Lifetime: DefaultLifetime, Traits: option.Lifetimes | option.Versions | option.Caching}, opts...)
	if err != nil {
		return nil, err
	}
	core, err := newCore(base, reflect.TypeFor[T]())
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return &HashRepo[T]{core}, nil
}

// With is a view of the repository with more options; the original stays as it
// was. An option that cannot apply is the error of the view's calls, before
// anything is sent.
func (r *HashRepo[T]) With(opts ...Option) *HashRepo[T] { return &HashRepo[T]{r.core.with(opts)} }

// Get reads a record: HMGET of T's fields (HGETALL where T is a map or has an
// extra field); with [Cached] from memory, if it is there. Where none of the
// fields is there, EXISTS tells a record of zero values from a missing one, and
// the former is read once more. A field that is
// absent in Redis is zero in T.
//
// Errors: ErrNotFound; a *codec.DecodeError, which names the field, where a
// stored field does not fit T.
func (r *HashRepo[T]) Get(ctx context.Context, id string) (value T, err error) {
	if v, ok := r.core.flat.Record(id).(*T); ok {
		value = *v
		r.core.flat.Hit()
		return value, nil
	}
	return r.get(ctx, id)
}

// get is Get where there is more to do than to assign what is found.
func (r *HashRepo[T]) get(ctx context.Context, id string) (T, error) {
	if r.core.near != nil {
		return store.CachedGet[T](ctx, r.core.near, "Get", id)
	}
	return r.read(ctx, "Get", id)
}

// read is Get past the cache.
func (r *HashRepo[T]) read(ctx context.Context, op, id string) (T, error) {
	var v, zero T
	if err := r.core.get(ctx, op, id, reflect.ValueOf(&v).Elem()); err != nil {
		return zero, err
	}
	return v, nil
}

// PeekShared is Get without the copy: with [Cached] it gives the record that
// the cache holds, which every other caller is given too. It may be read, and
// must never be written to: not the record, and nothing that it leads to. Take
// it where copies of a large record would cost too much, and Get everywhere
// else. A record that does not come from the cache is the caller's own.
func (r *HashRepo[T]) PeekShared(ctx context.Context, id string) (*T, error) {
	if r.core.near != nil {
		return store.CachedShared[T](ctx, r.core.near, "PeekShared", id)
	}
	v, err := r.read(ctx, "PeekShared", id)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// GetMany reads records in one round trip, in the order of ids: a pipeline of
// what Get sends, so they are not read at one moment; with [Cached] for those
// that are not in memory. Where some have none of T's fields, a second asks
// which of those exist. Missing records are left out. Records that cannot be
// read are left out too, and are in the joined error beside the records that
// could.
func (r *HashRepo[T]) GetMany(ctx context.Context, ids ...string) ([]Record[T], error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return store.Collect(ids, (*Record[T]).begin, func(into func(i int) reflect.Value) ([]bool, error) {
		return r.core.getMany(ctx, ids, into)
	})
}

// All goes over every record of the space, in no order, with SCAN and
// pipelined reads: memory holds a page of about a thousand records and
// fingerprints of the last 64 thousand keys, and breaking off ends the traffic. A
// record that cannot be read comes as its ID and an error, and the loop goes
// on; an error without an ID ends it. Records written or deleted meanwhile may
// or may not appear. None appears twice, unless more than 32 thousand lie
// between, which takes a database that shrinks to a thousandth during the loop.
func (r *HashRepo[T]) All(ctx context.Context) iter.Seq2[Record[T], error] {
	return r.find(ctx, "All", nil)
}

// Find is All for the records for which every condition holds, in Redis when
// the record is read. Only the fields that the conditions name are read of the
// records that do not match.
//
// Errors: as for All; ErrUnknownField and ErrFieldType for a condition that
// does not fit T, before anything is sent.
func (r *HashRepo[T]) Find(ctx context.Context, conds ...Cond[T]) iter.Seq2[Record[T], error] {
	return r.find(ctx, "Find", conds)
}

// FindOne gives a record for which every condition holds, the first that Find
// meets. Errors: ErrNotFound, and those of Find.
func (r *HashRepo[T]) FindOne(ctx context.Context, conds ...Cond[T]) (Record[T], error) {
	return r.findOne(ctx, "FindOne", conds)
}

func (r *HashRepo[T]) findOne(ctx context.Context, op string, conds []Cond[T]) (Record[T], error) {
	for record, err := range r.find(ctx, op, conds) {
		return record, err
	}
	return Record[T]{}, fault.Target{Op: op, Pool: r.core.Alias}.NotApplied(fault.ErrNotFound)
}

func (r *HashRepo[T]) find(ctx context.Context, op string, conds []Cond[T]) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		compiled, err := r.core.conditions(op, conditionsOf(conds))
		if err != nil {
			yield(Record[T]{}, err)
			return
		}
		for item, err := range r.core.find(ctx, op, compiled) {
			record := Record[T]{ID: item.id}
			if err == nil {
				err = r.core.decodeMatch(ctx, item, compiled, reflect.ValueOf(&record.Value).Elem())
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

// IDs goes over the ids of the space, in no order, with SCAN alone.
func (r *HashRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] {
	return r.core.IDs(ctx, "IDs")
}

// Exists reports whether there is a record: EXISTS.
func (r *HashRepo[T]) Exists(ctx context.Context, id string) (bool, error) {
	return r.core.Exists(ctx, id)
}

// TTL tells how long the record has to live, in milliseconds' resolution, or
// [NoExpiry]: PTTL. Errors: ErrNotFound.
func (r *HashRepo[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	return r.core.TTL(ctx, id)
}

// Touch gives the record the repository's lifetime from now on, and reports
// whether there is one: one script, atomic. With KeepTTL it changes nothing. A
// key of another type is ErrWrongType, and keeps its lifetime.
func (r *HashRepo[T]) Touch(ctx context.Context, id string) (bool, error) {
	return r.core.Touch(ctx, id)
}

// Upsert writes every field of v: what is written is what Get gives back.
// Fields that T does not know stay, unless T is a map or has an extra field,
// whose entries are added and overwritten. It sends HSET, HDEL for the fields
// absent in v, and the lifetime as one MULTI ... EXEC in one round trip; with a
// version, IfExists, IfAbsent or KeepTTL, or with no field present, one script.
//
// Atomic; the lifetime is renewed, see KeepTTL. A key of another type is
// ErrWrongType, and keeps its value and its lifetime.
//
// Errors: ErrConflict where T has a version; ErrNotFound and ErrExists from the
// conditions; ErrTooLarge, and what the codec cannot write, before anything is
// sent.
func (r *HashRepo[T]) Upsert(ctx context.Context, id string, v T) error {
	return r.core.upsert(ctx, id, reflect.ValueOf(&v).Elem())
}

// UpsertMany is Upsert for many records in one pipeline: one script for each,
// each atomic, together not. Nothing is sent where one of them is bad input.
// Otherwise all are tried, and the joined error has those that failed.
func (r *HashRepo[T]) UpsertMany(ctx context.Context, records ...Record[T]) error {
	return r.core.upsertMany(ctx, len(records), func(i int) (string, reflect.Value) {
		return records[i].ID, reflect.ValueOf(&records[i].Value).Elem()
	})
}

// Replace writes v and removes every field that v does not have, also those
// that T does not know: one script, atomic. The lifetime is renewed; see
// KeepTTL. Errors: as for Upsert.
func (r *HashRepo[T]) Replace(ctx context.Context, id string, v T) error {
	return r.core.replace(ctx, id, reflect.ValueOf(&v).Elem())
}

// Delete removes records and counts those that were there: a pipeline of
// UNLINK, not atomic together. It does not look at the type of a key. With
// IfVersion a script for each, and ErrConflict for those of another version.
func (r *HashRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	return r.core.delete(ctx, ids)
}

// DeleteAll removes every record of this space, and of no other, and counts
// them: SCAN, and UNLINK a page at a time. Not atomic; records written
// meanwhile may stay.
func (r *HashRepo[T]) DeleteAll(ctx context.Context) (int64, error) { return r.core.DeleteAll(ctx) }

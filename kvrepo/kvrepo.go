// Package kvrepo stores each value under one string key.
//
// T is any type that the codec can write: a struct, a slice, a map, a number,
// a string, bytes. A nil pointer, slice or map is stored as null, and a value
// stored as nil is there: it is not a missing record.
//
// A value has no lifetime unless the options say otherwise; with one, every
// write renews it.
package kvrepo

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// NoExpiry is what TTL answers for a value without a lifetime.
const NoExpiry = store.NoExpiry

// KVRepo reads and writes values of type T. It is safe for concurrent use;
// With makes cheap views of it.
type KVRepo[T any] struct {
	core *store.ValueStore
	near *store.CachedReader // nil: every read goes to the server
	flat *nearcache.View     // near's, where a value is copied by assigning it
}

// Record is a value and the id that it is stored under.
type Record[T any] struct {
	ID    string
	Value T
}

func (r *Record[T]) begin(id string) reflect.Value {
	r.ID = id
	return reflect.ValueOf(&r.Value).Elem()
}

//go:embed lua/set.lua
var setSource string

var setScript = store.NewScript(setSource, store.Tuple(store.TextOrNil))

// New makes the repository of the values in space, on the pool with alias a.
// Nothing is sent.
//
// Errors: ErrInvalidSchema for a T that the codec cannot write; ErrUnknownPool;
// an option that is bad (ErrInvalidTTL) or does not apply (ErrUnsupported).
func New[T any](p *pool.Pools, a pool.Alias, s keyspace.Space, opts ...Option) (*KVRepo[T], error) {
	core, err := store.NewValueStore(reflect.TypeFor[T](), p, a, s, store.Spec{Kind: store.String, Traits: option.Lifetimes | option.Caching}, opts...)
	if err != nil {
		return nil, err
	}
	return over[T](core), nil
}

// over is the repository on a core.
func over[T any](core *store.ValueStore) *KVRepo[T] {
	near := core.NewCachedReader(store.RecordReader{
		Type:     core.Type(),
		Format:   core.Format(),
		Command:  func(key string) rueidis.Cacheable { return core.Client.B().Get().Key(key).Cache() },
		Decode:   core.DecodeReply,
		Uncached: core.Get,
	})
	return &KVRepo[T]{core, near, near.DirectView()}
}

// With is a view of the repository with more options; the original stays as it
// was. An option that cannot apply is the error of the view's calls, before
// anything is sent.
func (r *KVRepo[T]) With(opts ...Option) *KVRepo[T] { return over[T](r.core.With(opts...)) }

// In is a view of the repository over another space: one repository serves
// spaces that differ in more than the id.
func (r *KVRepo[T]) In(s keyspace.Space) *KVRepo[T] { return over[T](r.core.WithSpace(s)) }

// Get reads a value: GET; with [Cached] from memory, if it is there. Errors:
// ErrNotFound; a *codec.DecodeError where what is stored does not fit T.
func (r *KVRepo[T]) Get(ctx context.Context, id string) (value T, err error) {
	if v, ok := r.flat.Record(id).(*T); ok {
		value = *v
		r.flat.Hit()
		return value, nil
	}
	return r.get(ctx, id)
}

// get is Get where there is more to do than to assign what is found.
func (r *KVRepo[T]) get(ctx context.Context, id string) (T, error) {
	if r.near != nil {
		return store.CachedGet[T](ctx, r.near, "Get", id)
	}
	return r.read(ctx, id)
}

// read is Get past the cache.
func (r *KVRepo[T]) read(ctx context.Context, id string) (v T, err error) {
	t, err := r.core.Begin(ctx, "Get", id)
	if err != nil {
		return v, err
	}
	err = r.core.Get(ctx, t, reflect.ValueOf(&v).Elem())
	return v, err
}

// PeekShared is Get without the copy: with [Cached] it gives the value that
// the cache holds, which every other caller is given too. It may be read, and
// must never be written to: not the value, and nothing that it leads to. Take
// it where copies of a large value would cost too much, and Get everywhere
// else. A value that does not come from the cache is the caller's own.
func (r *KVRepo[T]) PeekShared(ctx context.Context, id string) (*T, error) {
	if r.near != nil {
		return store.CachedShared[T](ctx, r.near, "PeekShared", id)
	}
	v, err := r.read(ctx, id)
	if err != nil {
		return nil, fault.WithOp("PeekShared", err)
	}
	return &v, nil
}

// GetMany reads values in one round trip, in the order of ids: a pipeline of
// GET, so they are not read at one moment; with [Cached] of those that are not
// in memory. Missing values are left out. Values that cannot be read are left
// out too, and are in the joined error beside the values that could.
func (r *KVRepo[T]) GetMany(ctx context.Context, ids ...string) ([]Record[T], error) {
	if len(ids) == 0 {
		return nil, nil
	}
	getMany := r.core.GetMany
	if r.near != nil {
		getMany = r.near.GetMany
	}
	return store.Collect(ids, (*Record[T]).begin, func(into func(i int) reflect.Value) ([]bool, error) {
		return getMany(ctx, "GetMany", ids, into)
	})
}

// IDs goes over the ids of the space, in no order, with SCAN: breaking off
// ends the traffic. Values written or deleted meanwhile may or may not appear;
// none appears twice. An error ends the loop.
func (r *KVRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] { return r.core.IDs(ctx, "IDs") }

// Exists reports whether there is a value: EXISTS.
func (r *KVRepo[T]) Exists(ctx context.Context, id string) (bool, error) {
	return r.core.Exists(ctx, id)
}

// TTL tells how long the value has to live, in milliseconds' resolution, or
// [NoExpiry]: PTTL. Errors: ErrNotFound.
func (r *KVRepo[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	return r.core.TTL(ctx, id)
}

// Touch gives the value the repository's lifetime from now on, and reports
// whether there is one: one script, atomic. With KeepTTL it changes nothing. A
// key of another type is ErrWrongType, and keeps its lifetime.
func (r *KVRepo[T]) Touch(ctx context.Context, id string) (bool, error) {
	return r.core.Touch(ctx, id)
}

// Set writes a value: SET with PX where there is a lifetime, NX or XX for the
// conditions, and GET, which makes Redis refuse a key of another type; with
// KeepTTL, one script. Atomic; the lifetime is renewed, see KeepTTL.
//
// Errors: ErrExists and ErrNotFound from the conditions; ErrWrongType, with the
// key as it was; ErrTooLarge, and what the codec cannot write, before anything
// is sent.
func (r *KVRepo[T]) Set(ctx context.Context, id string, v T) error {
	t, text, err := r.encode(ctx, "Set", id, &v)
	if err != nil {
		return err
	}
	_, err = r.swap(ctx, t, text)
	return err
}

func (r *KVRepo[T]) encode(ctx context.Context, op, id string, v *T) (fault.Target, string, error) {
	t, err := r.core.BeginWrite(ctx, op, id)
	if err != nil {
		return t, "", err
	}
	text, err := r.core.Encode(t, reflect.ValueOf(v).Elem())
	return t, text, err
}

// set is the command for a value whose lifetime is not kept.
func (r *KVRepo[T]) set(key, text string) rueidis.Completed {
	args := make([]string, 1, 5)
	args[0] = text
	switch {
	case r.core.IfExists:
		args = append(args, "XX")
	case r.core.IfAbsent:
		args = append(args, "NX")
	}
	args = append(args, "GET")
	if r.core.Lifetime > 0 {
		args = append(args, "PX", r.core.LifetimeMilliseconds())
	}
	return r.core.Client.B().Arbitrary("SET").Keys(key).Args(args...).Build()
}

// written looks at the reply to set, the value that was there before.
func (r *KVRepo[T]) written(t fault.Target, reply rueidis.RedisResult) (old rueidis.RedisMessage, err error) {
	old, err = reply.ToMessage()
	absent := rueidis.IsRedisNil(err)
	switch {
	case err != nil && !absent:
		return old, t.Failed(err)
	case r.core.IfExists && absent:
		return old, t.NotApplied(fault.ErrNotFound)
	case r.core.IfAbsent && !absent:
		return old, t.NotApplied(fault.ErrExists)
	case !absent && !old.IsString():
		return old, t.Applied(fmt.Errorf("%w: the value before is no string", fault.ErrUnexpectedReply))
	}
	return old, nil
}

// SetMany is Set for many values in one pipeline, each atomic, together not.
// Nothing is sent where one of them is bad input. Otherwise all are tried, and
// the joined error has those that failed.
func (r *KVRepo[T]) SetMany(ctx context.Context, records ...Record[T]) error {
	calls := make([]store.Call, len(records))
	for i := range records {
		t, text, err := r.encode(ctx, "SetMany", records[i].ID, &records[i].Value)
		if err != nil {
			return err
		}
		calls[i] = store.Call{Target: t, Args: []string{text}}
	}
	if len(calls) == 0 {
		return nil
	}
	var steps fault.Steps
	if r.core.Keep {
		_, errs := r.core.RunMany(ctx, setScript, calls)
		return steps.Join(calls[0].Target, errs...)
	}
	cmds := make(rueidis.Commands, len(calls))
	targets := make([]fault.Target, len(calls))
	for i, c := range calls {
		targets[i], cmds[i] = c.Target, r.set(c.Target.Key, c.Args[0])
	}
	errs := make([]error, len(calls))
	for i, reply := range r.core.SendAll(ctx, targets, cmds...) {
		_, errs[i] = r.written(calls[i].Target, reply)
	}
	return steps.Join(calls[0].Target, errs...)
}

// Swap writes a value and gives back the one that it replaces: SET with GET;
// with KeepTTL, one script. Atomic; the lifetime is renewed, see KeepTTL. found
// is false where there was none.
//
// Errors: as for Set. An old value that does not fit T is a
// *codec.DecodeError, and found is true: the new value is written then.
func (r *KVRepo[T]) Swap(ctx context.Context, id string, v T) (old T, found bool, err error) {
	t, text, err := r.encode(ctx, "Swap", id, &v)
	if err != nil {
		return old, false, err
	}
	before, err := r.swap(ctx, t, text)
	if err != nil || before.IsNil() {
		return old, false, err
	}
	was, err := before.ToString()
	if err != nil {
		return old, true, t.Failed(err)
	}
	err = r.core.Decode(t, was, reflect.ValueOf(&old).Elem())
	return old, true, err
}

func (r *KVRepo[T]) swap(ctx context.Context, t fault.Target, text string) (before rueidis.RedisMessage, err error) {
	if !r.core.Keep {
		return r.written(t, r.core.Send(ctx, t, r.set(t.Key, text)))
	}
	m, err := r.core.Run(ctx, t, setScript, []string{text})
	if err != nil {
		return before, err
	}
	reply, err := m.ToArray()
	if err != nil || len(reply) != 1 {
		return before, t.Failed(fmt.Errorf("set.lua answered something else than one value: %w", err))
	}
	return reply[0], nil
}

// Delete removes values and counts those that were there: a pipeline of
// UNLINK, not atomic together.
func (r *KVRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	return r.core.Delete(ctx, ids...)
}

// DeleteAll removes every value of this space, and of no other, and counts
// them: SCAN, and UNLINK a page at a time. Not atomic; values written meanwhile
// may stay.
func (r *KVRepo[T]) DeleteAll(ctx context.Context) (int64, error) { return r.core.DeleteAll(ctx) }

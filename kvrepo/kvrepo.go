// Package kvrepo stores each value under one string key.
//
// The type T of the values can be any type that the codec can encode: a struct,
// a slice, a map, a number, a string, bytes. A nil pointer, slice or map is
// stored as null. Such a value exists; [KVRepo.Get] does not return
// [ErrNotFound] for it.
//
// By default a value has no lifetime. If the options set one, every write
// renews it; see [TTL], [KeepTTL] and [NoTTL].
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

// NoExpiry is the result of [KVRepo.TTL] for a value without a lifetime.
const NoExpiry = store.NoExpiry

// KVRepo reads and writes the values of one [keyspace.Space]. It is safe for
// concurrent use. [KVRepo.With] and [KVRepo.In] return cheap views of it.
//
// If an operation fails, its error is an [*OpError], unless the caller's own
// function returned it. Methods on several values join such errors. If an ID
// cannot be in a key, methods return [ErrInvalidKey] before anything is sent.
type KVRepo[T any] struct {
	core   *store.ValueStore
	cache  *store.CachedReader // nil if every read is sent to the server
	view   *nearcache.View     // of cache; nil if cache is nil
	direct *nearcache.View     // of cache; nil unless an assignment copies a T
}

// Record is a value and its ID.
type Record[T any] struct {
	ID    string
	Value T
}

// prepare sets the ID and returns the value, for decoding into it.
func (r *Record[T]) prepare(id string) reflect.Value {
	r.ID = id
	return reflect.ValueOf(&r.Value).Elem()
}

//go:embed lua/set.lua
var setSource string

var setScript = store.NewScript(setSource, store.Tuple(store.TextOrNil))

// New returns the repository of the values in space s, on the pool with alias
// a. It sends nothing.
//
// If the codec cannot encode T, New returns [ErrInvalidSchema]. If s is the
// zero Space, it returns [ErrInvalidKey]. If there is no such pool, it returns
// [ErrUnknownPool]. If the pools are closed, it returns [ErrClosed]. If an
// option is invalid, it returns [ErrInvalidTTL] or [ErrInvalidArgument]. If an
// option does not apply, it returns [ErrUnsupported].
func New[T any](p *pool.Pools, a pool.Alias, s keyspace.Space, opts ...Option) (*KVRepo[T], error) {
	core, err := store.NewValueStore(reflect.TypeFor[T](), p, a, s, store.Spec{Kind: store.String, Traits: option.Lifetimes | option.Caching}, opts...)
	if err != nil {
		return nil, err
	}
	return newRepo[T](core), nil
}

func newRepo[T any](core *store.ValueStore) *KVRepo[T] {
	cache := core.NewCachedReader(store.RecordReader{
		Type:     core.Type(),
		Format:   core.Format(),
		Command:  func(key string) rueidis.Cacheable { return core.Client.B().Get().Key(key).Cache() },
		Decode:   core.DecodeReply,
		Uncached: core.Get,
	})
	return &KVRepo[T]{core, cache, cache.View(), cache.DirectView()}
}

// With returns a view of the repository with more options. The original does
// not change. If an option is invalid or does not apply, every method of the
// view returns the error that [New] would return, before anything is sent.
func (r *KVRepo[T]) With(opts ...Option) *KVRepo[T] { return newRepo[T](r.core.With(opts...)) }

// In returns a view of the repository over another space, such as that of
// another tenant.
func (r *KVRepo[T]) In(s keyspace.Space) *KVRepo[T] { return newRepo[T](r.core.WithSpace(s)) }

// Get returns a value. It sends GET. With [Cached], it sends nothing if the
// value is in memory.
//
// If the value does not exist, Get returns [ErrNotFound]. If the key holds
// another Redis type, it returns [ErrWrongType]. If the stored bytes do not fit
// T, it returns a [*codec.DecodeError].
func (r *KVRepo[T]) Get(ctx context.Context, id string) (value T, err error) {
	if v, ok := r.direct.Record(id).(*T); ok {
		value = *v
		r.direct.CountHit()
		return value, nil
	}
	return r.get(ctx, id)
}

// get is Get without the fast path. It keeps Get small.
func (r *KVRepo[T]) get(ctx context.Context, id string) (T, error) {
	if r.cache != nil {
		return store.CachedGet[T](ctx, r.cache, "Get", id)
	}
	return r.getUncached(ctx, id)
}

func (r *KVRepo[T]) getUncached(ctx context.Context, id string) (v T, err error) {
	t, err := r.core.Begin(ctx, "Get", id)
	if err != nil {
		return v, err
	}
	err = r.core.Get(ctx, t, reflect.ValueOf(&v).Elem())
	return v, err
}

// PeekShared is like [KVRepo.Get] but does not copy a value that is in memory.
// With [Cached], it returns a pointer to the cached value, and other callers
// receive the same pointer. The value, and everything that it refers to, must
// not be changed. A value that is not cached belongs to the caller.
//
// Use PeekShared if copies of a large value cost too much, and [KVRepo.Get]
// otherwise. It returns the errors of [KVRepo.Get].
func (r *KVRepo[T]) PeekShared(ctx context.Context, id string) (*T, error) {
	if v, ok := r.view.Record(id).(*T); ok {
		r.view.CountHit()
		return v, nil
	}
	return r.peek(ctx, id)
}

// peek is PeekShared without the fast path.
func (r *KVRepo[T]) peek(ctx context.Context, id string) (*T, error) {
	if r.cache != nil {
		return store.CachedShared[T](ctx, r.cache, "PeekShared", id)
	}
	v, err := r.getUncached(ctx, id)
	if err != nil {
		return nil, fault.WithOp("PeekShared", err)
	}
	return &v, nil
}

// GetMany returns values in the order of ids. It sends a pipeline of GET, one
// round trip, so the values are not read at one moment. With [Cached], it sends
// GET only for the values that are not in memory.
//
// Values that do not exist are left out. If values cannot be read, GetMany
// returns the others, and an error that joins the errors of [KVRepo.Get].
func (r *KVRepo[T]) GetMany(ctx context.Context, ids ...string) ([]Record[T], error) {
	if len(ids) == 0 {
		return nil, nil
	}
	getMany := r.core.GetMany
	if r.cache != nil {
		getMany = r.cache.GetMany
	}
	return store.Collect(ids, (*Record[T]).prepare, func(into func(i int) reflect.Value) ([]bool, error) {
		return getMany(ctx, "GetMany", ids, into)
	})
}

// IDs returns an iterator over the IDs of the space, in no order. It sends
// SCAN, one page at a time; if the loop ends early, it sends no more. Keys of
// other Redis types are skipped. A value that is written or deleted during the
// iteration may or may not appear.
//
// If a command fails, the iterator yields the error and ends.
func (r *KVRepo[T]) IDs(ctx context.Context) iter.Seq2[string, error] { return r.core.IDs(ctx, "IDs") }

// Exists reports whether the value exists. It sends EXISTS and does not check
// the type of the key.
func (r *KVRepo[T]) Exists(ctx context.Context, id string) (bool, error) {
	return r.core.Exists(ctx, id)
}

// TTL returns the remaining lifetime of a value, in whole milliseconds. If the
// value has no lifetime, TTL returns [NoExpiry]. It sends PTTL.
//
// If the value does not exist, TTL returns [ErrNotFound].
func (r *KVRepo[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	return r.core.TTL(ctx, id)
}

// Touch sets the lifetime of a value to that of the repository and reports
// whether the value exists. If the repository has no lifetime, Touch removes
// that of the value. With [KeepTTL], it changes nothing. It runs one script,
// atomically.
//
// If the key holds another Redis type, Touch returns [ErrWrongType] and does
// not change its lifetime. With [IfExists], it returns [ErrNotFound] if the
// value does not exist. With [IfAbsent], it returns [ErrUnsupported].
func (r *KVRepo[T]) Touch(ctx context.Context, id string) (bool, error) {
	return r.core.Touch(ctx, id)
}

// Set writes a value. It sends one SET, atomically: with PX if there is a
// lifetime, with NX or XX if there is a condition, and with GET, so that Redis
// refuses a key of another type. With [KeepTTL], it runs one script in place of
// SET. Set renews the lifetime, or keeps it with KeepTTL. If the repository has
// no lifetime and no KeepTTL, Set removes the lifetime of the key.
//
// With [IfAbsent], Set returns [ErrExists] if the value exists. With
// [IfExists], it returns [ErrNotFound] if the value does not exist. If the key
// holds another Redis type, Set returns [ErrWrongType]. In these cases nothing
// is changed. If the value is larger than [pool.Config.MaxValueBytes], Set
// returns [ErrTooLarge]. If the codec cannot encode the value, Set returns a
// [*codec.EncodeError]. In these two cases nothing is sent.
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

// setCommand returns the command that writes a value and renews its lifetime.
func (r *KVRepo[T]) setCommand(key, text string) rueidis.Completed {
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

// previous reads the reply to setCommand, which is the previous value.
func (r *KVRepo[T]) previous(t fault.Target, reply rueidis.RedisResult) (old rueidis.RedisMessage, err error) {
	old, err = reply.ToMessage()
	absent := rueidis.IsRedisNil(err)
	switch {
	case err != nil && !absent:
		return old, t.Failed(err)
	case r.core.IfExists && absent:
		return old, t.NotApplied(fault.ErrNotFound)
	case !absent && !old.IsString():
		return old, t.Applied(fmt.Errorf("%w: the previous value is not a string", fault.ErrUnexpectedReply))
	case r.core.IfAbsent && !absent:
		return old, t.NotApplied(fault.ErrExists)
	}
	return old, nil
}

// SetMany writes values as [KVRepo.Set] does, in one pipeline. Each write is
// atomic; all writes together are not. Without records, it sends nothing.
//
// If an ID or a value is invalid, SetMany returns its error and sends nothing.
// Otherwise it tries every write, and the error joins the errors of those that
// failed.
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
		targets[i], cmds[i] = c.Target, r.setCommand(c.Target.Key, c.Args[0])
	}
	errs := make([]error, len(calls))
	for i, reply := range r.core.SendAll(ctx, targets, cmds...) {
		_, errs[i] = r.previous(calls[i].Target, reply)
	}
	return steps.Join(calls[0].Target, errs...)
}

// Swap writes a value and returns the previous one. If there was none, found is
// false. Swap sends what [KVRepo.Set] sends, atomically, and has the same
// effect on the lifetime.
//
// Swap returns the errors of [KVRepo.Set]. If the previous value does not fit
// T, Swap returns a [*codec.DecodeError] with found true. The new value is
// written in this case.
func (r *KVRepo[T]) Swap(ctx context.Context, id string, v T) (old T, found bool, err error) {
	t, text, err := r.encode(ctx, "Swap", id, &v)
	if err != nil {
		return old, false, err
	}
	reply, err := r.swap(ctx, t, text)
	if err != nil || reply.IsNil() {
		return old, false, err
	}
	oldText, err := reply.ToString()
	if err != nil {
		return old, true, t.Failed(err)
	}
	err = r.core.Decode(t, oldText, reflect.ValueOf(&old).Elem())
	return old, true, err
}

// swap writes a value and returns the reply that holds the previous one.
func (r *KVRepo[T]) swap(ctx context.Context, t fault.Target, text string) (old rueidis.RedisMessage, err error) {
	if !r.core.Keep {
		return r.previous(t, r.core.Send(ctx, t, r.setCommand(t.Key, text)))
	}
	m, err := r.core.Run(ctx, t, setScript, []string{text})
	if err != nil {
		return old, err
	}
	reply, err := m.ToArray()
	if err != nil || len(reply) != 1 {
		return old, t.Failed(fmt.Errorf("%w: set.lua did not return one value", fault.ErrUnexpectedReply))
	}
	return reply[0], nil
}

// Delete removes values and returns the number of values that existed. It sends
// a pipeline of UNLINK. Each removal is atomic; all removals together are not.
//
// If an ID is invalid, Delete sends nothing. [IfExists] has no effect. With
// [IfAbsent], it returns [ErrUnsupported].
func (r *KVRepo[T]) Delete(ctx context.Context, ids ...string) (int64, error) {
	return r.core.Delete(ctx, ids...)
}

// DeleteAll removes every value of this space, and of no other, and returns the
// number of values that it removed. It sends SCAN, and UNLINK for each page. It
// is not atomic: a value that is written meanwhile may remain.
//
// If a command fails, DeleteAll stops and returns the number so far. With
// [IfAbsent], it returns [ErrUnsupported].
func (r *KVRepo[T]) DeleteAll(ctx context.Context) (int64, error) { return r.core.DeleteAll(ctx) }

package hashrepo

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// DefaultLifetime is the lifetime of records if neither [TTL] nor [NoTTL] is
// given.
const DefaultLifetime = 24 * time.Hour

// NoExpiry is the result of [HashRepo.TTL] for a record without a lifetime.
const NoExpiry time.Duration = -1

// HashRepo reads and writes records of type T. It is safe for concurrent use.
// It holds no data of the records, and [HashRepo.With] returns cheap views.
//
// If an operation fails, its error is an [*OpError], unless the caller's own
// function returned it. Methods on several records join such errors. If an id
// cannot be part of a key, methods return [ErrInvalidKey] before anything is
// sent.
type HashRepo[T any] struct{ core *core }

// Record is a record of type T and the id that it is stored under.
type Record[T any] struct {
	ID    string
	Value T
}

// prepare sets the id and returns the value to decode into.
func (r *Record[T]) prepare(id string) reflect.Value {
	r.ID = id
	return reflect.ValueOf(&r.Value).Elem()
}

// hashSpec is what a repository of hashes sets before its options apply.
var hashSpec = store.Spec{
	Kind:     store.Hash,
	Lifetime: DefaultLifetime,
	Traits:   option.Lifetimes | option.Versions | option.Caching | option.Listings,
}

// New returns the repository of the records in space s, on the pool with alias
// a. It sends nothing.
//
// If T cannot be stored, the error is [ErrInvalidSchema] and names the field,
// or T if it is not a record type. If s is the zero Space, it is
// [ErrInvalidKey]. If the pools have no alias a, it is [ErrUnknownPool]. If
// they are closed, it is [ErrClosed]. If an option does not apply to T or
// contradicts another option, it is [ErrUnsupported]. If the value of an option
// is invalid, it is [ErrInvalidTTL] or [ErrInvalidArgument].
func New[T any](p *pool.Pools, a pool.Alias, s keyspace.Space, opts ...Option) (*HashRepo[T], error) {
	base, err := store.New(p, a, s, hashSpec, opts...)
	if err != nil {
		return nil, err
	}
	// Writes are counted from a random number, so that a repository for a few
	// writes may look at ids, too.
	writes := new(atomic.Uint32)
	writes.Store(rand.Uint32())
	core, err := newCore(base, reflect.TypeFor[T](), &core{writes: writes})
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return &HashRepo[T]{core}, nil
}

// With returns a view of the repository with more options. The repository
// itself does not change. If an option does not apply, every call of the view
// returns its error before anything is sent.
func (r *HashRepo[T]) With(opts ...Option) *HashRepo[T] { return &HashRepo[T]{r.core.with(opts)} }

// Exists reports whether the record exists. It sends EXISTS and does not check
// the type of the key.
func (r *HashRepo[T]) Exists(ctx context.Context, id string) (bool, error) {
	return r.core.Exists(ctx, id)
}

// TTL returns the remaining lifetime of the record, in whole milliseconds, or
// [NoExpiry] if it has none. It sends PTTL.
//
// If the record does not exist, TTL returns [ErrNotFound].
func (r *HashRepo[T]) TTL(ctx context.Context, id string) (time.Duration, error) {
	return r.core.TTL(ctx, id)
}

// Touch renews the lifetime of the record and reports whether the record
// exists. It runs one script and is atomic. With [KeepTTL], it changes nothing.
//
// If the key holds another Redis type, Touch returns [ErrWrongType] and the key
// keeps its lifetime. With [IfExists], it returns [ErrNotFound] if the record
// does not exist. With [IfAbsent] or [IfVersion], it returns [ErrUnsupported].
func (r *HashRepo[T]) Touch(ctx context.Context, id string) (bool, error) {
	return r.core.touch(ctx, id)
}

//go:embed lua/touch.lua
var touchSource string

var touchScript = newScript(touchSource, store.Flag)

// touch renews the lifetime of a record, and in a list the time at which the
// record is looked at.
func (c *core) touch(ctx context.Context, id string) (bool, error) {
	if c.listing == nil {
		return c.Touch(ctx, id)
	}
	t, err := c.BeginWrite(ctx, "Touch", id)
	if err != nil {
		return false, err
	}
	if err := cmp.Or(c.RefuseAbsent(t), c.RefuseVersion(t)); err != nil {
		return false, err
	}
	m, err := c.run(ctx, t, touchScript, c.appendIndexArgs(c.args(0), c.bodiesWithout(nil)))
	if err != nil {
		return false, err
	}
	n, err := m.ToInt64()
	return n == 1, err
}

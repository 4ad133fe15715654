// Package store is the core of the repositories. A [Store] is one key space on
// one pool, with the options of a repository. It builds keys, sends commands,
// sets lifetimes, and converts replies to errors. It does not know how records
// are encoded.
package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/testclock"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Kind is the Redis type of the records of a repository, as the commands TYPE
// and SCAN name it.
type Kind string

// The types that repositories use.
const (
	Hash   Kind = "hash"
	String Kind = "string"
	List   Kind = "list"
	Set    Kind = "set"

	SortedSet Kind = "zset"
	Stream    Kind = "stream"
)

// Spec is what a repository sets before its options apply.
type Spec struct {
	Kind     Kind
	Lifetime time.Duration // zero: records do not expire
	Traits   option.Trait

	// What an observer sees; see [Store.observe].
	Repository string // empty: found by the template of the keys
	Tenant     string // only with Repository
}

// Store holds one key space on one pool. It is immutable: the methods that
// change a setting return a copy.
type Store struct {
	option.Settings
	Client rueidis.Client // with ReadReplicas, a client that reads from replicas

	primary    rueidis.Client
	pools      *pool.Pools
	realm      *nearcache.Realm // the cached records of the pool
	prefix     string
	lifetimeMS string
	space      keyspace.Space
	spec       Spec
	sealing    *sealing // nil unless the codec is sealed
	observed   observed
	err        error // if not nil, every call returns it and sends nothing
}

// New returns a Store for the records of space on the pool a. It sends nothing.
// If an option does not apply, or the pools do not have the alias, it returns
// an error.
func New(p *pool.Pools, a pool.Alias, space keyspace.Space, spec Spec, opts ...pool.Option) (*Store, error) {
	s := &Store{pools: p, space: space, spec: spec}
	s.Settings = option.Settings{Lifetime: spec.Lifetime, Alias: a, Codec: codec.Compact}
	s.apply(opts)
	if s.err != nil {
		return nil, fmt.Errorf("symphony: %w", s.err)
	}
	return s, nil
}

// apply applies opts and resolves the clients of the pool. It sets s.err if
// that fails.
func (s *Store) apply(opts []pool.Option) {
	if s.err = s.pools.Opened(internal.NotForPublicUse{}); s.err != nil {
		return
	}
	if s.space == (keyspace.Space{}) {
		s.err = fmt.Errorf("%w: the Space is zero; make one with Pattern.Bind", keyspace.ErrInvalidKey)
		return
	}
	if s.err = s.Apply(s.spec.Traits, opts...); s.err != nil {
		return
	}
	if s.sealing, s.err = s.newSealing(); s.err != nil {
		return
	}
	if s.primary, s.err = s.pools.Client(s.Alias); s.err != nil {
		return
	}
	if s.Client = s.primary; s.Replicas {
		s.Client, s.err = s.pools.ReplicaClient(s.Alias)
	}
	s.realm = nearcache.RealmOf(s.pools, string(s.Alias))
	s.prefix = s.pools.Prefix(s.Alias)
	s.lifetimeMS = duration.Milliseconds(s.Lifetime)
	s.observed = s.observe()
}

// ErrNilFunction is the error of a call whose function is nil. Nothing was
// sent.
var ErrNilFunction = fmt.Errorf("%w: the function is nil; pass one", fault.ErrInvalidArgument)

// With returns a copy of s with more options. If an option does not apply,
// every call of the copy returns the error.
func (s *Store) With(opts ...pool.Option) *Store {
	view := *s
	if view.err == nil {
		view.apply(opts)
	}
	return &view
}

// OnPrimary returns a copy of s that reads from primaries only, until
// [Store.With] is called on the copy.
func (s *Store) OnPrimary() *Store {
	view := *s
	view.Client = s.primary
	return &view
}

// WithSpace returns a copy of s for another key space.
func (s *Store) WithSpace(space keyspace.Space) *Store {
	view := *s
	view.space = space
	view.bindSealing()
	return &view
}

// WithError returns a copy of s whose calls all return err.
func (s *Store) WithError(err error) *Store {
	view := *s
	view.err = err
	return &view
}

// Begin returns the target of an operation on the record id. If the Store has
// an error, id is not a valid key, or ctx has ended, it returns an error, and
// the caller must send nothing.
func (s *Store) Begin(ctx context.Context, op, id string) (fault.Target, error) {
	t := fault.Target{Op: op, Pool: s.Alias}
	if s.err != nil {
		return t, t.NotApplied(s.err)
	}
	key, err := s.space.Key(id)
	if err != nil {
		return t, t.NotApplied(err)
	}
	t.Key = s.prefix + key
	t.Before, t.After = s.space.Parts()
	if err := fault.ContextError(ctx); err != nil {
		return t, t.NotApplied(err)
	}
	t.Operation = s.operation(op, key)
	return t, nil
}

// BeginWrite is like [Store.Begin], for an operation that changes the record.
func (s *Store) BeginWrite(ctx context.Context, op, id string) (fault.Target, error) {
	t, err := s.Begin(ctx, op, id)
	t.Write = true
	return t, err
}

// BeginAll is like [Store.Begin], for an operation on the whole key space.
func (s *Store) BeginAll(ctx context.Context, op string) (fault.Target, error) {
	t := fault.Target{Op: op, Pool: s.Alias}
	if s.err != nil {
		return t, t.NotApplied(s.err)
	}
	if err := fault.ContextError(ctx); err != nil {
		return t, t.NotApplied(err)
	}
	t.Operation = s.operation(op, "")
	return t, nil
}

// Space returns the key space.
func (s *Store) Space() keyspace.Space { return s.space }

// Prefix returns the prefix of every key of the pool.
func (s *Store) Prefix() string { return s.prefix }

// NoteDeadRemoved counts dead letters of queues that were removed.
func (s *Store) NoteDeadRemoved(n int64) {
	s.pools.NoteDeadRemoved(internal.NotForPublicUse{}, s.Alias, n)
}

// Logger returns the logger of the pools.
func (s *Store) Logger() *slog.Logger { return s.pools.Logger(internal.NotForPublicUse{}) }

// Clock returns the clock that a test moves, or nil.
func (s *Store) Clock() *testclock.Clock { return testclock.Of(s.pools) }

// Origin returns the text that identifies the caller of ctx beside what it
// stores, or "" if nothing is to be stored.
func (s *Store) Origin(ctx context.Context) string {
	return s.pools.Origin(internal.NotForPublicUse{}, ctx)
}

// Propagates reports whether the observer of the pools is a [pool.Propagator].
func (s *Store) Propagates() bool { return s.pools.Propagates(internal.NotForPublicUse{}) }

// Attached returns what a package keeps with the pools under key. If there is
// nothing, it keeps the result of create.
func (s *Store) Attached(key any, create func() any) any {
	return s.pools.Attached(internal.NotForPublicUse{}, key, create)
}

// CheckSize returns [fault.ErrTooLarge] if value is longer than
// [Store.MaxValueBytes].
func (s *Store) CheckSize(t fault.Target, value string) error {
	if limit := s.MaxValueBytes(); len(value) > limit {
		return t.NotApplied(fmt.Errorf("%w: %d bytes, but Config.MaxValueBytes is %d; raise that field, or split the value", fault.ErrTooLarge, len(value), limit))
	}
	return nil
}

// MaxDecodedBytes returns the limit of the pools on the memory that decoding
// one value takes.
func (s *Store) MaxDecodedBytes() int { return s.pools.MaxDecodedBytes() }

// MaxValueBytes returns the limit of the pools on the size of one value.
func (s *Store) MaxValueBytes() int { return s.pools.MaxValueBytes() }

// FieldLifetimes reports whether the server supports lifetimes of hash fields.
func (s *Store) FieldLifetimes() bool { return s.pools.SupportsFieldTTL(s.Alias) }

// RefuseVersion returns an error if the options include IfVersion. It is for
// operations that do not compare versions.
func (s *Store) RefuseVersion(t fault.Target) error {
	if s.Version != nil {
		return t.NotApplied(fmt.Errorf("%w: IfVersion does not apply to %s; leave the option out", fault.ErrUnsupported, t.Op))
	}
	return nil
}

// RefuseAbsent returns an error if the options include IfAbsent. It is for
// operations on existing records, which create nothing.
func (s *Store) RefuseAbsent(t fault.Target) error {
	if s.IfAbsent {
		return t.NotApplied(fmt.Errorf("%w: IfAbsent does not apply to %s; leave the option out", fault.ErrUnsupported, t.Op))
	}
	return nil
}

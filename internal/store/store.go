// Package store is the untyped core of the repositories: one space of keys on
// one pool, with the write options that hold for it. It names keys, sends
// commands, applies the lifetime rule and turns replies into errors; what a
// value looks like is the repositories' business.
package store

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"reflect"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/nearcache"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Kind is the Redis type of a repository's records, as TYPE and SCAN name it.
type Kind string

// The types that repositories use.
const (
	Hash   Kind = "hash"
	String Kind = "string"
	List   Kind = "list"
	Set    Kind = "set"

	SortedSet Kind = "zset"
)

// Collect returns the records that read finds for ids, in their order, without
// those that it does not find. Record i is made by begin, which names its id and
// returns the place of its value.
func Collect[R any](ids []string, begin func(r *R, id string) reflect.Value,
	read func(into func(i int) reflect.Value) (found []bool, err error),
) ([]R, error) {
	records := make([]R, len(ids))
	found, err := read(func(i int) reflect.Value { return begin(&records[i], ids[i]) })
	kept := records[:0]
	for i, ok := range found {
		if ok {
			kept = append(kept, records[i])
		}
	}
	return kept, err
}

// NoExpiry is what TTL answers for a record without a lifetime.
const NoExpiry time.Duration = -1

// Spec is what a kind of repository brings before its options.
type Spec struct {
	Kind     Kind
	Lifetime time.Duration // zero: none
	Traits   option.Trait
}

// Store is immutable; With makes another.
type Store struct {
	option.Settings
	Client rueidis.Client // with ReadReplicas, one that reads from replicas

	primary    rueidis.Client
	pools      *pool.Pools
	realm      *nearcache.Realm // what reads of the pool's records are cached in
	prefix     string
	lifetimeMS string // the lifetime
	space      keyspace.Space
	spec       Spec
	err        error // what every call answers, before anything is sent
}

// New binds a space to a pool. Its errors come at once, and nothing is sent.
func New(p *pool.Pools, a pool.Alias, space keyspace.Space, spec Spec, opts ...pool.Option) (*Store, error) {
	s := &Store{pools: p, space: space, spec: spec}
	s.Settings = option.Settings{Lifetime: spec.Lifetime, Alias: a, Codec: codec.Compact}
	s.apply(opts)
	if s.err != nil {
		return nil, fmt.Errorf("symphony: %w", s.err)
	}
	return s, nil
}

func (s *Store) apply(opts []pool.Option) {
	if s.pools == nil {
		s.err = fmt.Errorf("%w: the Pools are nil; pool.Open makes them", pool.ErrUnknownPool)
		return
	}
	if s.space == (keyspace.Space{}) {
		s.err = fmt.Errorf("%w: the Space is zero; Pattern.Bind makes one", keyspace.ErrInvalidKey)
		return
	}
	if s.err = s.Apply(s.spec.Traits, opts...); s.err != nil {
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
}

// With is s with more options. A bad one is the error of every later call.
func (s *Store) With(opts ...pool.Option) *Store {
	view := *s
	if view.err == nil {
		view.apply(opts)
	}
	return &view
}

// OnPrimary is s that reads from no replica.
func (s *Store) OnPrimary() *Store {
	view := *s
	view.Client = s.primary
	return &view
}

// In is s over another space.
func (s *Store) WithSpace(space keyspace.Space) *Store {
	view := *s
	view.space = space
	return &view
}

// Failing is s with every call answering err.
func (s *Store) WithError(err error) *Store {
	view := *s
	view.err = err
	return &view
}

// Begin names the key of an operation, or refuses it before anything is sent.
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
	if err := fault.ContextError(ctx); err != nil {
		return t, t.NotApplied(err)
	}
	return t, nil
}

// BeginWrite is Begin for an operation that changes the record.
func (s *Store) BeginWrite(ctx context.Context, op, id string) (fault.Target, error) {
	t, err := s.Begin(ctx, op, id)
	t.Write = true
	return t, err
}

// BeginAll is Begin for an operation on the whole space.
func (s *Store) BeginAll(ctx context.Context, op string) (fault.Target, error) {
	t := fault.Target{Op: op, Pool: s.Alias}
	if s.err != nil {
		return t, t.NotApplied(s.err)
	}
	if err := fault.ContextError(ctx); err != nil {
		return t, t.NotApplied(err)
	}
	return t, nil
}

// Prefix is what precedes every key of the pool.
func (s *Store) Prefix() string { return s.prefix }

// CheckSize refuses a value over the pools' MaxValueBytes.
func (s *Store) CheckSize(t fault.Target, value string) error {
	if limit := s.MaxValueBytes(); len(value) > limit {
		return t.NotApplied(fmt.Errorf("%w: %d bytes, and Config.MaxValueBytes is %d", fault.ErrTooLarge, len(value), limit))
	}
	return nil
}

// MaxDecodedBytes is the pools' limit on the memory that reading one value
// takes.
func (s *Store) MaxDecodedBytes() int { return s.pools.MaxDecodedBytes() }

// MaxValueBytes is the pools' limit on one value.
func (s *Store) MaxValueBytes() int { return s.pools.MaxValueBytes() }

// FieldLifetimes reports whether the server has lifetimes of hash fields.
func (s *Store) FieldLifetimes() bool { return s.pools.SupportsFieldTTL(s.Alias) }

// Send sends one command of an operation. Every write to a record goes through
// Send, SendAll or a script, which see to it that nobody is given from the
// cache what was there before.
func (s *Store) Send(ctx context.Context, t fault.Target, cmd rueidis.Completed) rueidis.RedisResult {
	if t.Write {
		defer s.realm.Forget(t.Key)
	}
	return s.Client.Do(ctx, cmd)
}

// SendAll is Send for the commands of operations on several keys.
func (s *Store) SendAll(ctx context.Context, ts []fault.Target, cmds ...rueidis.Completed) []rueidis.RedisResult {
	defer s.forget(ts)
	return s.Client.DoMulti(ctx, cmds...)
}

// forget drops from the cache what was written to.
func (s *Store) forget(ts []fault.Target) {
	for _, t := range ts {
		if t.Write {
			s.realm.Forget(t.Key)
		}
	}
}

// Do sends one command whose replies have a shape.
func (s *Store) Do(ctx context.Context, t fault.Target, cmd rueidis.Completed, shape Shape) (rueidis.RedisMessage, error) {
	m, err := s.Send(ctx, t, cmd).ToMessage()
	if err != nil && !rueidis.IsRedisNil(err) {
		return m, t.Failed(err)
	}
	return m, shape.Check(t, m)
}

// Exists sends EXISTS.
func (s *Store) Exists(ctx context.Context, id string) (bool, error) {
	t, err := s.Begin(ctx, "Exists", id)
	if err != nil {
		return false, err
	}
	n, err := readInteger(t, s.Client.Do(ctx, s.Client.B().Exists().Key(t.Key).Build()), Flag)
	return n == 1, err
}

// TTL sends PTTL. Redis keeps longer lifetimes than a Duration holds: those are
// the longest one.
func (s *Store) TTL(ctx context.Context, id string) (time.Duration, error) {
	t, err := s.Begin(ctx, "TTL", id)
	if err != nil {
		return 0, err
	}
	ms, err := readInteger(t, s.Client.Do(ctx, s.Client.B().Pttl().Key(t.Key).Build()), Lifetime)
	switch {
	case err != nil:
		return 0, err
	case ms == -2:
		return 0, t.NotApplied(fault.ErrNotFound)
	case ms == -1:
		return NoExpiry, nil
	}
	return duration.FromMilliseconds(ms), nil
}

//go:embed lua/touch.lua
var touchSource string

var touchScript = NewScript(touchSource, Flag)

// Touch renews the lifetime and reports whether the record exists.
func (s *Store) Touch(ctx context.Context, id string) (bool, error) {
	t, err := s.BeginWrite(ctx, "Touch", id)
	if err != nil {
		return false, err
	}
	if err := cmp.Or(s.RefuseAbsent(t), s.RefuseVersion(t)); err != nil {
		return false, err
	}
	m, err := s.Run(ctx, t, touchScript, nil)
	if err != nil {
		return false, err
	}
	n, err := m.ToInt64()
	return n == 1, err
}

// Delete sends UNLINK for each id and counts the records that were there.
func (s *Store) Delete(ctx context.Context, ids ...string) (int64, error) {
	cmds := make(rueidis.Commands, 0, len(ids))
	targets := make([]fault.Target, 0, len(ids))
	for _, id := range ids {
		t, err := s.BeginWrite(ctx, "Delete", id)
		if err != nil {
			return 0, err
		}
		if err := s.RefuseAbsent(t); err != nil {
			return 0, err
		}
		targets = append(targets, t)
		cmds = append(cmds, s.Client.B().Unlink().Key(t.Key).Build())
	}
	if len(cmds) == 0 {
		return 0, nil
	}
	return sumFlags(targets, s.SendAll(ctx, targets, cmds...))
}

// RefuseVersion refuses IfVersion for an operation that does not look at it.
func (s *Store) RefuseVersion(t fault.Target) error {
	if s.Version != nil {
		return t.NotApplied(fmt.Errorf("%w: IfVersion does not apply to %s", fault.ErrUnsupported, t.Op))
	}
	return nil
}

// RefuseAbsent refuses IfAbsent for an operation that works on what exists.
// IfExists is no question there: such an operation creates nothing.
func (s *Store) RefuseAbsent(t fault.Target) error {
	if s.IfAbsent {
		return t.NotApplied(fmt.Errorf("%w: IfAbsent does not apply to %s", fault.ErrUnsupported, t.Op))
	}
	return nil
}

// Milliseconds is the lifetime in decimal, rounded up so that nothing ends
// early; "0" for none.
func (s *Store) LifetimeMilliseconds() string { return s.lifetimeMS }

// rule is the lifetime as the scripts and SET take it.
func (s *Store) lifetimeArguments() (condition, ms, keep string) {
	switch {
	case s.IfExists:
		condition = "exists"
	case s.IfAbsent:
		condition = "absent"
	}
	if s.Keep {
		keep = "1"
	}
	return condition, s.lifetimeMS, keep
}

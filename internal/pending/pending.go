package pending

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/acl"
	"github.com/symphony-go/symphony/internal/duration"
	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// Queue names a queue of a service.
type Queue struct{ Tenant, Entity, Action string }

// queueMember is the form of a queue in the index.
var queueMember = keyspace.MustCompile("{tenant}:{entity}:{action}")

// Member returns the member of the index that names the queue.
func (q Queue) Member() (string, error) { return queueMember.Key(q.Tenant, q.Entity, q.Action) }

// removalPrefix and a tenant, with the score 0, are a member of the index
// during the removal of the tenant from the pending set. If the removal stops
// halfway, the tenant is found there. No queue has such a member, since no
// tenant is empty.
const removalPrefix = ":"

// Idle is how long a queue without items stays in the index. It is much longer
// than the time after which a push notes its queue again.
const Idle = 10 * time.Second

//go:embed lua/states.lua
var statesSource string

var statesScript = rueidis.NewLuaScript(acl.RegisterScript(statesSource))

// Set is the pending set of one service and the index of its queues. Each
// member of the index is either a queue that may have items or a tenant whose
// removal from the pending set has begun.
type Set struct {
	*store.Store
	Service string
	list    keyspace.Pattern
}

// New returns the pending set of a service. The store has the space of the
// pending sets, and list is the pattern of the queues.
func New(s *store.Store, service string, list keyspace.Pattern) *Set {
	return &Set{s, service, list}
}

// CheckTenant returns an error of the operation op if a tenant cannot be in a
// key.
func (s *Set) CheckTenant(op, tenant string) error {
	if err := s.checkTenant(tenant); err != nil {
		return fault.Target{Op: op, Pool: s.Alias}.NotApplied(fmt.Errorf("%w; ForceRemoveFromPending removes a member of the set that is not a tenant", err))
	}
	return nil
}

// Target returns the target of an operation on the whole set.
func (s *Set) Target(op string) fault.Target {
	return fault.Target{Op: op, Pool: s.Alias, Write: true}
}

// checkTenant returns an error if a member of the pending set is not a tenant.
func (s *Set) checkTenant(member string) error {
	return s.list.CheckPart(0, member)
}

// checkQueue returns an error if a queue of the index cannot have a key.
func (s *Set) checkQueue(q Queue) error {
	_, err := s.list.Key(q.Tenant, s.Service, q.Entity, q.Action)
	return err
}

// Snapshot is the content of a [Set] at one time.
type Snapshot struct {
	Pending []string // tenants, sorted, with those whose removal has begun
	Queues  []Queue
	Foreign Foreign
}

// Foreign describes data in the set and the index that another program wrote.
// It is skipped.
type Foreign struct {
	Key     string   // the key of the pending set, as stored
	Set     error    // if not nil, the pending set holds another Redis type
	Index   error    // if not nil, the index holds another Redis type
	Tenants []string // members that are not tenants
	Entries []string // members of the index that do not name a queue
}

// Err returns an error that describes the foreign data and how to remove it. If
// there is none, Err returns nil.
func (f Foreign) Err() error {
	errs := []error{f.Set, f.Index}
	if len(f.Tenants) > 0 {
		errs = append(errs, fmt.Errorf("%w: the set %q has %d members that are not tenants, such as %.64q; "+
			"they are skipped; remove each with ForceRemoveFromPending", keyspace.ErrInvalidKey, f.Key, len(f.Tenants), f.Tenants[0]))
	}
	if len(f.Entries) > 0 {
		errs = append(errs, fmt.Errorf("%w: the index %q has %d members that do not name a queue, such as %.64q; "+
			"they are skipped; remove each with ForceRemoveFromPending", keyspace.ErrInvalidKey, keyspace.Beside(queuekey.Index, f.Key), len(f.Entries), f.Entries[0]))
	}
	return errors.Join(errs...)
}

// Snapshot returns the tenants and the queues. It sends SMEMBERS and ZRANGE,
// one round trip.
//
// If the pending set holds another Redis type, all tenants of the index count
// as pending. If the index holds another type, the snapshot has no queues;
// [Set.ScanQueues] finds them. If both hold another type, Snapshot returns an
// error.
func (s *Set) Snapshot(ctx context.Context, op string) (snap Snapshot, err error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return snap, err
	}
	results := s.Client.DoMulti(ctx,
		s.Client.B().Smembers().Key(t.Key).Build(),
		s.Client.B().Zrange().Key(index(t)).Min("0").Max("-1").Build())
	pending, errPending := store.ReadTexts(results[0])
	entries, errEntries := store.ReadTexts(results[1])
	errPending, errEntries = failed(t, errPending), failed(t.WithKey(index(t)), errEntries)
	snap.Foreign.Key = t.Key
	if errors.Is(errPending, fault.ErrWrongType) && errEntries == nil {
		snap.Foreign.Set, errPending = errPending, nil
	} else if errors.Is(errEntries, fault.ErrWrongType) && errPending == nil {
		snap.Foreign.Index, errEntries = errEntries, nil
	}
	if err := cmp.Or(errPending, errEntries); err != nil {
		return snap, err
	}
	for _, entry := range entries {
		if tenant, ok := strings.CutPrefix(entry, removalPrefix); ok {
			pending = append(pending, tenant)
		} else if q, ok := s.parseQueue(entry); ok {
			snap.Queues = append(snap.Queues, q)
			if snap.Foreign.Set != nil {
				pending = append(pending, q.Tenant)
			}
		} else {
			snap.Foreign.Entries = append(snap.Foreign.Entries, entry)
		}
	}
	slices.Sort(pending)
	for _, member := range slices.Compact(pending) {
		if s.checkTenant(member) == nil {
			snap.Pending = append(snap.Pending, member)
		} else {
			snap.Foreign.Tenants = append(snap.Foreign.Tenants, member)
		}
	}
	return snap, nil
}

// parseQueue returns the queue that a member of the index names. It reports
// false if the member does not name one.
func (s *Set) parseQueue(entry string) (Queue, bool) {
	parts, ok := queueMember.Parse(entry)
	if !ok {
		return Queue{}, false
	}
	q := Queue{parts[0], parts[1], parts[2]}
	return q, s.checkQueue(q) == nil
}

// failed returns the error of reading one key, or nil.
func failed(t fault.Target, err error) error {
	if err == nil {
		return nil
	}
	return t.Failed(err)
}

// Tenants returns the members of the pending set, sorted, with those whose
// removal has begun. It includes members that are not tenants. It sends
// SMEMBERS and ZRANGEBYSCORE, one round trip.
func (s *Set) Tenants(ctx context.Context, op string) ([]string, error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return nil, err
	}
	results := s.Client.DoMulti(ctx,
		s.Client.B().Smembers().Key(t.Key).Build(),
		s.Client.B().Zrangebyscore().Key(index(t)).Min("0").Max("0").Build())
	tenants, errTenants := store.ReadTexts(results[0])
	removals, errRemovals := store.ReadTexts(results[1])
	if err := cmp.Or(failed(t, errTenants), failed(t.WithKey(index(t)), errRemovals)); err != nil {
		return nil, err
	}
	for _, entry := range removals {
		if tenant, ok := strings.CutPrefix(entry, removalPrefix); ok {
			tenants = append(tenants, tenant)
		}
	}
	slices.Sort(tenants)
	return slices.Compact(tenants), nil
}

// State describes the items of a queue.
type State int64

// The states.
const (
	Empty   State = iota // it has no items
	Claimed              // all its items are claimed or delayed
	Waiting              // it has items for the next claim
)

// States returns the states of queues. It removes a queue from the index if it
// has no items and was not noted for the time [Idle]. It runs a script for each
// queue, in one pipeline.
//
// If the state of a queue cannot be read, it is [Waiting], so that a worker
// claims from the queue and meets the error. States returns the error beside
// the states.
func (s *Set) States(ctx context.Context, op string, queues []Queue) ([]State, error) {
	return s.states(ctx, op, queues, Idle, "")
}

// RemoveUnclaimed removes queues from the index even if they have waiting
// items. Queues with claimed or expired items remain, since workers find such
// items only by the index.
func (s *Set) RemoveUnclaimed(ctx context.Context, op string, queues []Queue) error {
	_, err := s.states(ctx, op, queues, 0, "1")
	return err
}

func (s *Set) states(ctx context.Context, op string, queues []Queue, idle time.Duration, force string) ([]State, error) {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil || len(queues) == 0 {
		return nil, err
	}
	calls := make([]rueidis.LuaExec, len(queues))
	for i, q := range queues {
		key, err := s.list.Key(q.Tenant, s.Service, q.Entity, q.Action)
		member, errMember := q.Member()
		if err := errors.Join(err, errMember); err != nil {
			return nil, t.NotApplied(err)
		}
		key = s.Prefix() + key
		calls[i].Keys = []string{
			key, keyspace.Beside(queuekey.Due, key), keyspace.Beside(queuekey.Again, key), keyspace.Beside(queuekey.Back, key), keyspace.Beside(queuekey.Age, key), index(t),
		}
		calls[i].Args = []string{member, duration.Milliseconds(idle), force}
	}
	states := make([]State, len(queues))
	var errs []error
	for i, result := range statesScript.ExecMulti(ctx, s.Client, calls...) {
		state, err := readState(result)
		if err != nil {
			errs = append(errs, t.WithKey(calls[i].Keys[0]).Failed(err))
		}
		states[i] = state
	}
	return states, summary(errs)
}

// readState returns the state in a reply of states.lua. If the reply has
// another shape, the state is Waiting.
func readState(r rueidis.RedisResult) (State, error) {
	m, err := r.ToMessage()
	if rueidis.IsRedisNil(err) || err == nil && !store.Count(m) {
		err = store.ErrShape
	}
	if err != nil {
		return Waiting, err
	}
	n, err := m.ToInt64()
	if state := State(n); err == nil && state <= Waiting {
		return state, nil
	}
	return Waiting, cmp.Or(err, store.ErrShape)
}

// BeginRemoval removes tenants from the pending set and notes their removal in
// the index, atomically. [Set.FinishRemoval] or [Set.Restore] must follow;
// until then, snapshots still hold the tenants.
func (s *Set) BeginRemoval(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		removals := s.Client.B().Zadd().Key(index(t)).ScoreMember()
		for _, tenant := range tenants {
			removals = removals.ScoreMember(0, removalPrefix+tenant)
		}
		return append(s.Tx(2), removals.Build(), s.Client.B().Srem().Key(t.Key).Member(tenants...).Build())
	})
}

// FinishRemoval ends a removal: it removes the tenants from the index.
func (s *Set) FinishRemoval(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		return append(s.Tx(1), s.Client.B().Zrem().Key(index(t)).Member(removalMembers(tenants)...).Build())
	})
}

// Remove removes a member from the pending set and from the index, atomically.
// The member is a tenant, whether or not its removal has begun, or foreign
// data.
func (s *Set) Remove(ctx context.Context, op, member string) error {
	return s.change(ctx, op, 1, func(t fault.Target) store.Tx {
		return append(s.Tx(2), s.Client.B().Srem().Key(t.Key).Member(member).Build(),
			s.Client.B().Zrem().Key(index(t)).Member(member, removalPrefix+member).Build())
	})
}

// Restore adds tenants to the pending set and undoes [Set.BeginRemoval],
// atomically.
func (s *Set) Restore(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		return append(s.Tx(2), s.Client.B().Sadd().Key(t.Key).Member(tenants...).Build(),
			s.Client.B().Zrem().Key(index(t)).Member(removalMembers(tenants)...).Build())
	})
}

// AddQueues adds queues to the index. It does not change queues that are there.
func (s *Set) AddQueues(ctx context.Context, op string, queues ...Queue) error {
	return s.change(ctx, op, len(queues), func(t fault.Target) store.Tx {
		now := float64(time.Now().UnixMilli())
		entries := s.Client.B().Zadd().Key(index(t)).Nx().ScoreMember()
		for _, q := range queues {
			if member, err := q.Member(); err == nil {
				entries = entries.ScoreMember(now, member)
			}
		}
		return append(s.Tx(1), entries.Build())
	})
}

// change sends a transaction on the pending set and the index, unless n, the
// number of its members, is 0. The two keys share a slot and have no lifetime.
func (s *Set) change(ctx context.Context, op string, n int, tx func(fault.Target) store.Tx) error {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil || n == 0 {
		return err
	}
	replies, err := store.ExecReplies(s.Client.DoMulti(ctx, append(tx(t), s.Client.B().Exec().Build())...))
	if err != nil {
		return t.Failed(err)
	}
	for _, reply := range replies {
		if err := store.Shape(store.Count).Check(t, reply); err != nil {
			return err
		}
	}
	return nil
}

// summary returns the first of the errors and the number of the others. There
// may be as many as there are queues.
func summary(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	return fmt.Errorf("%w (and %d more such errors)", errs[0], len(errs)-1)
}

// removalMembers returns the members of the index that note a removal of
// tenants.
func removalMembers(tenants []string) []string {
	out := make([]string, len(tenants))
	for i, tenant := range tenants {
		out[i] = removalPrefix + tenant
	}
	return out
}

// index returns the key of the index.
func index(t fault.Target) string { return keyspace.Beside(queuekey.Index, t.Key) }

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

// Queue tells a queue of a service from the others.
type Queue struct{ Tenant, Entity, Action string }

// members are the names as the index holds them.
var members = keyspace.MustCompile("{tenant}:{entity}:{action}")

// Member is the name as the index holds it.
func (n Queue) Member() (string, error) { return members.Key(n.Tenant, n.Entity, n.Action) }

// leaving is what precedes a tenant in the index, with the score 0, while it is
// taken out of the pending set: should that stop half-way, it is found there. No
// name looks like it, since no tenant is empty.
const leaving = ":"

// Idle is how long a queue stays in the index without items. It is much longer
// than what passes between two notes of one who pushes.
const Idle = 10 * time.Second

//go:embed lua/states.lua
var statesSource string

var statesScript = rueidis.NewLuaScript(acl.RegisterScript(statesSource))

// Set is the tenants and queues of one service that may have items: the
// pending set, which the Python package shares, and the index beside it.
type Set struct {
	*store.Store
	Service string
	list    keyspace.Pattern
}

// New makes the registry of a service. The space is that of the pending
// sets, list the pattern of the queues.
func New(s *store.Store, service string, list keyspace.Pattern) *Set {
	return &Set{s, service, list}
}

// CheckTenant refuses a tenant that cannot be in a key.
func (s *Set) CheckTenant(op, tenant string) error {
	if err := s.isTenant(tenant); err != nil {
		return fault.Target{Op: op, Pool: s.Alias}.NotApplied(fmt.Errorf("%w; ForceRemoveFromPending removes a member that is no tenant", err))
	}
	return nil
}

// Target names an operation on the registry.
func (s *Set) Target(op string) fault.Target {
	return fault.Target{Op: op, Pool: s.Alias, Write: true}
}

// isTenant is the reason why a member of the pending set is no tenant, if any.
func (s *Set) isTenant(member string) error {
	return s.list.CheckPart(0, member)
}

// isQueue is the same for a queue of the index.
func (s *Set) isQueue(q Queue) error {
	_, err := s.list.Key(q.Tenant, s.Service, q.Entity, q.Action)
	return err
}

// Snapshot is what the registry holds at one time.
type Snapshot struct {
	Pending []string // tenants, also those that are being taken out
	Queues  []Queue
	Foreign Foreign
}

// Foreign is what others wrote into the registry, which is passed over.
type Foreign struct {
	Key     string   // of the pending set, as stored
	Set     error    // why the pending set cannot be read, if it holds another type
	Index   error    // the same of the index
	Tenants []string // members of the pending set that are no tenants
	Entries []string // members of the index that name no queue
}

// Err is nil if there is nothing foreign. Otherwise it says what there is, and how
// to remove it.
func (f Foreign) Err() error {
	errs := []error{f.Set, f.Index}
	if len(f.Tenants) > 0 {
		errs = append(errs, fmt.Errorf("%w: the set %q has %d members that are no tenants, such as %.64q; "+
			"they are passed over, and ForceRemoveFromPending removes one", keyspace.ErrInvalidKey, f.Key, len(f.Tenants), f.Tenants[0]))
	}
	if len(f.Entries) > 0 {
		errs = append(errs, fmt.Errorf("%w: the index %q has %d members that name no queue, such as %.64q; "+
			"they are passed over, and ForceRemoveFromPending removes one", keyspace.ErrInvalidKey, keyspace.Beside(queuekey.Index, f.Key), len(f.Entries), f.Entries[0]))
	}
	return errors.Join(errs...)
}

// Snapshot reads the registry: SMEMBERS and ZRANGE. If the pending set holds another
// type, the tenants of the index count as pending. If the index does, there are no
// queues in the snapshot; Scan finds them. If both do, that is an error.
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
	errPending, errEntries = at(t, errPending), at(t.WithKey(index(t)), errEntries)
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
		if tenant, ok := strings.CutPrefix(entry, leaving); ok {
			pending = append(pending, tenant)
		} else if q, ok := s.queue(entry); ok {
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
		if s.isTenant(member) == nil {
			snap.Pending = append(snap.Pending, member)
		} else {
			snap.Foreign.Tenants = append(snap.Foreign.Tenants, member)
		}
	}
	return snap, nil
}

// queue reads a member of the index.
func (s *Set) queue(entry string) (Queue, bool) {
	parts, ok := members.Parse(entry)
	if !ok {
		return Queue{}, false
	}
	q := Queue{parts[0], parts[1], parts[2]}
	return q, s.isQueue(q) == nil
}

// at is the error of reading one key of several.
func at(t fault.Target, err error) error {
	if err == nil {
		return nil
	}
	return t.Failed(err)
}

// Tenants lists the members of the pending set alone, sorted, those that are no
// tenants too: SMEMBERS and ZRANGEBYSCORE.
func (s *Set) Tenants(ctx context.Context, op string) ([]string, error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return nil, err
	}
	results := s.Client.DoMulti(ctx,
		s.Client.B().Smembers().Key(t.Key).Build(),
		s.Client.B().Zrangebyscore().Key(index(t)).Min("0").Max("0").Build())
	tenants, errTenants := store.ReadTexts(results[0])
	parting, errParting := store.ReadTexts(results[1])
	if err := cmp.Or(at(t, errTenants), at(t.WithKey(index(t)), errParting)); err != nil {
		return nil, err
	}
	for _, entry := range parting {
		if tenant, ok := strings.CutPrefix(entry, leaving); ok {
			tenants = append(tenants, tenant)
		}
	}
	slices.Sort(tenants)
	return slices.Compact(tenants), nil
}

// State is what a queue has.
type State int64

// The states.
const (
	Empty   State = iota
	Claimed       // items that are worked on alone
	Waiting       // items for the next claim
)

// States looks at queues, pipelined, and drops those from the index that have
// long had no items. A queue whose state cannot be read counts as waiting, and the
// joined error has its reason: the claim of a worker finds out.
func (s *Set) States(ctx context.Context, op string, queues []Queue) ([]State, error) {
	return s.states(ctx, op, queues, Idle, "")
}

// RemoveUnclaimed takes queues out of the index whose items only wait; those with claims
// stay, since whoever lapses is found there.
func (s *Set) RemoveUnclaimed(ctx context.Context, op string, queues []Queue) error {
	_, err := s.states(ctx, op, queues, 0, "1")
	return err
}

func (s *Set) states(ctx context.Context, op string, queues []Queue, after time.Duration, force string) ([]State, error) {
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
		calls[i].Args = []string{member, duration.Milliseconds(after), force}
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
	return states, few(errs)
}

// readState reads a result of states.lua. If it cannot be read, the state is
// Waiting.
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

// BeginRemoval takes tenants out of the pending set, but not out of sight: FinishRemoval or
// Restore must follow.
func (s *Set) BeginRemoval(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		marks := s.Client.B().Zadd().Key(index(t)).ScoreMember()
		for _, tenant := range tenants {
			marks = marks.ScoreMember(0, leaving+tenant)
		}
		return append(s.Tx(2), marks.Build(), s.Client.B().Srem().Key(t.Key).Member(tenants...).Build())
	})
}

// FinishRemoval ends what BeginRemoval began.
func (s *Set) FinishRemoval(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		return append(s.Tx(1), s.Client.B().Zrem().Key(index(t)).Member(parting(tenants)...).Build())
	})
}

// Remove takes a member out of the pending set and out of the index, whatever it
// is: a tenant that BeginRemoval began to take out, or what something else wrote.
func (s *Set) Remove(ctx context.Context, op, member string) error {
	return s.change(ctx, op, 1, func(t fault.Target) store.Tx {
		return append(s.Tx(2), s.Client.B().Srem().Key(t.Key).Member(member).Build(),
			s.Client.B().Zrem().Key(index(t)).Member(member, leaving+member).Build())
	})
}

// Restore puts tenants into the pending set, and undoes BeginRemoval.
func (s *Set) Restore(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		return append(s.Tx(2), s.Client.B().Sadd().Key(t.Key).Member(tenants...).Build(),
			s.Client.B().Zrem().Key(index(t)).Member(parting(tenants)...).Build())
	})
}

// AddQueues puts queues into the index that are not there.
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

// change sends a transaction on the pending set and the index, which share a
// slot and have no lifetime.
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

// few joins errors that may be as many as there are queues: the first, and how
// many there are.
func few(errs []error) error {
	if len(errs) < 2 {
		return errors.Join(errs...)
	}
	return fmt.Errorf("%w (and %d more such errors)", errs[0], len(errs)-1)
}

func parting(tenants []string) []string {
	out := make([]string, len(tenants))
	for i, tenant := range tenants {
		out[i] = leaving + tenant
	}
	return out
}

func index(t fault.Target) string { return keyspace.Beside(queuekey.Index, t.Key) }

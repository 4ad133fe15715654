package pending

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// Queue names a queue of a service.
type Queue struct{ Tenant, Entity, Action string }

// queueMember is the form of a queue in the schedule.
var queueMember = keyspace.MustCompile("{tenant}:{entity}:{action}")

// Member returns the member of the schedule that names the queue.
func (q Queue) Member() (string, error) { return queueMember.Key(q.Tenant, q.Entity, q.Action) }

// Set is the pending set of one service and the schedule of its queues.
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

// checkQueue returns an error if a queue of the schedule cannot have a key.
func (s *Set) checkQueue(q Queue) error {
	_, err := s.list.Key(q.Tenant, s.Service, q.Entity, q.Action)
	return err
}

// parseQueue returns the queue that a member of the schedule names. It reports
// false if the member does not name one.
func (s *Set) parseQueue(member string) (Queue, bool) {
	parts, ok := queueMember.Parse(member)
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
	results := s.Client.DoMulti(t.In(ctx),
		s.Client.B().Smembers().Key(t.Key).Build(),
		s.Client.B().Zrangebyscore().Key(drained(t)).Min("0").Max("0").Build())
	tenants, errTenants := store.ReadTexts(results[0])
	removals, errRemovals := store.ReadTexts(results[1])
	if err := cmp.Or(failed(t, errTenants), failed(t.WithKey(drained(t)), errRemovals)); err != nil {
		return nil, err
	}
	for _, text := range removals {
		if tenant, ok := UnescapeTenant(text); ok {
			tenants = append(tenants, tenant)
		}
	}
	slices.Sort(tenants)
	return slices.Compact(tenants), nil
}

// Members are the members of a pending set.
type Members struct {
	Tenants []string // sorted

	// Foreign describes members that are not tenants and how to remove them;
	// nil if there are none.
	Foreign error
}

// Members returns the members of the pending set. It sends SSCAN.
func (s *Set) Members(ctx context.Context, op string) (m Members, err error) {
	t, err := s.Begin(ctx, op, s.Service)
	if err != nil {
		return m, err
	}
	var foreign []string
	for cursor := uint64(0); ; {
		page, err := store.ReadScan(s.Client.Do(t.In(ctx), s.Client.B().Sscan().Key(t.Key).Cursor(cursor).Count(1000).Build()))
		if err != nil {
			return m, t.Failed(err)
		}
		for _, member := range page.Elements {
			if s.checkTenant(member) == nil {
				m.Tenants = append(m.Tenants, member)
			} else {
				foreign = append(foreign, member)
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	slices.Sort(m.Tenants)
	m.Tenants = slices.Compact(m.Tenants)
	slices.Sort(foreign)
	if foreign = slices.Compact(foreign); len(foreign) > 0 {
		m.Foreign = fmt.Errorf("%w: the set %q has %d members that are not tenants, such as %.64q; "+
			"they are skipped; remove each with ForceRemoveFromPending", keyspace.ErrInvalidKey, t.Key, len(foreign), foreign[0])
	}
	return m, nil
}

// BeginRemoval removes tenants from the pending set and notes their removal in
// the schedule, atomically. [Set.EndRemoval] must follow; until then,
// [Set.Tenants] still has the tenants, and [Set.Take] returns them.
func (s *Set) BeginRemoval(ctx context.Context, op string, tenants ...string) error {
	return s.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		removals := s.Client.B().Zadd().Key(drained(t)).ScoreMember()
		for _, tenant := range tenants {
			removals = removals.ScoreMember(0, EscapeTenant(tenant))
		}
		return append(s.Tx(2), removals.Build(), s.Client.B().Srem().Key(t.Key).Member(tenants...).Build())
	})
}

// Removal is the removal of a tenant from the pending set that has begun.
type Removal struct {
	Tenant   string
	HasItems bool // whether items were found after it began
}

// EndRemoval ends removals and reports for each whether the tenant was
// restored: because it has items, or has a queue in the schedule by now. It
// sends one script for every thousand removals.
func (s *Set) EndRemoval(ctx context.Context, op string, removals ...Removal) (restored []bool, err error) {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil {
		return nil, err
	}
	keys := []string{TenantsKey(t.Key), t.Key, drained(t)}
	for page := range slices.Chunk(removals, 1000) {
		var args []string
		for _, r := range page {
			hasItems := ""
			if r.HasItems {
				hasItems = "1"
			}
			args = append(args, r.Tenant, EscapeTenant(r.Tenant), hasItems)
		}
		reply, err := endRemovalScript.Exec(t.In(ctx), s.Client, keys, args).ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			return nil, t.Failed(err)
		}
		flags, err := reply.ToArray()
		if err != nil || len(flags) != len(page) {
			return nil, t.Applied(store.ErrShape)
		}
		for _, flag := range flags {
			n, err := flag.AsInt64()
			if err != nil || n != 0 && n != 1 {
				return nil, t.Applied(store.ErrShape)
			}
			restored = append(restored, n == 1)
		}
	}
	return restored, nil
}

// Remove removes a member from the pending set, and ends its removal if it has
// begun, atomically. The member is a tenant or foreign data.
func (s *Set) Remove(ctx context.Context, op, member string) error {
	return s.change(ctx, op, 1, func(t fault.Target) store.Tx {
		return append(s.Tx(2), s.Client.B().Srem().Key(t.Key).Member(member).Build(),
			s.Client.B().Zrem().Key(drained(t)).Member(EscapeTenant(member)).Build())
	})
}

// change sends a transaction on the pending set and the schedule, unless n,
// the number of its members, is 0. The keys share a slot and have no
// lifetime.
func (s *Set) change(ctx context.Context, op string, n int, tx func(fault.Target) store.Tx) error {
	t, err := s.BeginWrite(ctx, op, s.Service)
	if err != nil || n == 0 {
		return err
	}
	replies, err := store.ExecReplies(s.Client.DoMulti(t.In(ctx), append(tx(t), s.Client.B().Exec().Build())...))
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

// escapeAll returns the forms of tenants in the schedule.
func escapeAll(tenants []string) []string {
	out := make([]string, len(tenants))
	for i, tenant := range tenants {
		out[i] = EscapeTenant(tenant)
	}
	return out
}

// drained returns the key of the drained tenants.
func drained(t fault.Target) string { return keyspace.Beside(queuekey.Drained, t.Key) }

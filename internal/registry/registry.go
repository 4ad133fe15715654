package registry

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/right"
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

//go:embed lua/standing.lua
var standingSource string

var standingScript = rueidis.NewLuaScript(right.Script(standingSource))

// Registry is the tenants and queues of one service that may have items: the
// pending set, which the Python package shares, and the index beside it.
type Registry struct {
	*store.Store
	Service string
	list    keyspace.Pattern
}

// New makes the registry of a service. The space is that of the pending
// sets, list the pattern of the queues.
func New(s *store.Store, service string, list keyspace.Pattern) *Registry {
	return &Registry{s, service, list}
}

// Check refuses a tenant that cannot be in a key.
func (r *Registry) Check(op, tenant string) error {
	if _, err := r.list.Key(tenant, r.Service, "entity", "action"); err != nil {
		return fault.Target{Op: op, Pool: r.Alias}.Refuse(err)
	}
	return nil
}

// Snapshot is what the registry holds at one time.
type Snapshot struct {
	Pending []string // tenants, also those that are being taken out
	Queues  []Queue
}

// Snapshot reads the registry: SMEMBERS and ZRANGE.
func (r *Registry) Snapshot(ctx context.Context, op string) (snap Snapshot, err error) {
	t, err := r.Begin(ctx, op, r.Service)
	if err != nil {
		return snap, err
	}
	results := r.Client.DoMulti(ctx,
		r.Client.B().Smembers().Key(t.Key).Build(),
		r.Client.B().Zrange().Key(index(t)).Min("0").Max("-1").Build())
	pending, errPending := results[0].AsStrSlice()
	entries, errEntries := results[1].AsStrSlice()
	if err := cmp.Or(errPending, errEntries); err != nil {
		return snap, t.Sent(err)
	}
	for _, entry := range entries {
		if tenant, ok := strings.CutPrefix(entry, leaving); ok {
			pending = append(pending, tenant)
		} else if parts, ok := members.Parse(entry); ok {
			snap.Queues = append(snap.Queues, Queue{parts[0], parts[1], parts[2]})
		}
	}
	slices.Sort(pending)
	snap.Pending = slices.Compact(pending)
	return snap, nil
}

// Pending lists the tenants alone, sorted: SMEMBERS and ZRANGEBYSCORE.
func (r *Registry) Pending(ctx context.Context, op string) ([]string, error) {
	t, err := r.Begin(ctx, op, r.Service)
	if err != nil {
		return nil, err
	}
	results := r.Client.DoMulti(ctx,
		r.Client.B().Smembers().Key(t.Key).Build(),
		r.Client.B().Zrangebyscore().Key(index(t)).Min("0").Max("0").Build())
	tenants, errTenants := results[0].AsStrSlice()
	parting, errParting := results[1].AsStrSlice()
	if err := cmp.Or(errTenants, errParting); err != nil {
		return nil, t.Sent(err)
	}
	for _, entry := range parting {
		tenants = append(tenants, strings.TrimPrefix(entry, leaving))
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
// long had no items.
func (r *Registry) States(ctx context.Context, op string, queues []Queue) ([]State, error) {
	return r.states(ctx, op, queues, Idle, "")
}

// Drop takes queues out of the index whose items only wait; those with claims
// stay, since whoever lapses is found there.
func (r *Registry) Drop(ctx context.Context, op string, queues []Queue) error {
	_, err := r.states(ctx, op, queues, 0, "1")
	return err
}

func (r *Registry) states(ctx context.Context, op string, queues []Queue, after time.Duration, force string) ([]State, error) {
	t, err := r.BeginWrite(ctx, op, r.Service)
	if err != nil || len(queues) == 0 {
		return nil, err
	}
	calls := make([]rueidis.LuaExec, len(queues))
	for i, q := range queues {
		key, err := r.list.Key(q.Tenant, r.Service, q.Entity, q.Action)
		member, errMember := q.Member()
		if err := errors.Join(err, errMember); err != nil {
			return nil, t.Refuse(err)
		}
		key = r.Prefix() + key
		calls[i].Keys = []string{
			key, keyspace.Beside(Due, key), keyspace.Beside(Again, key), keyspace.Beside(Back, key), keyspace.Beside(Age, key), index(t),
		}
		calls[i].Args = []string{member, strconv.FormatInt(after.Milliseconds(), 10), force}
	}
	states := make([]State, len(queues))
	for i, result := range standingScript.ExecMulti(ctx, r.Client, calls...) {
		n, err := result.AsInt64()
		if err != nil {
			return nil, t.Sent(err)
		}
		states[i] = State(n)
	}
	return states, nil
}

// Leave takes tenants out of the pending set, but not out of sight: Gone or
// Return must follow.
func (r *Registry) Leave(ctx context.Context, op string, tenants ...string) error {
	return r.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		marks := r.Client.B().Zadd().Key(index(t)).ScoreMember()
		for _, tenant := range tenants {
			marks = marks.ScoreMember(0, leaving+tenant)
		}
		return append(r.Tx(2), marks.Build(), r.Client.B().Srem().Key(t.Key).Member(tenants...).Build())
	})
}

// Gone ends what Leave began.
func (r *Registry) Gone(ctx context.Context, op string, tenants ...string) error {
	return r.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		return append(r.Tx(1), r.Client.B().Zrem().Key(index(t)).Member(parting(tenants)...).Build())
	})
}

// Return puts tenants into the pending set, and undoes Leave.
func (r *Registry) Return(ctx context.Context, op string, tenants ...string) error {
	return r.change(ctx, op, len(tenants), func(t fault.Target) store.Tx {
		return append(r.Tx(2), r.Client.B().Sadd().Key(t.Key).Member(tenants...).Build(),
			r.Client.B().Zrem().Key(index(t)).Member(parting(tenants)...).Build())
	})
}

// Note puts queues into the index that are not there.
func (r *Registry) Note(ctx context.Context, op string, queues ...Queue) error {
	return r.change(ctx, op, len(queues), func(t fault.Target) store.Tx {
		now := float64(time.Now().UnixMilli())
		entries := r.Client.B().Zadd().Key(index(t)).Nx().ScoreMember()
		for _, q := range queues {
			if member, err := q.Member(); err == nil {
				entries = entries.ScoreMember(now, member)
			}
		}
		return append(r.Tx(1), entries.Build())
	})
}

// change sends a transaction on the pending set and the index, which share a
// slot and have no lifetime.
func (r *Registry) change(ctx context.Context, op string, n int, tx func(fault.Target) store.Tx) error {
	t, err := r.BeginWrite(ctx, op, r.Service)
	if err != nil || n == 0 {
		return err
	}
	if _, err := store.Exec(r.Client.DoMulti(ctx, append(tx(t), r.Client.B().Exec().Build())...)); err != nil {
		return t.Sent(err)
	}
	return nil
}

func parting(tenants []string) []string {
	out := make([]string, len(tenants))
	for i, tenant := range tenants {
		out[i] = leaving + tenant
	}
	return out
}

func index(t fault.Target) string { return keyspace.Beside(Index, t.Key) }

package inspect

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// QueueName names a queue of a tenant.
type QueueName struct {
	Tenant  string `json:"tenant"`
	Service string `json:"service"`
	Entity  string `json:"entity"`
	Action  string `json:"action"`
}

// parts returns the parts of the key of the queue.
func (n QueueName) parts() []string { return []string{n.Tenant, n.Service, n.Entity, n.Action} }

// queue returns the name without the tenant.
func (n QueueName) queue() symphony.Queue {
	return symphony.Queue{Service: n.Service, Entity: n.Entity, Action: n.Action}
}

// Filter selects queues or triggers. An empty part matches any.
type Filter struct {
	QueueName
	Pool pool.Alias // empty: the pool on which the constructors put them
}

// matches reports whether the filter selects a queue.
func (f Filter) matches(n QueueName) bool {
	for i, part := range f.parts() {
		if part != "" && part != n.parts()[i] {
			return false
		}
	}
	return true
}

func (f Filter) handlers() pool.Alias { return cmp.Or(f.Pool, pool.Handlers) }

// batch returns the queues of a tenant, with items as they are stored.
func (f Filter) batch(pools *pool.Pools, tenant string) (*symphony.Batch[[]byte], error) {
	return symphony.NewBatch[[]byte](pools, tenant, symphony.On(f.handlers()))
}

// Queue is a queue with the numbers of its items.
type Queue struct {
	QueueName

	Waiting  int64     `json:"waiting"`
	InFlight int64     `json:"in_flight"`
	Dead     int64     `json:"dead"`
	Oldest   Lifetime  `json:"oldest"`         // the age of the oldest item, in seconds
	Ready    time.Time `json:"ready,omitzero"` // when a claim finds items
}

// Queues iterates over the queues that a filter selects, in no particular
// order. If the filter has a service, it takes them from the schedule of the
// service, so the cost does not depend on the size of the database, and queues
// that hold dead letters alone are missing. Otherwise, and if scan is set, it
// finds them with SCAN over the whole database. It sends a script for each
// queue.
//
// If a part of the filter cannot be part of a key, Queues returns
// symphony.ErrInvalidKey. An error ends the loop.
func Queues(ctx context.Context, pools *pool.Pools, f Filter, scan bool) iter.Seq2[Queue, error] {
	return func(yield func(Queue, error) bool) {
		names := scheduledQueues(ctx, pools, f)
		if scan || f.Service == "" {
			names = scanQueues(ctx, pools, f, holdsItems)
		}
		for name, err := range names {
			q := Queue{QueueName: name}
			if err == nil {
				err = q.read(ctx, pools, f)
			}
			if !yield(q, err) || err != nil {
				return
			}
		}
	}
}

// read reads the numbers of the queue.
func (q *Queue) read(ctx context.Context, pools *pool.Pools, f Filter) error {
	batch, err := f.batch(pools, q.Tenant)
	if err != nil {
		return err
	}
	b, err := batch.Backlog(ctx, q.queue())
	q.Waiting, q.InFlight, q.Dead, q.Oldest, q.Ready = b.Waiting, b.Claimed, b.Dead, Lifetime(b.Oldest), b.Ready
	return err
}

// scheduledQueues iterates over queues in the schedule of a service.
func scheduledQueues(ctx context.Context, pools *pool.Pools, f Filter) iter.Seq2[QueueName, error] {
	return func(yield func(QueueName, error) bool) {
		tenants := []string{f.Tenant}
		if f.Tenant == "" {
			var err error
			if tenants, err = symphony.PendingTenants(ctx, pools, f.Service, symphony.On(f.handlers())); err != nil {
				yield(QueueName{}, err)
				return
			}
		}
		for _, tenant := range tenants {
			batch, err := f.batch(pools, tenant)
			var queues []symphony.Queue
			if err == nil {
				queues, err = batch.Queues(ctx, f.Service)
			}
			if err != nil {
				yield(QueueName{}, err)
				return
			}
			for _, q := range queues {
				if n := (QueueName{tenant, q.Service, q.Entity, q.Action}); f.matches(n) && !yield(n, nil) {
					return
				}
			}
		}
	}
}

// holdsItems reports whether a key beside a queue holds items or dead letters.
func holdsItems(kind string) bool {
	return kind == "again" || kind == "delayed" || kind == "due" || holdsDead(kind)
}

// holdsDead reports whether a key beside a queue holds dead letters.
func holdsDead(kind string) bool { return kind == "dead" }

// scanQueues iterates over queues that have a key beside them of which beside
// is true, or items in their list. It yields each once, and holds their names.
// If the filter has all parts, it yields the queue and sends nothing.
func scanQueues(ctx context.Context, pools *pool.Pools, f Filter, beside func(kind string) bool) iter.Seq2[QueueName, error] {
	return func(yield func(QueueName, error) bool) {
		pattern := pools.Layout().BatchList
		globs := f.parts()
		for i, part := range globs {
			if part == "" {
				globs[i] = keyspace.Any
			} else if err := pattern.CheckPart(i, part); err != nil {
				yield(QueueName{}, err)
				return
			}
		}
		if !slices.Contains(f.parts(), "") {
			yield(f.QueueName, nil)
			return
		}
		seen := map[QueueName]bool{}
		for page, err := range scan(ctx, pools, f.handlers(), "*"+pattern.Glob(globs...)+"*") {
			if err != nil {
				yield(QueueName{}, err)
				return
			}
			for _, key := range page {
				kind, record, isBeside := keyspace.ParseBeside(key)
				if !isBeside {
					kind, record = "", key
				}
				parts, ok := pattern.Parse(strings.TrimPrefix(record, pools.Prefix(f.handlers())))
				if !ok || isBeside && !beside(kind) || !isBeside && !beside("again") {
					continue
				}
				n := QueueName{parts[0], parts[1], parts[2], parts[3]}
				if seen[n] || !f.matches(n) {
					continue
				}
				seen[n] = true
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}

package symphony

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// PendingTenants lists the tenants that are marked pending for a service,
// sorted: SMEMBERS. Errors: ErrInvalidKey; ErrUnknownPool; an option that is
// bad or does not apply.
func PendingTenants(ctx context.Context, pools *pool.Pools, service string, opts ...Option) ([]string, error) {
	p, err := pendingOf(pools, service, opts)
	if err != nil {
		return nil, err
	}
	t, err := p.Begin(ctx, "PendingTenants", service)
	if err != nil {
		return nil, err
	}
	tenants, err := p.Client.Do(ctx, p.Client.B().Smembers().Key(t.Key).Build()).AsStrSlice()
	if err != nil {
		return nil, t.Sent(err)
	}
	slices.Sort(tenants)
	return tenants, nil
}

// RemoveFromPending takes a tenant out of a service's pending set unless one
// of its queues there has items: it looks, removes (SREM), looks again and adds
// back (SADD), so that an Enqueue between is not forgotten. It reports true
// where the tenant is not pending any more, and false, with the tenant still
// pending, while there are items. Looking is a SCAN.
func RemoveFromPending(ctx context.Context, pools *pool.Pools, service, tenant string, opts ...Option) (bool, error) {
	p, err := pendingOf(pools, service, opts)
	if err != nil {
		return false, err
	}
	queues, err := p.queuesOf(tenant)
	if err != nil {
		return false, err
	}
	t, err := p.BeginWrite(ctx, "RemoveFromPending", service)
	if err != nil {
		return false, err
	}
	if busy, err := p.busy(ctx, queues); err != nil || busy {
		return false, err
	}
	busy := false
	if _, err = p.Do(ctx, t, p.Client.B().Srem().Key(t.Key).Member(tenant).Build()); err == nil {
		busy, err = p.busy(ctx, queues)
	}
	if err != nil || busy {
		_, back := p.Do(context.WithoutCancel(ctx), t, p.Client.B().Sadd().Key(t.Key).Member(tenant).Build())
		return false, errors.Join(err, back)
	}
	return true, nil
}

// pending is the set of tenants that wait for one service.
type pending struct {
	*store.Store
	service string
	list    keyspace.Pattern
}

func pendingOf(pools *pool.Pools, service string, opts []Option) (*pending, error) {
	keys, rest, err := batchPatterns(pools, opts)
	if err != nil {
		return nil, err
	}
	services, err := keys.pending.Bind()
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	set, err := store.New(pools, pool.Handlers, services, store.Spec{Kind: store.Set, Traits: option.Lifetimes | option.Bounds}, rest...)
	if err != nil {
		return nil, err
	}
	return &pending{set, service, keys.list}, nil
}

// busy reports whether any of the queues exists, which is to say has items.
func (p *pending) busy(ctx context.Context, queues queuesOf) (bool, error) {
	for _, err := range p.Scan(ctx, "RemoveFromPending", store.List, queues, nil) {
		return err == nil, err
	}
	return false, nil
}

// queuesOf are a tenant's queues of one service.
type queuesOf struct {
	list            keyspace.Pattern
	tenant, service string
}

func (p *pending) queuesOf(tenant string) (queuesOf, error) {
	if _, err := p.list.Key(tenant, p.service, "entity", "action"); err != nil {
		return queuesOf{}, fault.Target{Op: "RemoveFromPending", Pool: p.Alias}.Refuse(err)
	}
	return queuesOf{p.list, tenant, p.service}, nil
}

// Glob matches every queue of the tenant and the service, and maybe more.
func (q queuesOf) Glob() string { return q.list.Glob(q.tenant, q.service, keyspace.Any, keyspace.Any) }

// ID is the key itself, for the queues of the tenant and the service alone.
// Python's keys cannot be told apart for sure, so there a doubtful one counts:
// a tenant may stay pending without need, and is not forgotten.
func (q queuesOf) ID(key string) (string, bool) {
	if q.list.IsPython() {
		return key, true
	}
	parts, ok := q.list.Parse(key)
	return key, ok && parts[0] == q.tenant && parts[1] == q.service
}

package symphony

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/registry"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// PendingTenants lists the tenants that are pending for a service, sorted:
// SMEMBERS, and ZRANGEBYSCORE for those that RemoveFromPending is about to take
// out. Errors: ErrInvalidKey; ErrUnknownPool; an option that is bad or does not
// apply.
func PendingTenants(ctx context.Context, pools *pool.Pools, service string, opts ...Option) ([]string, error) {
	r, err := registryOf(pools, service, opts)
	if err != nil {
		return nil, err
	}
	return r.Pending(ctx, "PendingTenants")
}

// RemoveFromPending takes a tenant out of a service's pending set unless one
// of its queues there has items, waiting or claimed: it looks, removes (SREM),
// looks again and adds back (SADD), so that an Enqueue between is not forgotten.
// Should the process die on the way, the tenant still counts as pending. It
// reports true where the tenant is not pending any more, and false, with the
// tenant still pending, while there are items. Looking is a script for each known
// queue, and a SCAN for those that only the Python package filled.
func RemoveFromPending(ctx context.Context, pools *pool.Pools, service, tenant string, opts ...Option) (bool, error) {
	r, err := removal(pools, service, tenant, opts)
	if err != nil {
		return false, err
	}
	if busy, err := hasItems(ctx, r, tenant); err != nil || busy {
		return false, err
	}
	if err := r.Leave(ctx, removing, tenant); err != nil {
		return false, err
	}
	busy, err := hasItems(ctx, r, tenant)
	if err != nil || busy {
		return false, errors.Join(err, r.Return(context.WithoutCancel(ctx), removing, tenant))
	}
	return true, r.Gone(ctx, removing, tenant)
}

// ForceRemoveFromPending takes a tenant out of a service's pending set whatever
// its queues hold, as the Python package does: SREM, and a script for each known
// queue that takes it out of the index. Items that wait are found again with the
// next Enqueue to their queue; those that are claimed, when their lease lapses.
func ForceRemoveFromPending(ctx context.Context, pools *pool.Pools, service, tenant string, opts ...Option) error {
	r, err := removal(pools, service, tenant, opts)
	if err != nil {
		return err
	}
	if err := r.Leave(ctx, removing, tenant); err != nil {
		return err
	}
	queues, err := queuesOf(ctx, r, tenant)
	if err != nil {
		return err
	}
	return errors.Join(r.Drop(ctx, removing, queues), r.Gone(ctx, removing, tenant))
}

const removing = "RemoveFromPending"

func removal(pools *pool.Pools, service, tenant string, opts []Option) (*registry.Registry, error) {
	r, err := registryOf(pools, service, opts)
	if err == nil {
		err = r.Check(removing, tenant)
	}
	return r, err
}

// hasItems reports whether a tenant has items of the registry's service.
func hasItems(ctx context.Context, r *registry.Registry, tenant string) (bool, error) {
	queues, err := queuesOf(ctx, r, tenant)
	if err != nil {
		return false, err
	}
	states, err := r.States(ctx, removing, queues)
	if err != nil || slices.ContainsFunc(states, func(s registry.State) bool { return s != registry.Empty }) {
		return err == nil, err
	}
	found, err := r.Scan(ctx, removing, tenant)
	return len(found) > 0, err
}

// queuesOf are the queues of a tenant that the registry knows.
func queuesOf(ctx context.Context, r *registry.Registry, tenant string) ([]registry.Queue, error) {
	snap, err := r.Snapshot(ctx, removing)
	return slices.DeleteFunc(snap.Queues, func(q registry.Queue) bool { return q.Tenant != tenant }), err
}

func registryOf(pools *pool.Pools, service string, opts []Option) (*registry.Registry, error) {
	keys, rest, err := batchPatterns(pools, opts)
	if err != nil {
		return nil, err
	}
	return newRegistry(pools, keys, service, rest)
}

func newRegistry(pools *pool.Pools, keys batchKeys, service string, opts []Option) (*registry.Registry, error) {
	sets, err := keys.pending.Bind()
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	traits := option.Lifetimes | option.Bounds | option.Working
	s, err := store.New(pools, pool.Handlers, sets, store.Spec{Kind: store.Set, Traits: traits}, opts...)
	if err != nil {
		return nil, err
	}
	r := registry.New(s, service, keys.list)
	if _, err := keys.pending.Key(service); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return r, nil
}

package symphony

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/pool"
)

// PendingTenants returns the members of a service's pending set, sorted: the
// tenants that are pending. SMEMBERS, and ZRANGEBYSCORE for those that
// RemoveFromPending is about to take out. A member that is no tenant, because
// something else wrote it, is returned too: ForceRemoveFromPending removes it.
//
// If the service cannot be in a key, ErrInvalidKey. If the set holds another Redis
// type, ErrWrongType. If the pool is unknown, ErrUnknownPool.
func PendingTenants(ctx context.Context, pools *pool.Pools, service string, opts ...Option) ([]string, error) {
	r, err := pendingSetOf(pools, service, opts)
	if err != nil {
		return nil, err
	}
	return r.Tenants(ctx, "PendingTenants")
}

// RemoveFromPending takes a tenant out of a service's pending set unless one of
// its queues there has items, waiting or claimed. It checks the queues, removes the
// tenant (SREM), checks again, and restores it (SADD) if items arrived in between.
// If the process dies on the way, the tenant still counts as pending. It reports
// whether the tenant is not pending any more: false while there are items. A check
// is a script for each known queue, and a SCAN for those that only the Python
// package filled.
//
// If the tenant or the service cannot be in a key, ErrInvalidKey. If a step fails
// after the tenant was removed and it cannot be restored, the error's MaybeApplied
// is true.
func RemoveFromPending(ctx context.Context, pools *pool.Pools, service, tenant string, opts ...Option) (bool, error) {
	r, err := pendingSetOf(pools, service, opts)
	if err != nil {
		return false, err
	}
	if err := r.CheckTenant(removing, tenant); err != nil {
		return false, err
	}
	if busy, err := hasItems(ctx, r, tenant); err != nil || busy {
		return false, err
	}
	if err := r.BeginRemoval(ctx, removing, tenant); err != nil {
		return false, err
	}
	var leaving fault.Steps
	leaving.Applied()
	busy, err := hasItems(ctx, r, tenant)
	if err == nil && !busy {
		return true, leaving.Error(r.Target(removing), r.FinishRemoval(ctx, removing, tenant))
	}
	// The context may have ended: the tenant must not stay out for that.
	if failed := r.Restore(context.WithoutCancel(ctx), removing, tenant); failed != nil {
		err = leaving.Error(r.Target(removing), errors.Join(err, failed))
	}
	return false, err
}

// ForceRemoveFromPending takes a tenant out of a service's pending set whatever
// its queues hold, as the Python package does: SREM, and a script for each known
// queue that takes it out of the index. Items that wait are found again with the
// next Enqueue to their queue; those that are claimed, when their lease expires.
// It also removes a member that is no tenant, such as an empty one, which
// WorkBatches reports and passes over.
//
// The steps are not atomic. If one fails after another was applied, the error's
// MaybeApplied is true, and the call can be repeated. If the service cannot be in
// a key, ErrInvalidKey.
func ForceRemoveFromPending(ctx context.Context, pools *pool.Pools, service, tenant string, opts ...Option) error {
	r, err := pendingSetOf(pools, service, opts)
	if err != nil {
		return err
	}
	if r.CheckTenant(forcing, tenant) != nil {
		return r.Remove(ctx, forcing, tenant)
	}
	if err := r.BeginRemoval(ctx, forcing, tenant); err != nil {
		return err
	}
	var leaving fault.Steps
	leaving.Applied()
	queues, err := queuesOf(ctx, r, forcing, tenant)
	if err == nil {
		err = errors.Join(r.RemoveUnclaimed(ctx, forcing, queues), r.Remove(ctx, forcing, tenant))
	}
	return leaving.Error(r.Target(forcing), err)
}

const (
	removing = "RemoveFromPending"
	forcing  = "ForceRemoveFromPending"
)

// hasItems reports whether a tenant has items of the registry's service.
func hasItems(ctx context.Context, r *pending.Set, tenant string) (bool, error) {
	queues, err := queuesOf(ctx, r, removing, tenant)
	if err != nil {
		return false, err
	}
	states, err := r.States(ctx, removing, queues)
	if err != nil || slices.ContainsFunc(states, func(s pending.State) bool { return s != pending.Empty }) {
		return err == nil, err
	}
	found, err := r.ScanQueues(ctx, removing, tenant)
	return len(found) > 0, err
}

// queuesOf are the queues of a tenant that the registry knows.
func queuesOf(ctx context.Context, r *pending.Set, op, tenant string) ([]pending.Queue, error) {
	snap, err := r.Snapshot(ctx, op)
	return slices.DeleteFunc(snap.Queues, func(q pending.Queue) bool { return q.Tenant != tenant }), err
}

func pendingSetOf(pools *pool.Pools, service string, opts []Option) (*pending.Set, error) {
	keys, rest, err := batchPatterns(pools, opts)
	if err != nil {
		return nil, err
	}
	return newPendingSet(pools, keys, service, option.Lifetimes|option.Queues|option.Deliveries, rest)
}

func newPendingSet(pools *pool.Pools, keys batchKeys, service string, traits option.Trait, opts []Option) (*pending.Set, error) {
	sets, err := keys.pending.Bind()
	if err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	s, err := store.New(pools, pool.Handlers, sets, store.Spec{Kind: store.Set, Traits: traits}, opts...)
	if err != nil {
		return nil, err
	}
	r := pending.New(s, service, keys.list)
	if _, err := keys.pending.Key(service); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return r, nil
}

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

// PendingTenants returns the pending tenants of a service, sorted. It sends
// SMEMBERS and ZRANGEBYSCORE, one round trip. The second command finds tenants
// whose removal has begun: they are still pending. A member of the set that is
// not a tenant, because another program wrote it, is returned, too;
// [ForceRemoveFromPending] removes it.
//
// If the service cannot be part of a key, PendingTenants returns
// [ErrInvalidKey]. If the set or the part of the schedule that has the removals
// holds another Redis type, it returns [ErrWrongType]. If the pool is unknown,
// it returns [ErrUnknownPool]. If an option does not apply, it returns
// [ErrUnsupported].
func PendingTenants(ctx context.Context, pools *pool.Pools, service string, opts ...Option) ([]string, error) {
	r, err := pendingSetOf(pools, service, opts)
	if err != nil {
		return nil, err
	}
	return r.Tenants(ctx, "PendingTenants")
}

// RemoveFromPending removes a tenant from the pending set of a service, unless
// one of its queues there has items that wait or are in flight. It reports
// whether the tenant is no longer pending. Dead letters do not count as items.
//
// It checks the queues, removes the tenant from the set, and checks again. A
// script ends the removal, or restores the tenant if items arrived in between.
// A check reads the tenant's queues in the schedule with ZRANGE, and sends a
// script for each of them. If none of them has items, it also sends SCAN, which
// finds queues that only the Python package fills. The removal is not atomic,
// but if the process dies during the call, the tenant is still pending.
//
// If the tenant or the service cannot be part of a key, RemoveFromPending
// returns [ErrInvalidKey]. If an option does not apply, it returns
// [ErrUnsupported]. If a step fails after the removal began, and the tenant
// cannot be restored, MaybeApplied of the error is true. The tenant is pending
// then, and the call can be repeated.
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
	var removal fault.Steps
	removal.Applied()
	busy, err := hasItems(ctx, r, tenant)
	// A tenant with items must be restored even if the context has ended.
	ending := ctx
	if err != nil || busy {
		ending = context.WithoutCancel(ctx)
	}
	restored, failed := r.EndRemoval(ending, removing, pending.Removal{Tenant: tenant, HasItems: err != nil || busy})
	if failed != nil {
		return false, removal.Error(r.Target(removing), errors.Join(err, failed))
	}
	return err == nil && !restored[0], err
}

// ForceRemoveFromPending removes a tenant from the pending set of a service,
// even if its queues have items, as the Python package does. It sends ZRANGE, a
// script for each queue of the tenant, which removes the queue from the
// schedule, and SREM before and after that. Workers find the items of these
// queues again after the next Enqueue to the queue. A queue with items in
// flight, or with items that wait for a next attempt, stays in the schedule.
//
// It also removes a member that is not a tenant, such as an empty one. Such
// members are reported and skipped by [WorkBatches].
//
// The steps are not atomic. If a step fails after another was applied,
// MaybeApplied of the error is true, and the call can be repeated. If the
// service cannot be part of a key, ForceRemoveFromPending returns
// [ErrInvalidKey]. If an option does not apply, it returns [ErrUnsupported].
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
	var removal fault.Steps
	removal.Applied()
	queues, err := r.Queues(ctx, forcing, tenant)
	if err == nil {
		err = errors.Join(r.Withdraw(ctx, forcing, queues...), r.Remove(ctx, forcing, tenant))
	}
	return removal.Error(r.Target(forcing), err)
}

const (
	removing = "RemoveFromPending"
	forcing  = "ForceRemoveFromPending"
)

// hasItems reports whether a tenant has items in the queues of a service.
func hasItems(ctx context.Context, r *pending.Set, tenant string) (bool, error) {
	queues, err := r.Queues(ctx, removing, tenant)
	if err != nil {
		return false, err
	}
	hasItems, err := r.Check(ctx, removing, queues...)
	if err != nil || slices.Contains(hasItems, true) {
		return err == nil, err
	}
	found, err := r.ScanQueues(ctx, removing, tenant)
	return len(found) > 0, err
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
	if err := keys.pending.CheckPart(0, service); err != nil {
		return nil, fmt.Errorf("symphony: %w", err)
	}
	return r, nil
}

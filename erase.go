package symphony

import (
	"context"
	"fmt"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/option"
	"github.com/symphony-go/symphony/internal/tenancy"
	"github.com/symphony-go/symphony/pool"
)

// Erasure is what [Erase] found. The numbers are by kind, such as [KindUser].
// They are never of another tenant.
type Erasure struct {
	// Removed is what Erase removed. With [DryRun], it is what Erase would
	// remove.
	Removed map[string]int64

	// Left is what a second walk found after the first. It is empty if nothing
	// is left. With [DryRun] there is no second walk.
	Left map[string]int64
}

// Erase removes everything that a tenant has: records, their lists and indexes,
// queues with their claims and dead letters, triggers with their firings,
// payloads and dead letters, locks of loads, and its entries in the keys that
// all tenants share. Those are pending sets, schedules, and registries of
// lists. Then it walks again and returns what is left, which must be nothing.
//
// Work that runs loses its lease: the context of its handler ends, and its ack
// or failure changes nothing. A service that still writes for the tenant makes
// new keys during the call and after it. So stop such writers first, for
// example by refusing requests of the tenant. If Left is not empty, call Erase
// again.
//
// Erase walks every database of the pools twice with SCAN, and never blocks the
// server. Keys are removed with UNLINK, queues as by [Batch.Delete], and
// triggers by a script for each hundred. Entries of keys that tenants share are
// found with ZSCAN and HSCAN. Erase is not atomic.
//
// Keys are known by the patterns of the layout, and removed whatever their
// type. Records of primitives with other patterns stay. The pools default, and
// those that the program added, have generic values; with [On], which limits
// Erase to one pool, that pool has them too.
//
// If a command fails, Erase returns what it removed until then, and the error,
// whose MaybeApplied is true. The call can be repeated. If the layout accepts
// different tenants in one key, as [keyspace.Python] does with
// [keyspace.AllowAmbiguous], Erase returns [ErrUnsupported]. So it does for an
// option other than [DryRun], [Layout], [On], [ScanRate] and [Progress]. If the
// tenant cannot be part of a key, it returns [ErrInvalidKey]. In these cases
// nothing is sent.
func Erase(ctx context.Context, pools *pool.Pools, tenant string, opts ...Option) (Erasure, error) {
	w, settings, err := newTenantWalk(pools, "Erase", option.DryRuns, opts)
	if err == nil {
		err = fault.ContextError(ctx)
	}
	if err != nil {
		return Erasure{}, err
	}
	if err := tenancy.CheckTenant(w.Layout, tenant); err != nil {
		return Erasure{}, fmt.Errorf("symphony: %w", err)
	}
	keys := batchKeys{w.Layout.BatchList, w.Layout.PendingSet}
	w.DeleteQueue = func(ctx context.Context, q tenancy.QueueName) error { return deleteQueue(ctx, pools, keys, q) }
	w.Tenant, w.Remove = tenant, !settings.DryRun
	if w.Remove {
		w.Passes = 2
	}
	ctx = inOperation(ctx, pools, "Erase", tenant)
	found, err := count(ctx, *w)
	if settings.DryRun {
		return Erasure{Removed: found}, err
	}
	if err != nil {
		return Erasure{Removed: found}, partlyErased(err, found)
	}
	w.Remove = false
	left, err := count(ctx, *w)
	return Erasure{found, left}, partlyErased(err, found)
}

// count runs a walk and returns the numbers by kind.
func count(ctx context.Context, w tenancy.Walk) (map[string]int64, error) {
	found := tally{}
	w.Count = func(_, kind string, n int64) { found.add(kind, n) }
	err := w.Run(ctx)
	return found, err
}

// partlyErased returns the error of a walk that may have removed something.
func partlyErased(err error, removed map[string]int64) error {
	var steps fault.Steps
	if len(removed) > 0 {
		steps.Applied()
	}
	return steps.Error(fault.Target{Op: "Erase", Write: true}, err)
}

// deleteQueue removes a queue with everything beside it, and from the schedule.
func deleteQueue(ctx context.Context, pools *pool.Pools, keys batchKeys, q tenancy.QueueName) error {
	batch, err := newBatch[[]byte](pools, keys, q.Tenant, []Option{On(q.Alias)})
	if err != nil {
		return err
	}
	_, err = batch.Delete(ctx, Queue{q.Service, q.Entity, q.Action})
	return fault.WithOp("Erase", err)
}

package worker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

// sweep finds queues that are not in the index, removes tenants without items
// from the pending set, and restores tenants whose claims expired after they
// were removed.
func (r *run) sweep(ctx context.Context, snap pending.Snapshot) error {
	busy, err := r.busy(ctx, snap)
	if err != nil {
		return err
	}
	idle := slices.DeleteFunc(slices.Clone(snap.Pending), func(tenant string) bool { return busy[tenant] })
	if len(snap.Pending) == 0 || len(idle) == 0 && time.Now().Before(r.nextScan) {
		return nil
	}
	found, err := r.pending.ScanQueues(ctx, r.Op, snap.Pending...)
	if err != nil {
		return err
	}
	r.nextScan = time.Now().Add(scanEvery)
	if err := r.pending.AddQueues(ctx, r.Op, found...); err != nil {
		return err
	}
	return r.remove(ctx, withoutQueues(idle, found))
}

// busy returns the tenants that have items in the queues of a snapshot. If a
// tenant has items to claim and is not pending, busy marks it pending: another
// process removed it while its items were claimed.
func (r *run) busy(ctx context.Context, snap pending.Snapshot) (map[string]bool, error) {
	states, err := r.pending.States(ctx, r.Op, snap.Queues)
	if err != nil && len(states) == 0 {
		return nil, err
	}
	if err != nil { // a queue whose state is unknown counts as busy
		r.reportSeldom(ctx, "states", err)
	}
	busy := map[string]bool{}
	var forgotten []string
	for i, q := range snap.Queues {
		if states[i] == pending.Empty {
			continue
		}
		busy[q.Tenant] = true
		if _, isPending := slices.BinarySearch(snap.Pending, q.Tenant); !isPending && states[i] == pending.Waiting {
			forgotten = append(forgotten, q.Tenant)
		}
	}
	slices.Sort(forgotten)
	return busy, r.pending.Restore(ctx, r.Op, slices.Compact(forgotten)...)
}

// remove removes tenants from the pending set, looks again, and restores those
// that have items after all.
func (r *run) remove(ctx context.Context, tenants []string) error {
	if len(tenants) == 0 {
		return nil
	}
	if err := r.pending.BeginRemoval(ctx, r.Op, tenants...); err != nil {
		return err
	}
	snap, err := r.pending.Snapshot(ctx, r.Op)
	if err != nil {
		return err
	}
	busy, errBusy := r.busy(ctx, snap)
	found, errScan := r.pending.ScanQueues(ctx, r.Op, tenants...)
	if err := errors.Join(errBusy, errScan); err != nil {
		return err // the tenants are still in the snapshots, and the next sweep decides
	}
	gone := slices.DeleteFunc(withoutQueues(tenants, found), func(tenant string) bool { return busy[tenant] })
	back := slices.DeleteFunc(slices.Clone(tenants), func(tenant string) bool { return slices.Contains(gone, tenant) })
	return errors.Join(
		r.pending.AddQueues(ctx, r.Op, found...), r.pending.Restore(ctx, r.Op, back...), r.pending.FinishRemoval(ctx, r.Op, gone...))
}

// withoutQueues returns the tenants that have none of the queues.
func withoutQueues(tenants []string, queues []pending.Queue) []string {
	has := make(map[string]bool, len(queues))
	for _, q := range queues {
		has[q.Tenant] = true
	}
	return slices.DeleteFunc(slices.Clone(tenants), func(tenant string) bool { return has[tenant] })
}

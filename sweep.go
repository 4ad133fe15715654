package symphony

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

const working = "WorkBatches"

// sweep finds queues that are in no index, takes tenants without items out of
// the pending set, and puts those in whose claims lapsed after they were out.
func (w *work) sweep(ctx context.Context, snap pending.Snapshot) error {
	busy, err := w.busy(ctx, snap)
	if err != nil {
		return err
	}
	idle := slices.DeleteFunc(slices.Clone(snap.Pending), func(tenant string) bool { return busy[tenant] })
	if len(snap.Pending) == 0 || len(idle) == 0 && time.Now().Before(w.nextScan) {
		return nil
	}
	found, err := w.pending.ScanQueues(ctx, working, snap.Pending...)
	if err != nil {
		return err
	}
	w.nextScan = time.Now().Add(scanEvery)
	if err := w.pending.AddQueues(ctx, working, found...); err != nil {
		return err
	}
	return w.remove(ctx, without(idle, found))
}

// busy are the tenants with items in queues that the index names. One that is
// not pending, though it has items to claim, is made so: while its items were
// claimed somebody else took it out.
func (w *work) busy(ctx context.Context, snap pending.Snapshot) (map[string]bool, error) {
	states, err := w.pending.States(ctx, working, snap.Queues)
	if err != nil && len(states) == 0 {
		return nil, err
	}
	if err != nil { // some queues have no state: they count as busy
		w.tellSeldom(ctx, "states", err)
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
	return busy, w.pending.Restore(ctx, working, slices.Compact(forgotten)...)
}

// remove takes tenants out of the pending set, looks once more, and puts those
// back that have items after all.
func (w *work) remove(ctx context.Context, tenants []string) error {
	if len(tenants) == 0 {
		return nil
	}
	if err := w.pending.BeginRemoval(ctx, working, tenants...); err != nil {
		return err
	}
	snap, err := w.pending.Snapshot(ctx, working)
	if err != nil {
		return err
	}
	busy, errBusy := w.busy(ctx, snap)
	found, errScan := w.pending.ScanQueues(ctx, working, tenants...)
	if err := errors.Join(errBusy, errScan); err != nil {
		return err // they are still in sight, and the next sweep decides
	}
	gone := slices.DeleteFunc(without(tenants, found), func(tenant string) bool { return busy[tenant] })
	back := slices.DeleteFunc(slices.Clone(tenants), func(tenant string) bool { return slices.Contains(gone, tenant) })
	return errors.Join(
		w.pending.AddQueues(ctx, working, found...), w.pending.Restore(ctx, working, back...), w.pending.FinishRemoval(ctx, working, gone...))
}

// without are the tenants that own none of the queues.
func without(tenants []string, queues []pending.Queue) []string {
	own := make(map[string]bool, len(queues))
	for _, q := range queues {
		own[q.Tenant] = true
	}
	return slices.DeleteFunc(slices.Clone(tenants), func(tenant string) bool { return own[tenant] })
}

package worker

import (
	"context"
	"slices"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

const (
	sweepEvery  = time.Second      // at least, between two sweeps
	sweepShare  = 20               // the pause is so many times as long as the shorter one of the last two sweeps
	scanEvery   = 10 * time.Second // between two scans if there are pending tenants without a queue, and no new ones
	rescanEvery = time.Minute      // at least, between two scans if there are none
	rescanShare = 100              // the pause between these is so many times as long as the scan

	// drainedFor is how long a tenant must have had no queue before it is
	// removed from the pending set.
	drainedFor = time.Second
)

// sweepUntilDone sweeps when the dispatcher has the lease for it, until ctx
// ends.
func (r *run) sweepUntilDone(ctx context.Context, d *dispatcher) {
	var previous time.Duration // of a sweep; a single slow one may be due to something else
	s := sweeper{run: r, rescan: rescanEvery}
	for {
		var look pending.Look
		select {
		case look = <-d.sweep:
		case <-ctx.Done():
			return
		}
		start := r.clock.Now()
		if err := s.sweep(ctx, look); err != nil {
			r.reportSeldom(ctx, "sweep", err)
		}
		took := r.clock.Now().Sub(start)
		d.nextSweep.Store(start.Add(took + max(sweepEvery, sweepShare*min(took, previous))).UnixNano())
		previous = took
		d.sweeping.Store(false)
		d.member.Finished()
	}
}

// sweeper finds queues that are not in the schedule because only other
// programs push to them, and removes tenants without items from the pending
// set.
type sweeper struct {
	*run
	lastScan    time.Time // of all pending tenants
	rescan      time.Duration
	unscheduled int64 // pending tenants without a queue, at the last sweep
}

// sweep ends the removal of drained tenants. Once in a while it looks at all
// pending ones, too.
func (s *sweeper) sweep(ctx context.Context, look pending.Look) error {
	var others []string
	every := s.rescan
	switch {
	case look.Unscheduled > s.unscheduled:
		every = 0
	case look.Unscheduled > 0:
		every = scanEvery
	}
	s.unscheduled = look.Unscheduled
	if now := s.clock.Now(); now.Sub(s.lastScan) >= every {
		members, err := s.pending.Members(ctx, s.Op)
		if err != nil {
			return err
		}
		if members.Foreign != nil {
			s.reportSeldom(ctx, "members", members.Foreign)
		}
		others, s.lastScan = members.Tenants, now
		defer func() { s.rescan = max(rescanEvery, rescanShare*s.clock.Now().Sub(now)) }()
	}
	tenants := slices.Concat(look.Drained, others)
	slices.Sort(tenants)
	hasItems, err := s.findItems(ctx, slices.Compact(tenants))
	if err != nil {
		return err // the next look returns the drained tenants again
	}
	if _, err := s.endRemoval(ctx, look.Drained, hasItems); err != nil {
		return err
	}
	return s.remove(ctx, slices.DeleteFunc(others, func(tenant string) bool { return hasItems[tenant] }))
}

// findItems returns those of the tenants of which a scan finds queues with
// items. It adds these queues to the schedule. It also checks those that are
// scheduled for so late a time that there is another scan before.
func (s *sweeper) findItems(ctx context.Context, tenants []string) (hasItems map[string]bool, err error) {
	found, err := s.pending.ScanQueues(ctx, s.Op, tenants...)
	if err != nil {
		return nil, err
	}
	scheduled, err := s.pending.IsScheduled(ctx, s.Op, s.rescan, found...)
	if err != nil {
		return nil, err
	}
	hasItems = map[string]bool{}
	var unscheduled []pending.Queue
	for i, q := range found {
		if scheduled[i] {
			hasItems[q.Tenant] = true
		} else {
			unscheduled = append(unscheduled, q)
		}
	}
	full, err := s.pending.Check(ctx, s.Op, unscheduled...)
	if err != nil && len(full) == 0 {
		return nil, err
	} else if err != nil { // a queue that cannot be read counts as one with items
		s.reportSeldom(ctx, "check", err)
	}
	for i, q := range unscheduled {
		if full[i] {
			hasItems[q.Tenant] = true
		}
	}
	return hasItems, nil
}

// remove removes those of the tenants that have no queue in the schedule from
// the pending set, looks for items, and restores those that have some after
// all.
func (s *sweeper) remove(ctx context.Context, tenants []string) error {
	turns, err := s.pending.Scheduled(ctx, s.Op, tenants...)
	if err != nil {
		return err
	}
	idle := slices.DeleteFunc(tenants, func(tenant string) bool {
		_, isScheduled := turns[tenant]
		return isScheduled
	})
	if len(idle) == 0 {
		return nil
	}
	if err := s.pending.BeginRemoval(ctx, s.Op, idle...); err != nil {
		return err
	}
	hasItems, err := s.findItems(ctx, idle)
	if err != nil {
		return err // the next look returns the tenants
	}
	removed, err := s.endRemoval(ctx, idle, hasItems)
	s.unscheduled -= removed
	return err
}

// endRemoval ends the removal of tenants, restores those that have items, and
// returns how many were removed.
func (s *sweeper) endRemoval(ctx context.Context, tenants []string, hasItems map[string]bool) (removed int64, err error) {
	removals := make([]pending.Removal, len(tenants))
	for i, tenant := range tenants {
		removals[i] = pending.Removal{Tenant: tenant, HasItems: hasItems[tenant]}
	}
	restored, err := s.pending.EndRemoval(ctx, s.Op, removals...)
	for _, isRestored := range restored {
		if !isRestored {
			removed++
		}
	}
	return removed, err
}

package worker

import (
	"context"
	"errors"
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
	var next time.Time
	var previous time.Duration // of a sweep; a single slow one may be due to something else
	s := sweeper{run: r, rescan: rescanEvery}
	for {
		select {
		case <-d.sweep:
		case <-ctx.Done():
			return
		}
		if start := r.clock.Now(); !start.Before(next) {
			if err := s.sweep(ctx); err != nil {
				r.reportSeldom(ctx, "sweep", err)
			}
			took := r.clock.Now().Sub(start)
			next = start.Add(took + max(sweepEvery, sweepShare*min(took, previous)))
			previous = took
		}
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

// sweep looks at drained tenants. Once in a while it looks at all pending
// ones.
func (s *sweeper) sweep(ctx context.Context) error {
	drained, err := s.pending.Drained(ctx, s.Op, drainedFor)
	if err != nil {
		return err
	}
	tenants, every := drained.Tenants, s.rescan
	switch {
	case drained.Unscheduled > s.unscheduled:
		every = 0
	case drained.Unscheduled > 0:
		every = scanEvery
	}
	s.unscheduled = drained.Unscheduled
	if now := s.clock.Now(); now.Sub(s.lastScan) >= every {
		members, err := s.pending.Members(ctx, s.Op)
		if err != nil {
			return err
		}
		if members.Foreign != nil {
			s.reportSeldom(ctx, "members", members.Foreign)
		}
		tenants, s.lastScan = append(tenants, members.Tenants...), now
		defer func() { s.rescan = max(rescanEvery, rescanShare*s.clock.Now().Sub(now)) }()
	}
	slices.Sort(tenants)
	tenants = slices.Compact(tenants)
	idle, err := s.withoutItems(ctx, tenants)
	if err != nil || len(idle) == 0 {
		return err
	}
	return s.remove(ctx, idle)
}

// withoutItems returns those of the tenants that have no items, in order. It
// adds queues that a scan finds to the schedule. It also checks those that are
// scheduled for so late a time that there is another scan before.
func (s *sweeper) withoutItems(ctx context.Context, tenants []string) ([]string, error) {
	found, err := s.pending.ScanQueues(ctx, s.Op, tenants...)
	if err != nil {
		return nil, err
	}
	scheduled, err := s.pending.IsScheduled(ctx, s.Op, s.rescan, found...)
	if err != nil {
		return nil, err
	}
	var unscheduled []pending.Queue
	for i, q := range found {
		if !scheduled[i] {
			unscheduled = append(unscheduled, q)
		}
	}
	hasItems, err := s.pending.Check(ctx, s.Op, unscheduled...)
	if err != nil && len(hasItems) == 0 {
		return nil, err
	} else if err != nil { // a queue that cannot be read counts as one with items
		s.reportSeldom(ctx, "check", err)
	}
	turns, err := s.pending.Scheduled(ctx, s.Op, tenants...)
	if err != nil {
		return nil, err
	}
	busy := map[string]bool{}
	for tenant := range turns {
		busy[tenant] = true
	}
	for i, q := range found {
		if scheduled[i] {
			busy[q.Tenant] = true
		}
	}
	for i, q := range unscheduled {
		if hasItems[i] {
			busy[q.Tenant] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(tenants), func(tenant string) bool { return busy[tenant] }), nil
}

// remove removes tenants from the pending set, looks again, and restores those
// that have items after all.
func (s *sweeper) remove(ctx context.Context, tenants []string) error {
	if err := s.pending.BeginRemoval(ctx, s.Op, tenants...); err != nil {
		return err
	}
	gone, err := s.withoutItems(ctx, tenants)
	if err != nil {
		return err // the next sweep finds the tenants again
	}
	s.unscheduled -= int64(len(gone))
	back := slices.DeleteFunc(slices.Clone(tenants), func(tenant string) bool {
		_, isGone := slices.BinarySearch(gone, tenant)
		return isGone
	})
	return errors.Join(s.pending.Restore(ctx, s.Op, back...), s.pending.FinishRemoval(ctx, s.Op, gone...))
}

package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/renewal"
)

// place is a place of a tenant that a task has. It is zero if places have no
// bound.
type place struct {
	name string
	ends time.Time // of the lease; the zero time if the place is not taken yet
}

// tasks returns the tasks of queues. Those with names have places that were
// taken no earlier than at a time; the others have places that are still to be
// taken.
func (d *dispatcher) tasks(queues []pending.Queue, names []string, taken time.Time) []task {
	tasks := make([]task, len(queues))
	for i, q := range queues {
		tasks[i].Queue = q
		switch {
		case d.Places.PerTenant == 0:
		case i < len(names):
			tasks[i].place = place{names[i], taken.Add(d.Places.Lease)}
		default:
			tasks[i].place.name = rand.Text()
		}
	}
	return tasks
}

// heldPlace is the lease of the place of a task.
type heldPlace struct {
	*run
	task
}

// Extend renews the lease, if there is one or the tenant has a free place.
func (h heldPlace) Extend(ctx context.Context, _ time.Duration) error {
	return h.pending.Hold(ctx, h.Op, h.Tenant, h.place.name, h.Places)
}

// handleInPlace handles a task, and renews the lease of its place meanwhile. If
// the lease has ended and the tenant has no free place, it does not handle the
// task.
func (r *run) handleInPlace(ctx context.Context, t task) Outcome {
	if t.place.name == "" {
		return r.handle(ctx, r.handling, t.Queue)
	}
	held := heldPlace{r, t}
	if now := r.clock.Now(); t.place.ends.Sub(now) < r.Places.Lease/2 {
		if err := held.Extend(ctx, r.Places.Lease); err != nil {
			if !errors.Is(err, fault.ErrLeaseLost) {
				r.reportSeldom(ctx, "place", err)
			}
			return Empty
		}
		t.place.ends = now.Add(r.Places.Lease)
	}
	handling, stop := renewal.Start(r.handling, r.clock, held, r.Places.Lease, t.place.ends)
	defer stop()
	return r.handle(ctx, handling, t.Queue)
}

// freePlace frees the place of a task. If that fails, the place is free when
// its lease has ended.
func (r *run) freePlace(ctx context.Context, t task) {
	if t.place.name == "" {
		return
	}
	if err := r.pending.Free(context.WithoutCancel(ctx), r.Op, t.Tenant, t.place.name); err != nil {
		r.reportSeldom(ctx, "place", err)
	}
}

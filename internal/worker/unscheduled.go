package worker

import (
	"context"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

// unscheduled holds queues that a scan found because a key of the schedule
// holds another type. Each is handed out until it is empty. The zero value is
// ready for use.
type unscheduled struct {
	mu       sync.Mutex
	ready    []pending.Queue
	taken    map[pending.Queue]bool
	nextScan time.Time
}

// scan finds the queues of all pending tenants, if the last scan was a while
// ago.
func (u *unscheduled) scan(ctx context.Context, r *run) error {
	if now := time.Now(); now.Before(u.nextScan) {
		return nil
	}
	members, err := r.pending.Members(ctx, r.Op)
	if err != nil {
		return err
	}
	found, err := r.pending.ScanQueues(ctx, r.Op, members.Tenants...)
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ready, u.taken, u.nextScan = found, map[pending.Queue]bool{}, time.Now().Add(scanEvery)
	return nil
}

// takeUnscheduled returns up to n of the queues.
func (u *unscheduled) takeUnscheduled(n int) []pending.Queue {
	u.mu.Lock()
	defer u.mu.Unlock()
	n = min(n, len(u.ready))
	queues := u.ready[:n]
	u.ready = u.ready[n:]
	for _, q := range queues {
		u.taken[q] = true
	}
	return queues
}

// handledUnscheduled makes a queue ready again that takeUnscheduled returned.
func (u *unscheduled) handledUnscheduled(q pending.Queue) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.taken[q] {
		delete(u.taken, q)
		u.ready = append(u.ready, q)
	}
}

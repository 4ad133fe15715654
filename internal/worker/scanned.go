package worker

import (
	"context"
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
)

// scanned holds queues that a scan found because a key of the schedule
// holds another type. Each is handed out until it is empty. The zero value is
// ready for use.
type scanned struct {
	mu       sync.Mutex
	ready    []pending.Queue
	taken    map[pending.Queue]bool
	nextScan time.Time
}

// scan finds the queues of all pending tenants, if the last scan was a while
// ago.
func (s *scanned) scan(ctx context.Context, r *run) error {
	if now := time.Now(); now.Before(s.nextScan) {
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready, s.taken, s.nextScan = found, map[pending.Queue]bool{}, time.Now().Add(scanEvery)
	return nil
}

// takeScanned returns up to n of the queues.
func (s *scanned) takeScanned(n int) []pending.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(n, len(s.ready))
	queues := s.ready[:n]
	s.ready = s.ready[n:]
	for _, q := range queues {
		s.taken[q] = true
	}
	return queues
}

// handledScanned makes a queue ready again that takeScanned returned.
func (s *scanned) handledScanned(q pending.Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[q] {
		delete(s.taken, q)
		s.ready = append(s.ready, q)
	}
}

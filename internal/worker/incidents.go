package worker

import (
	"sync"
	"time"

	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/retry"
)

// incidents remembers what went wrong with queues in this process. The zero
// value is ready for use.
type incidents struct {
	mu      sync.Mutex
	byQueue map[pending.Queue]*incident
}

// incident is what went wrong with one queue.
type incident struct {
	failures int       // in a row
	empties  int       // in a row, each within a second of the one before
	at       time.Time // of the last failure or empty claim
	reported time.Time // when a recurring error was last reported
}

const (
	maxIncidents  = 1000        // beyond that, old ones are dropped
	incidentAge   = time.Hour   // after which a queue counts as one that never failed
	emptiesWithin = time.Second // between two empty claims in a row
)

// emptyBackoff is the pause of a queue that is ready again and again although
// it has nothing to claim.
var emptyBackoff = retry.Backoff{First: 10 * time.Millisecond, Max: 500 * time.Millisecond, Jitter: 0.25}

// of returns the incident of a queue. The caller holds the lock.
func (s *incidents) of(q pending.Queue, now time.Time) *incident {
	if s.byQueue == nil {
		s.byQueue = map[pending.Queue]*incident{}
	}
	in := s.byQueue[q]
	if in == nil {
		if len(s.byQueue) >= maxIncidents {
			s.dropOld(now)
		}
		in = &incident{}
		s.byQueue[q] = in
	}
	return in
}

// dropOld drops incidents that no longer matter.
func (s *incidents) dropOld(now time.Time) {
	for q, in := range s.byQueue {
		age := incidentAge
		if in.failures == 0 {
			age = emptiesWithin
		}
		if now.Sub(in.at) > age && now.Sub(in.reported) > reportEvery {
			delete(s.byQueue, q)
		}
	}
}

// failed returns how often the queue failed in a row.
func (s *incidents) failed(q pending.Queue) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	in := s.of(q, now)
	in.at = now
	in.failures++
	return in.failures
}

// empty returns the pause of a queue that was ready without items. It is 0
// after the first time.
func (s *incidents) empty(q pending.Queue) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	in := s.of(q, now)
	if now.Sub(in.at) > emptiesWithin {
		in.empties = 0
	}
	in.at = now
	in.empties++
	if in.empties == 1 {
		return 0
	}
	return emptyBackoff.Delay(in.empties - 2)
}

// handled ends the failures of a queue.
func (s *incidents) handled(q pending.Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.byQueue[q]
	switch {
	case in == nil:
	case in.reported.IsZero():
		delete(s.byQueue, q)
	default:
		in.failures, in.empties = 0, 0
	}
}

// shouldReport reports whether a recurring error of the queue is due to be
// reported.
func (s *incidents) shouldReport(q pending.Queue) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	in := s.of(q, now)
	if !in.reported.IsZero() && now.Sub(in.reported) < reportEvery {
		return false
	}
	in.reported = now
	return true
}

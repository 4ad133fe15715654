package listrepo

import (
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// repairEvery is the least time between two pushes of a process to a queue that
// repair the schedule.
const repairEvery = time.Second

// hasRepaired reports whether this process repaired the schedule for the queue
// within the last second.
func (q *queue) hasRepaired(key string) bool {
	at := q.repairedAt.Load()
	return at > 0 && monotonic()-at < int64(repairEvery) || repairs.has(q.Client, key)
}

// setRepaired remembers that the schedule was repaired for the queue now.
func (q *queue) setRepaired(key string) {
	q.repairedAt.Store(monotonic())
	repairs.add(q.Client, key)
}

// repairs holds the queues for which this process repaired the schedule within
// the last second, through any repository.
var repairs = recentQueues{queues: map[queueKey]struct{}{}}

// recentQueues is a set of queues that is cleared every second.
type recentQueues struct {
	mu     sync.Mutex
	since  int64
	queues map[queueKey]struct{}
}

type queueKey struct {
	client rueidis.Client
	key    string
}

func (r *recentQueues) has(c rueidis.Client, key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.queues[queueKey{c, key}]
	return ok && monotonic()-r.since < int64(repairEvery)
}

func (r *recentQueues) add(c rueidis.Client, key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := monotonic(); now-r.since >= int64(repairEvery) {
		r.since = now
		clear(r.queues)
	}
	r.queues[queueKey{c, key}] = struct{}{}
}

// monotonic returns a time in nanoseconds that never goes back. It is positive.
func monotonic() int64 { return int64(time.Since(started)) }

var started = time.Now().Add(-repairEvery)

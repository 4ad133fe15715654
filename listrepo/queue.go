package listrepo

import (
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// queue is a ListRepo without its type parameter: items are the texts that the
// codec writes.
type queue struct {
	*store.Values
	marks Marks
}

// Mark is a key, without the pool's prefix, and a member that is put there.
type Mark struct{ Key, Member string }

// Marks is how others learn of a queue. The zero Marks is none. On a cluster
// the keys must share the queue's slot.
type Marks struct {
	// Pending is a set: every push adds the member, and whatever brings items
	// back does.
	Pending Mark

	// Index is a sorted set of the queues in use: the member names this one, its
	// score is the server's time in milliseconds when it was last noted. A claim
	// notes a queue that is not there, and of the pushes of one process one in a
	// second does, which also lets Backlog tell the age of the oldest item.
	Index Mark
}

func (m Marks) none() bool { return m == Marks{} }

// The keys beside a queue.
const (
	due   = "due"   // sorted set: tokens of claims by the end of their lease
	again = "again" // sorted set: items of lapsed leases by birth
	back  = "back"  // hash: numbers of the items that were put back, by value
	dead  = "dead"  // hash: parked items by id
	age   = "age"   // sorted set: times at which the queue was noted, by what was pushed until then
)

func beside(t fault.Target, kind string) string { return keyspace.Beside(kind, t.Key) }

// claimKeys are those of one claim: its items, and the places of those that
// are settled. tail is what follows the token in both.
func claimKeys(t fault.Target, token string) (items, settled, tail string) {
	items = beside(t, "claim-"+token)
	return items, beside(t, "done-"+token), strings.TrimPrefix(items, "%claim-"+token)
}

// index and pending are the marks' keys; none where there are no marks.
func (q *queue) index() []string {
	if q.marks.none() {
		return nil
	}
	return []string{q.Prefix() + q.marks.Index.Key}
}

func (q *queue) indexAndPending() []string {
	if q.marks.none() {
		return nil
	}
	return append(q.index(), q.Prefix()+q.marks.Pending.Key)
}

// unconditional is q for scripts whose subject is not the list alone: IfExists
// would miss what is claimed.
func (q *queue) unconditional() *store.Store {
	s := *q.Store
	s.IfExists, s.IfAbsent = false, false
	return &s
}

// noted are the queues that this process noted within the last second. The
// others' notes keep a queue in its index for longer than that.
var noted = notes{queues: map[note]struct{}{}}

type notes struct {
	mu     sync.Mutex
	since  time.Time
	queues map[note]struct{}
}

type note struct {
	client rueidis.Client
	key    string
}

const noteEvery = time.Second

func (n *notes) has(c rueidis.Client, key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.since) > noteEvery {
		return false
	}
	_, ok := n.queues[note{c, key}]
	return ok
}

func (n *notes) add(c rueidis.Client, key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if time.Since(n.since) > noteEvery {
		n.since = time.Now()
		clear(n.queues)
	}
	n.queues[note{c, key}] = struct{}{}
}

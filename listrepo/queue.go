package listrepo

import (
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/registry"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// queue is a ListRepo without its type parameter: items are the texts that the
// codec writes.
type queue struct {
	*store.Values
	marks Marks
}

// Marks is how others learn of a queue. The zero Marks is none.
type Marks struct {
	// Set is the key of a set, without the pool's prefix. Every push adds Member to
	// it, and so does whatever brings items back. On a cluster it must share the
	// queue's slot.
	Set, Member string

	// Queue names this queue in the index of queues in use, a sorted set beside the
	// set: the score is the server's time in milliseconds when the queue was last
	// noted. A claim notes one that is not there; of the pushes of one process one in
	// a second does, which also lets Backlog tell the age of the oldest item.
	Queue string
}

func (m Marks) none() bool { return m == Marks{} }

func beside(t fault.Target, kind string) string { return keyspace.Beside(kind, t.Key) }

// claimKeys are those of one claim: its items, and the places of those that
// are settled. tail is what follows the token in both.
func claimKeys(t fault.Target, token string) (items, settled, tail string) {
	items = beside(t, "claim-"+token)
	return items, beside(t, "done-"+token), strings.TrimPrefix(items, "%claim-"+token)
}

// index and set are the marks' keys, none where there are no marks.
func (q *queue) index() []string {
	if q.marks.none() {
		return nil
	}
	return []string{keyspace.Beside(registry.Index, q.Prefix()+q.marks.Set)}
}

func (q *queue) indexAndSet() []string {
	if q.marks.none() {
		return nil
	}
	return append(q.index(), q.Prefix()+q.marks.Set)
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

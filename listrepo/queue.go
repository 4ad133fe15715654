package listrepo

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// queue is a ListRepo without its type parameter: items are the texts that the
// codec writes.
type queue struct {
	*store.Values
	marks Marks
	set   string        // the whole key of Marks.Set
	noted *atomic.Int64 // when the one that is marked was noted, on the clock of notes
}

// Marks is how others learn of a queue. The zero Marks is none.
type Marks struct {
	// Set is the key of a set, without the pool's prefix. Every push adds Member to
	// it, and so does whatever brings items back. On a cluster it must share the
	// queue's slot.
	Set, Member string

	// Queue names this queue in the index of queues in use, a sorted set beside the
	// set: the score is the server's time in milliseconds when the queue was last
	// noted. A claim notes one that is not there, and takes out one that has long had no
	// items; of the pushes of one process one in
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

// marked is the core of a view with marks, which may be none.
func marked(v *store.Values, m Marks) *queue {
	return &queue{Values: v, marks: m, set: v.Prefix() + m.Set, noted: new(atomic.Int64)}
}

// index and set are the marks' keys, none where there are no marks.
func (q *queue) index() []string {
	if q.marks.none() {
		return nil
	}
	return []string{keyspace.Beside(queuekey.Index, q.set)}
}

func (q *queue) indexAndSet() []string {
	if q.marks.none() {
		return nil
	}
	return append(q.index(), q.set)
}

// unconditional is q for scripts whose subject is not the list alone: IfExists
// would miss what is claimed.
func (q *queue) unconditional() *store.Store {
	s := *q.Store
	s.IfExists, s.IfAbsent = false, false
	return &s
}

// isNoted reports whether this process noted the queue within the last second.
func (q *queue) isNoted(key string) bool {
	at := q.noted.Load()
	return at > 0 && clock()-at < int64(noteEvery) || noted.has(q.Client, key)
}

func (q *queue) note(key string) {
	q.noted.Store(clock())
	noted.add(q.Client, key)
}

// noteEvery is how long a note spares others. A queue stays in its index for
// much longer than that.
const noteEvery = time.Second

var epoch = time.Now().Add(-noteEvery)

// clock is a time that only moves forward.
func clock() int64 { return int64(time.Since(epoch)) }

// noted are the queues that this process noted within the last second, by
// whichever repository.
var noted = notes{queues: map[noteKey]struct{}{}}

type notes struct {
	mu     sync.Mutex
	since  int64
	queues map[noteKey]struct{}
}

type noteKey struct {
	client rueidis.Client
	key    string
}

func (n *notes) has(c rueidis.Client, key string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.queues[noteKey{c, key}]
	return ok && clock()-n.since < int64(noteEvery)
}

func (n *notes) add(c rueidis.Client, key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now := clock(); now-n.since >= int64(noteEvery) {
		n.since = now
		clear(n.queues)
	}
	n.queues[noteKey{c, key}] = struct{}{}
}

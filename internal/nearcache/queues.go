package nearcache

import (
	"math/bits"
)

// queues decides which entries are evicted. It implements S3-FIFO (Yang et al.,
// SOSP 2023) with a budget in bytes.
//
// A new entry enters the probation queue, which has a tenth of the budget. At
// its end, an entry that was read moves to the main queue, and the others are
// evicted. So a scan of many records that are read once does not evict the
// records that are read often. If the entry at the end of the main queue was
// read, it returns to the start, at most once for each read that it counts.
// Otherwise it is evicted.
//
// The hash of an entry that was evicted from probation, or removed after it was
// read, becomes a ghost for a while. If the record returns in that time, it
// enters the main queue at once.
type queues struct {
	budget    int
	probation fifo
	main      fifo
	ghosts    []uint32 // hashes, indexed by their low bits
}

// fifo is a queue from which entries can be removed at any position.
type fifo struct {
	newest, oldest *Entry
	bytes          int
}

func newQueues(budget int) queues { return queues{budget: budget} }

// maxEntrySize returns the size above which an entry is not cached, because it
// would evict too many others.
func (q *queues) maxEntrySize() int { return q.budget / 16 }

func (q *queues) bytes() int { return q.probation.bytes + q.main.bytes }

func (q *queues) push(e *Entry) {
	e.inMain = e.promoted || q.takeGhost(e.hash)
	q.of(e).push(e)
}

// of returns the queue of an entry.
func (q *queues) of(e *Entry) *fifo {
	if e.inMain {
		return &q.main
	}
	return &q.probation
}

func (q *queues) remove(e *Entry) {
	if e.reads.Load() > 0 {
		q.addGhost(e.hash)
	}
	q.of(e).remove(e)
}

// victim returns the entry to evict now, or nil if the budget is met. The entry
// is still in its queue.
func (q *queues) victim() *Entry {
	for q.bytes() > q.budget {
		if q.probation.oldest != nil && (q.main.oldest == nil || q.probation.bytes > q.budget/10) {
			e := q.probation.oldest
			if e.reads.Load() == 0 {
				q.addGhost(e.hash)
				return e
			}
			q.probation.remove(e)
			e.reads.Store(0)
			e.inMain = true
			q.main.push(e)
			continue
		}
		e := q.main.oldest
		n := e.reads.Load()
		if n == 0 {
			return e
		}
		e.reads.Store(n - 1)
		q.main.remove(e)
		q.main.push(e)
	}
	return nil
}

// addGhost stores the hash of an entry that leaves, and may overwrite an older
// one.
func (q *queues) addGhost(hash uint32) {
	if q.ghosts == nil {
		n := min(max(q.budget/1024, 64), 1<<20)
		q.ghosts = make([]uint32, 1<<bits.Len(uint(n-1)))
	}
	q.ghosts[hash&uint32(len(q.ghosts)-1)] = hash
}

// takeGhost removes a hash and reports whether it was stored.
func (q *queues) takeGhost(hash uint32) bool {
	if q.ghosts == nil {
		return false
	}
	at := &q.ghosts[hash&uint32(len(q.ghosts)-1)]
	if *at != hash {
		return false
	}
	*at = 0
	return true
}

func (f *fifo) push(e *Entry) {
	e.older, e.newer = f.newest, nil
	if f.newest != nil {
		f.newest.newer = e
	} else {
		f.oldest = e
	}
	f.newest = e
	f.bytes += int(e.size)
}

func (f *fifo) remove(e *Entry) {
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		f.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		f.oldest = e.newer
	}
	e.newer, e.older = nil, nil
	f.bytes -= int(e.size)
}

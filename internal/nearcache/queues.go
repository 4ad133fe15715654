package nearcache

import "math/bits"

// queues decides what is evicted: S3-FIFO (Yang and others, SOSP 2023), by
// bytes. New entries wait in probation, a tenth of the budget. Those that are
// read there go on to main; the others leave, so that a walk over many records
// that are read once cannot push out those that are read often. Main is a
// clock: an entry that was read since its last turn gets another. What left
// probation is remembered for a while by its hash, and is let into main at once
// when it comes back.
type queues struct {
	budget    int
	probation fifo
	main      fifo
	left      []uint64 // hashes of what left probation, by their low bits
}

// fifo is a queue that entries can leave at any place.
type fifo struct {
	newest, oldest *Entry
	bytes          int
}

func newQueues(budget int) queues { return queues{budget: budget} }

// largest is the size of an entry that would push out too many others.
func (q *queues) largest() int { return q.budget / 16 }

func (q *queues) bytes() int { return q.probation.bytes + q.main.bytes }

func (q *queues) push(e *Entry) {
	if e.warm || q.forget(e.hash) {
		q.main.push(e)
	} else {
		q.probation.push(e)
	}
}

func (q *queues) remove(e *Entry) {
	if e.freq.Load() > 0 {
		q.remember(e.hash)
	}
	e.queue.remove(e)
}

// victim is the entry that has to go now, if any. It is still in its queue.
func (q *queues) victim() *Entry {
	for q.bytes() > q.budget {
		if q.probation.oldest != nil && (q.main.oldest == nil || q.probation.bytes > q.budget/10) {
			e := q.probation.oldest
			if e.freq.Load() == 0 {
				q.remember(e.hash)
				return e
			}
			q.probation.remove(e)
			e.freq.Store(0)
			q.main.push(e)
			continue
		}
		e := q.main.oldest
		n := e.freq.Load()
		if n == 0 {
			return e
		}
		e.freq.Store(n - 1)
		q.main.remove(e)
		q.main.push(e)
	}
	return nil
}

// remember keeps the hash of an entry that leaves, in the place of an older
// one.
func (q *queues) remember(hash uint64) {
	if q.left == nil {
		n := min(max(q.budget/1024, 64), 1<<20)
		q.left = make([]uint64, 1<<bits.Len(uint(n-1)))
	}
	q.left[hash&uint64(len(q.left)-1)] = hash
}

// forget reports whether the hash is remembered, and forgets it.
func (q *queues) forget(hash uint64) bool {
	if q.left == nil {
		return false
	}
	at := &q.left[hash&uint64(len(q.left)-1)]
	if *at != hash {
		return false
	}
	*at = 0
	return true
}

func (f *fifo) push(e *Entry) {
	e.queue, e.old, e.newer = f, f.newest, nil
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
		e.newer.old = e.old
	} else {
		f.newest = e.old
	}
	if e.old != nil {
		e.old.newer = e.newer
	} else {
		f.oldest = e.newer
	}
	e.queue, e.newer, e.old = nil, nil, nil
	f.bytes -= int(e.size)
}

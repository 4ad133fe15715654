package nearcache

import (
	"context"
	"math"
	"time"
)

// Load is a read in progress. Its leader, the caller that started it, reads
// from Redis and ends it with [Load.Cache], [Load.Deliver] or [Load.Fail].
// Other callers wait for it with [Load.Wait].
type Load struct {
	origin    *Origin
	view      *View // nil for a probe
	id        string
	hash      uint32
	key       string
	startedAt int64

	// The Cache's mutex guards the following.
	sibling     *Load  // another load of the same key
	epoch       *epoch // of the connection on which the read was sent
	rerouted    bool   // the key was read on another connection too
	invalidated bool   // the record changed after the load started

	done  chan struct{}
	value any
	err   error
}

// addLoad adds a load. cache.mu must be held.
func (o *Origin) addLoad(l *Load) {
	o.used.Store(true)
	o.loads.add(l)
}

// current reports whether the record has not changed since the load started.
// cache.mu must be held.
func (l *Load) current() bool {
	return !l.invalidated && !l.rerouted && l.epoch != nil && !l.epoch.ended()
}

// joinable reports whether a new caller may wait for the load. A caller must
// not get a value that is older than its call. cache.mu must be held.
func (l *Load) joinable() bool {
	return !l.invalidated && !l.rerouted && (l.epoch == nil || !l.epoch.ended())
}

// Current reports whether the record has not changed since the read was sent,
// according to all invalidations that Redis sent before its last reply.
func (l *Load) Current() bool {
	l.origin.cache.mu.Lock()
	defer l.origin.cache.mu.Unlock()
	return l.current()
}

// Confirm records that a reply arrived. All invalidations that Redis sent on
// the connection before the reply were processed.
func (l *Load) Confirm() {
	c := l.origin.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.epoch != nil && !l.rerouted {
		l.epoch.confirm(l.startedAt, int64(c.maxStale))
	}
}

// Cache ends the load with a value for all waiting callers. If the record has
// not changed in the meantime, it also caches the value. A nil value means that
// there is no record. The value must not change afterwards. size is the memory
// of the value. ttl is the lifetime of the key, counted from the start of the
// load, or negative if the key does not expire.
func (l *Load) Cache(value any, size int, ttl time.Duration) {
	c := l.origin.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	l.value = value
	l.end()
	e := l.newEntry(size, ttl)
	if l.current() && !c.closed && int(e.size) <= c.queues.maxEntrySize() && e.expiresAt > c.clock.now() {
		l.origin.maintain(e.epoch)
		c.add(e)
	}
}

// newEntry returns the entry of the value.
func (l *Load) newEntry(size int, ttl time.Duration) *Entry {
	n, nameSize := l.view.names.of(l.key, l.id)
	e := &Entry{
		hash: l.hash, name: n, value: l.value, epoch: l.epoch, size: int32(min(size+entryOverhead+nameSize, math.MaxInt32/2)),
	}
	e.setID(l.id)
	e.expiresAt = l.startedAt + l.view.maxAge
	if ttl >= 0 {
		e.expiresAt = min(e.expiresAt, l.startedAt+int64(min(ttl, longestAge)))
	}
	return e
}

// Deliver ends the load with a value for all waiting callers. It does not cache
// the value.
func (l *Load) Deliver(value any) {
	l.origin.cache.mu.Lock()
	defer l.origin.cache.mu.Unlock()
	l.value = value
	l.end()
}

// Fail ends the load with an error for all waiting callers. If the load has
// already ended, it does nothing.
func (l *Load) Fail(err error) {
	l.origin.cache.mu.Lock()
	defer l.origin.cache.mu.Unlock()
	select {
	case <-l.done:
	default:
		l.err = err
		l.end()
	}
}

// end removes the load and wakes the waiting callers. cache.mu must be held.
func (l *Load) end() {
	l.origin.loads.remove(l)
	if l.invalidated {
		l.view.realm.counters.bypasses.Add(1)
	}
	close(l.done)
}

// Wait waits until the load ends, and returns its result. If ctx ends first, it
// returns the error of ctx.
func (l *Load) Wait(ctx context.Context) (value any, err error) {
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

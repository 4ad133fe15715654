package nearcache

import (
	"context"
	"math"
	"time"
)

// Load is one read on its way. Its leader reads, and ends it with Keep, Pass
// or Fail; the others Wait.
type Load struct {
	origin *Origin
	view   *View // nil: for a sign of life only
	id     string
	hash   uint64
	key    string
	begun  int64

	sibling *Load  // another read of the same key
	epoch   *epoch // the connection that it went out on; guarded by cache.mu, like what follows
	strayed bool   // it, or another read of the key, went out on another one too
	spoiled bool   // the record changed after it was begun

	done  chan struct{}
	value any
	err   error
}

// begin makes a read known by its key.
func (o *Origin) begin(l *Load) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	o.enter(l)
}

// enter is begin with cache.mu held.
func (o *Origin) enter(l *Load) {
	o.used.Store(true)
	l.sibling = o.loads[l.key]
	o.loads[l.key] = l
}

// finish undoes begin.
func (o *Origin) finish(l *Load) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	o.leave(l)
}

// leave is finish with cache.mu held.
func (o *Origin) leave(l *Load) {
	first := o.loads[l.key]
	switch {
	case first != l:
		for first.sibling != l {
			first = first.sibling
		}
		first.sibling = l.sibling
	case l.sibling == nil:
		delete(o.loads, l.key)
	default:
		o.loads[l.key] = l.sibling
	}
}

// sound reports whether what the read brings is still so. cache.mu is held.
func (l *Load) sound() bool {
	return !l.spoiled && !l.strayed && l.epoch != nil && !l.epoch.over()
}

// joinable reports whether who asks now may be given what the read brings.
// cache.mu is held.
func (l *Load) joinable() bool {
	return !l.spoiled && !l.strayed && (l.epoch == nil || !l.epoch.over())
}

// Sound reports whether nothing has changed since the read was sent, as far as
// Redis said before the reply that came last.
func (l *Load) Sound() bool {
	l.origin.cache.mu.Lock()
	defer l.origin.cache.mu.Unlock()
	return l.sound()
}

// Heard notes that a reply came: all that its connection had to tell before is
// known.
func (l *Load) Heard() {
	c := l.origin.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.epoch != nil && !l.strayed {
		l.epoch.heard(l.begun, int64(c.maxStale))
	}
}

// Keep ends the read with a value for all who wait, nil where there is no
// record, and keeps it if nothing speaks against that. The value must not
// change any more. size is the memory that it holds, and ttl what its key has
// to live, negative for ever, counted from the time when the read was begun.
func (l *Load) Keep(value any, size int, ttl time.Duration) {
	c := l.origin.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	l.value = value
	l.end()
	e := l.entry(size, ttl)
	if l.sound() && !c.closed && int(e.size) <= c.queues.largest() && e.ends > c.clock.now() {
		l.origin.tend(e.epoch)
		c.add(e)
	}
}

// tend starts what keeps entries served and gives back their memory. cache.mu
// is held.
func (o *Origin) tend(ep *epoch) {
	if !ep.kept {
		ep.kept = true
		go o.keep(ep)
	}
	o.cache.start()
}

func (l *Load) entry(size int, ttl time.Duration) *Entry {
	e := &Entry{
		hash: l.hash, family: l.view.family, realm: l.view.realm, key: l.key,
		value: l.value, epoch: l.epoch, size: int32(min(size+overhead+allocated(len(l.key)), math.MaxInt32/2)),
	}
	e.name(l.id)
	e.ends = l.begun + l.view.age
	if ttl >= 0 {
		e.ends = min(e.ends, l.begun+int64(ttl))
	}
	return e
}

// Pass ends the read with a value that is not kept.
func (l *Load) Pass(value any) {
	l.origin.cache.mu.Lock()
	defer l.origin.cache.mu.Unlock()
	l.value = value
	l.end()
}

// Fail ends the read, unless it has ended, with an error for all who wait.
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

// end lets the others go on. cache.mu is held.
func (l *Load) end() {
	l.origin.leave(l)
	if l.spoiled {
		l.view.realm.count.bypasses.Add(1)
	}
	close(l.done)
}

// Wait gives what the leader's read brought.
func (l *Load) Wait(ctx context.Context) (value any, err error) {
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

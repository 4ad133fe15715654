// Package nearcache keeps decoded records in memory until Redis says that they
// changed: one table for all pools of a program, within one budget of bytes.
//
//	Cache   all of it: the table, the budget, what is evicted next
//	Origin  one client, and what is known through its connections
//	Realm   an Origin's records of one pool alias, with their counters
//	View    a Realm's records of one Go type, space of keys and codec: what a
//	        repository looks its records up in, by id
//	Load    one read on its way
//
// An entry is served as long as nothing speaks against it: Redis has not
// invalidated it, no write of this process has ended since the read that
// brought it was begun, the connection it came through is there and was heard
// within MaxStale, its key's lifetime has not ended, and it is not older than
// the View allows. A read that any of this happens to while it is under way
// is delivered and not kept.
package nearcache

import (
	"context"
	"sync"
	"time"
)

// Config is what a Cache is made with.
type Config struct {
	MaxBytes int           // of all entries together
	MaxStale time.Duration // how long an entry outlives the last word of its connection
}

// Cache is made by New. All its locking is one mutex: what takes it has talked
// to Redis, or is about to. Looking up an entry takes none.
type Cache struct {
	maxStale time.Duration
	clock    clock
	hasher   hasher
	table    table

	ctx    context.Context
	cancel context.CancelFunc
	dirty  chan struct{} // a sweep is wanted
	used   sync.Once     // starts what runs beside

	mu     sync.Mutex
	queues queues
	closed bool
}

// New makes an empty Cache.
func New(cfg Config) *Cache {
	c := &Cache{
		maxStale: cfg.MaxStale,
		clock:    clock{base: time.Now()},
		hasher:   newHasher(),
		dirty:    make(chan struct{}, 1),
		queues:   newQueues(cfg.MaxBytes),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close forgets everything. Nothing is kept or served afterwards. It works on a
// nil Cache.
func (c *Cache) Close() {
	if c == nil {
		return
	}
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for i := range c.table.parts {
		for _, e := range c.table.collect(i) {
			c.drop(e)
		}
	}
}

// drop takes an entry out of everything. c.mu is held.
func (c *Cache) drop(e *Entry) {
	c.table.remove(e)
	c.queues.remove(e)
	e.realm.unindex(e)
	e.epoch.entries--
	e.realm.count.entries.Add(-1)
	e.realm.count.bytes.Add(-int64(e.size))
}

// add makes an entry known, in place of its family's older one, and evicts
// what has no room beside it. c.mu is held.
func (c *Cache) add(e *Entry) {
	if old := c.table.same(e); old != nil {
		e.warm = old.warm || old.freq.Load() > 0
		c.drop(old)
	}
	e.realm.index(e)
	e.epoch.entries++
	e.realm.count.entries.Add(1)
	e.realm.count.bytes.Add(int64(e.size))
	c.table.insert(e)
	c.queues.push(e)
	for victim := c.queues.victim(); victim != nil; victim = c.queues.victim() {
		victim.realm.count.evictions.Add(1)
		c.drop(victim)
	}
}

// sweepEvery is how often entries that nobody may have any more give back
// their memory, if nothing calls for it before.
const sweepEvery = 10 * time.Second

// sweepLater makes the sweeper go over the table soon.
func (c *Cache) sweepLater() {
	select {
	case c.dirty <- struct{}{}:
	default:
	}
}

// start runs the clock and the sweeper, once there is something to keep.
func (c *Cache) start() {
	c.used.Do(func() {
		c.clock.tick.Store(c.clock.now())
		go c.clock.run(c.ctx)
		go c.sweeper()
	})
}

func (c *Cache) sweeper() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.dirty:
		case <-tick.C:
		}
		for i := range c.table.parts {
			c.sweep(i)
		}
	}
}

// sweep drops the entries of one part of the table that will never be served
// again.
func (c *Cache) sweep(part int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.now()
	for _, e := range c.table.collect(part) {
		switch {
		case e.epoch.over():
			e.realm.count.invalidations.Add(1)
			c.drop(e)
		case e.ends <= now:
			c.drop(e)
		}
	}
}

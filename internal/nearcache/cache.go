// Package nearcache keeps decoded records in memory until Redis invalidates
// them. One table serves all pools of a program, within one budget of bytes.
//
//	Cache   the table, its budget and the eviction
//	Origin  the entries and loads of one client, and its connections
//	Realm   the records of one pool alias, with their counters
//	View    the records of one Go type, key space and codec; a repository
//	        finds its records in a View, by id
//	Entry   a cached record
//	Load    a read in progress
//
// An entry is served if all of the following hold:
//
//   - Redis has not invalidated it.
//   - No write of this process to its key has ended since its load started.
//   - The connection through which it was read is open, and has replied to a
//     cached read or a probe that started less than MaxStale ago.
//   - Its key has not expired.
//   - It is not older than the View permits.
//
// If one of them ceases to hold during a load, the value is returned to the
// callers that wait for it, but it is not cached.
package nearcache

import (
	"context"
	"sync"
	"time"
)

// Config configures a [Cache].
type Config struct {
	// MaxBytes limits the memory of all entries together.
	MaxBytes int
	// MaxStale is how long entries stay valid after the start of the last
	// cached read or probe to which their connection replied.
	MaxStale time.Duration
}

// Cache holds the entries of all pools of a program. One mutex guards all
// changes. They accompany a round trip to Redis, so the mutex costs little in
// comparison. Looking up an entry takes no lock.
type Cache struct {
	maxStale time.Duration
	clock    clock
	hasher   hasher
	table    table

	ctx            context.Context
	cancel         context.CancelFunc
	sweepRequested chan struct{}
	startOnce      sync.Once // starts the background goroutines

	mu     sync.Mutex
	queues queues
	closed bool
}

// New returns an empty Cache. It starts goroutines when it gets its first
// entry.
func New(cfg Config) *Cache {
	c := &Cache{
		maxStale:       cfg.MaxStale,
		clock:          clock{base: time.Now()},
		hasher:         newHasher(),
		sweepRequested: make(chan struct{}, 1),
		queues:         newQueues(cfg.MaxBytes),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Close removes all entries and stops the goroutines. Nothing is cached or
// served afterwards. If c is nil, Close does nothing.
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

// drop removes an entry. c.mu must be held.
func (c *Cache) drop(e *Entry) {
	c.table.remove(e)
	c.queues.remove(e)
	realm := e.realm()
	realm.entries.remove(e)
	e.epoch.entries--
	realm.counters.entries.Add(-1)
	realm.counters.bytes.Add(-int64(e.size))
}

// add adds an entry in place of the older one for the same record, and evicts
// entries until the budget is met. c.mu must be held.
func (c *Cache) add(e *Entry) {
	if old := c.table.sameRecord(e); old != nil {
		e.promoted = old.promoted || old.reads.Load() > 0
		c.drop(old)
	}
	realm := e.realm()
	realm.entries.add(e)
	e.epoch.entries++
	realm.counters.entries.Add(1)
	realm.counters.bytes.Add(int64(e.size))
	c.table.insert(e)
	c.queues.push(e)
	for victim := c.queues.victim(); victim != nil; victim = c.queues.victim() {
		victim.realm().counters.evictions.Add(1)
		c.drop(victim)
	}
}

// sweepInterval is the longest time between two sweeps.
const sweepInterval = 10 * time.Second

// requestSweep makes the sweeper visit the table soon.
func (c *Cache) requestSweep() {
	select {
	case c.sweepRequested <- struct{}{}:
	default:
	}
}

// startBackground starts the clock and the sweeper, once.
func (c *Cache) startBackground() {
	c.startOnce.Do(func() {
		c.clock.lastTick.Store(c.clock.now())
		go c.clock.run(c.ctx)
		go c.runSweeper()
	})
}

// runSweeper sweeps the table on request and at every sweepInterval.
func (c *Cache) runSweeper() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.sweepRequested:
		case <-tick.C:
		}
		for i := range c.table.parts {
			c.sweep(i)
		}
	}
}

// sweep removes from one part of the table the entries that have expired or
// whose epoch has ended.
func (c *Cache) sweep(part int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.now()
	for _, e := range c.table.collect(part) {
		switch {
		case e.epoch.ended():
			e.realm().counters.invalidations.Add(1)
			c.drop(e)
		case e.expiresAt <= now:
			c.drop(e)
		}
	}
}

package poolotel

import (
	"context"
	"maps"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/symphony-go/symphony/pool"
)

// counters reports the sums of the [pool.Stats] of all open pools. A counter
// does not fall when pools are closed.
type counters struct {
	mu     sync.Mutex
	open   map[*pool.Pools]bool
	closed map[pool.Alias]pool.Stats
}

// ofPools are the metrics of an alias.
var ofPools = []instrument[pool.Stats]{
	{"symphony.pool.commands", "{command}", "commands that were sent", counts, func(s pool.Stats) int64 { return s.Commands }},
	{"symphony.pool.errors", "{command}", "commands that returned an error", counts, func(s pool.Stats) int64 { return s.Errors }},
	{"symphony.queue.dead_removed", "{item}", "dead letters that were removed because of DeadLimit or DeadFor", counts, func(s pool.Stats) int64 { return s.DeadRemoved }},
	{"symphony.pool.down", "1", "1 if the last attempt to connect failed, otherwise 0", gauge, func(s pool.Stats) int64 {
		if s.Down {
			return 1
		}
		return 0
	}},
	{"symphony.cache.hits", "{record}", "records read from memory", counts, func(s pool.Stats) int64 { return s.CacheHits }},
	{"symphony.cache.misses", "{record}", "records that were not in memory", counts, func(s pool.Stats) int64 { return s.CacheMisses }},
	{"symphony.cache.bypasses", "{record}", "misses that were not cached, because the record changed meanwhile", counts, func(s pool.Stats) int64 { return s.CacheBypasses }},
	{"symphony.cache.invalidations", "{record}", "records dropped, because they may have changed", counts, func(s pool.Stats) int64 { return s.CacheInvalidations }},
	{"symphony.cache.evictions", "{record}", "records dropped for lack of room", counts, func(s pool.Stats) int64 { return s.CacheEvictions }},
	{"symphony.cache.entries", "{record}", "records that are cached now", level, func(s pool.Stats) int64 { return s.CacheEntries }},
	{"symphony.cache.size", "By", "memory that the cached records use", level, func(s pool.Stats) int64 { return s.CacheBytes }},
}

// newCounters registers the metrics of pools.
func newCounters(meter metric.Meter) *counters {
	c := &counters{open: map[*pool.Pools]bool{}, closed: map[pool.Alias]pool.Stats{}}
	_, err := register(meter, ofPools, nil, func(_ context.Context, observe func(pool.Stats, ...metric.ObserveOption)) error {
		for a, s := range c.sums() {
			observe(s, metric.WithAttributeSet(attribute.NewSet(attribute.String("symphony.pool", string(a)))))
		}
		return nil
	})
	if err != nil {
		otel.Handle(err)
	}
	return c
}

// Opened adds pools to the sums.
func (c *counters) Opened(p *pool.Pools) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[p] = true
}

// Closed keeps the counters of pools, without what can fall.
func (c *counters) Closed(p *pool.Pools) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open[p] {
		return
	}
	delete(c.open, p)
	for a, s := range p.Stats() {
		s.Down, s.CacheEntries, s.CacheBytes = false, 0, 0
		c.closed[a] = sum(c.closed[a], s)
	}
}

// sums returns the sums of all pools.
func (c *counters) sums() map[pool.Alias]pool.Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := maps.Clone(c.closed)
	for p := range c.open {
		for a, s := range p.Stats() {
			all[a] = sum(all[a], s)
		}
	}
	return all
}

func sum(a, b pool.Stats) pool.Stats {
	return pool.Stats{
		Commands: a.Commands + b.Commands, Errors: a.Errors + b.Errors, Down: a.Down || b.Down, DeadRemoved: a.DeadRemoved + b.DeadRemoved,
		CacheHits: a.CacheHits + b.CacheHits, CacheMisses: a.CacheMisses + b.CacheMisses, CacheBypasses: a.CacheBypasses + b.CacheBypasses,
		CacheInvalidations: a.CacheInvalidations + b.CacheInvalidations, CacheEvictions: a.CacheEvictions + b.CacheEvictions,
		CacheEntries: a.CacheEntries + b.CacheEntries, CacheBytes: a.CacheBytes + b.CacheBytes,
	}
}

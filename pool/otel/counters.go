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

// counter is an instrument and how to read it.
type counter struct {
	name, unit, description string
	level                   bool // whether it can fall
	read                    func(pool.Stats) int64
}

var allCounters = []counter{
	{"symphony.pool.commands", "{command}", "Commands that were sent", false, func(s pool.Stats) int64 { return s.Commands }},
	{"symphony.pool.errors", "{command}", "Commands that returned an error", false, func(s pool.Stats) int64 { return s.Errors }},
	{"symphony.pool.down", "1", "1 if the last attempt to connect failed, otherwise 0", true, func(s pool.Stats) int64 {
		if s.Down {
			return 1
		}
		return 0
	}},
	{"symphony.cache.hits", "{record}", "Records read from memory", false, func(s pool.Stats) int64 { return s.CacheHits }},
	{"symphony.cache.misses", "{record}", "Records that were not in memory", false, func(s pool.Stats) int64 { return s.CacheMisses }},
	{"symphony.cache.bypasses", "{record}", "Misses that were not cached, because the record changed meanwhile", false, func(s pool.Stats) int64 { return s.CacheBypasses }},
	{"symphony.cache.invalidations", "{record}", "Records dropped, because they may have changed", false, func(s pool.Stats) int64 { return s.CacheInvalidations }},
	{"symphony.cache.evictions", "{record}", "Records dropped for lack of room", false, func(s pool.Stats) int64 { return s.CacheEvictions }},
	{"symphony.cache.entries", "{record}", "Records that are cached now", true, func(s pool.Stats) int64 { return s.CacheEntries }},
	{"symphony.cache.size", "By", "Memory that the cached records use", true, func(s pool.Stats) int64 { return s.CacheBytes }},
}

// newCounters registers the instruments.
func newCounters(meter metric.Meter) *counters {
	c := &counters{open: map[*pool.Pools]bool{}, closed: map[pool.Alias]pool.Stats{}}
	instruments := make([]metric.Int64Observable, len(allCounters))
	for i, of := range allCounters {
		var err error
		if of.level {
			instruments[i], err = meter.Int64ObservableUpDownCounter(of.name, metric.WithUnit(of.unit), metric.WithDescription(of.description))
		} else {
			instruments[i], err = meter.Int64ObservableCounter(of.name, metric.WithUnit(of.unit), metric.WithDescription(of.description))
		}
		if err != nil {
			otel.Handle(err)
			return c
		}
	}
	observables := make([]metric.Observable, len(instruments))
	for i := range instruments {
		observables[i] = instruments[i]
	}
	_, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for a, s := range c.sums() {
			of := metric.WithAttributeSet(attribute.NewSet(attribute.String("symphony.pool", string(a))))
			for i := range allCounters {
				to.ObserveInt64(instruments[i], allCounters[i].read(s), of)
			}
		}
		return nil
	}, observables...)
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
		Commands: a.Commands + b.Commands, Errors: a.Errors + b.Errors, Down: a.Down || b.Down,
		CacheHits: a.CacheHits + b.CacheHits, CacheMisses: a.CacheMisses + b.CacheMisses, CacheBypasses: a.CacheBypasses + b.CacheBypasses,
		CacheInvalidations: a.CacheInvalidations + b.CacheInvalidations, CacheEvictions: a.CacheEvictions + b.CacheEvictions,
		CacheEntries: a.CacheEntries + b.CacheEntries, CacheBytes: a.CacheBytes + b.CacheBytes,
	}
}

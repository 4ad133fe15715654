package nearcache

import (
	"context"
	"time"
)

// maintain starts the goroutines that keep the entries of an epoch valid and
// release the memory of those that are not. cache.mu must be held.
func (o *Origin) maintain(ep *epoch) {
	if !ep.probing {
		ep.probing = true
		go o.probe(ep)
	}
	o.cache.startBackground()
}

// probe keeps the entries of an epoch valid if no other read does. It reads a
// key at regular intervals until the epoch has no entries. rueidis sends all
// reads of a key on the same connection, and the reply follows all
// invalidations that Redis sent before it.
func (o *Origin) probe(ep *epoch) {
	maxStale := o.cache.maxStale
	tick := time.NewTicker(maxStale / 3)
	defer tick.Stop()
	for {
		select {
		case <-o.cache.ctx.Done():
			return
		case <-tick.C:
		}
		key, needed := o.nextProbeKey(ep)
		if !needed {
			return
		}
		if lately := ep.validUntil.Load() - int64(maxStale); o.cache.clock.now()-lately < int64(maxStale/3) {
			continue
		}
		o.probeOnce(key)
	}
}

// nextProbeKey returns a key of the epoch. If no probe is needed any more, it
// records that probe ends and reports false.
func (o *Origin) nextProbeKey(ep *epoch) (key string, needed bool) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	ep.probing = ep.entries > 0 && !ep.ended()
	return ep.probeKey, ep.probing
}

// probeOnce reads the lifetime of key and confirms the epoch of the connection
// if it gets a reply.
func (o *Origin) probeOnce(key string) {
	ctx, cancel := context.WithTimeout(o.cache.ctx, o.cache.maxStale)
	defer cancel()
	l := &Load{origin: o, key: key, startedAt: o.cache.clock.now()}
	o.startProbe(l)
	defer o.endProbe(l)
	if err := o.readTTL(ctx, key); err == nil {
		l.Confirm()
	}
}

// startProbe adds the load of a probe.
func (o *Origin) startProbe(l *Load) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	o.addLoad(l)
}

// endProbe removes the load of a probe.
func (o *Origin) endProbe(l *Load) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	o.loads.remove(l)
}

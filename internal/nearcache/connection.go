package nearcache

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// connection is what rueidis calls the cache of one connection. It holds
// nothing: it tells the Origin which connection a read goes out on, what Redis
// says on it, and when it ends. rueidis calls Delete and Close on the
// connection's reader, so that a reply is never seen before the invalidations
// that came before it.
type connection struct {
	origin *Origin
	epoch  atomic.Pointer[epoch]
}

// NewConnection is a rueidis.NewCacheStoreFn.
func (o *Origin) NewConnection(rueidis.CacheStoreOption) rueidis.CacheStore {
	c := &connection{origin: o}
	c.epoch.Store(newEpoch())
	return c
}

// Flight makes rueidis send every read: whoever asks has looked for an entry
// before.
func (c *connection) Flight(key, _ string, _ time.Duration, _ time.Time) (rueidis.RedisMessage, rueidis.CacheEntry) {
	c.origin.sent(c.epoch.Load(), key)
	return rueidis.RedisMessage{}, nil
}

// Update gives back the end of the key's lifetime that Redis told, for the
// reply.
func (c *connection) Update(_, _ string, reply rueidis.RedisMessage) int64 {
	return max(reply.CachePXAT(), 0)
}

// Cancel does nothing: a read ends where it was begun.
func (c *connection) Cancel(string, string, error) {}

// Delete forgets keys, or with none all that came through the connection.
func (c *connection) Delete(keys []rueidis.RedisMessage) {
	o := c.origin
	if keys == nil {
		o.end(c.epoch.Swap(newEpoch()))
		return
	}
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	for i := range keys {
		if key, err := keys[i].ToString(); err == nil {
			o.forget(key)
		}
	}
}

// Close voids all that came through the connection.
func (c *connection) Close(error) { c.origin.end(c.epoch.Load()) }

// epoch is the time in which a connection tells about every change: until it
// breaks, or Redis forgets what it read.
type epoch struct {
	until atomic.Int64 // its entries are served until then; over: never again

	entries int    // guarded by the Cache's mutex, like what follows
	key     string // one that was read lately
	kept    bool   // whether keep runs
}

const over = -1

func newEpoch() *epoch { return &epoch{} }

func (ep *epoch) over() bool { return ep.until.Load() == over }

// heard notes that all is known that Redis had to say until the time t.
func (ep *epoch) heard(t, maxStale int64) {
	until := t + maxStale
	for {
		was := ep.until.Load()
		if was == over || was >= until || ep.until.CompareAndSwap(was, until) {
			return
		}
	}
}

// end voids what came in an epoch.
func (o *Origin) end(ep *epoch) {
	ep.until.Store(over)
	if o.used.Load() {
		o.cache.sweepLater()
	}
}

// keep asks for a sign of life every now and then, as long as there are entries
// that need one: a read of a key that went over the connection goes over it
// again, and its reply comes behind all that Redis had to say before.
func (o *Origin) keep(ep *epoch) {
	maxStale := o.cache.maxStale
	tick := time.NewTicker(maxStale / 3)
	defer tick.Stop()
	for {
		select {
		case <-o.cache.ctx.Done():
			return
		case <-tick.C:
		}
		key, needed := o.needed(ep)
		if !needed {
			return
		}
		if lately := ep.until.Load() - int64(maxStale); o.cache.clock.now()-lately < int64(maxStale/3) {
			continue
		}
		o.ask(key)
	}
}

// needed gives a key of the epoch, or ends keep.
func (o *Origin) needed(ep *epoch) (key string, needed bool) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	ep.kept = ep.entries > 0 && !ep.over()
	return ep.key, ep.kept
}

// ask reads something of key, for the sake of the reply.
func (o *Origin) ask(key string) {
	ctx, cancel := context.WithTimeout(o.cache.ctx, o.cache.maxStale)
	defer cancel()
	l := &Load{origin: o, key: key, begun: o.cache.clock.now()}
	o.begin(l)
	defer o.finish(l)
	if err := o.ping(ctx, key); err == nil {
		l.Heard()
	}
}

package nearcache

import (
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// connection implements rueidis.CacheStore for one connection of a client. It
// stores nothing. It reports to the [Origin] on which connection a read is
// sent, which keys Redis invalidates on it, and when the connection ends.
//
// rueidis calls Delete and Close on the goroutine that reads from the
// connection. Therefore a reply is delivered only after the invalidations that
// Redis sent before it were processed.
type connection struct {
	origin *Origin
	epoch  atomic.Pointer[epoch]
}

// NewConnection returns the cache store of a new connection. It is a
// rueidis.NewCacheStoreFn.
func (o *Origin) NewConnection(rueidis.CacheStoreOption) rueidis.CacheStore {
	c := &connection{origin: o}
	c.epoch.Store(newEpoch())
	return c
}

// Flight records that a read of key is sent on the connection. It always makes
// rueidis send the read, because the caller has already looked for an entry.
func (c *connection) Flight(key, _ string, _ time.Duration, _ time.Time) (rueidis.RedisMessage, rueidis.CacheEntry) {
	c.origin.readSent(c.epoch.Load(), key)
	return rueidis.RedisMessage{}, nil
}

// Update returns when the key of reply expires, as a Unix time in milliseconds,
// or 0 if it does not expire.
func (c *connection) Update(_, _ string, reply rueidis.RedisMessage) int64 {
	return max(reply.CachePXAT(), 0)
}

// Cancel does nothing. The caller that started a load ends it.
func (c *connection) Cancel(string, string, error) {}

// Delete removes the entries of keys. If keys is nil, it ends the epoch of the
// connection, and with it all entries that were read through the connection.
func (c *connection) Delete(keys []rueidis.RedisMessage) {
	o := c.origin
	if keys == nil {
		o.endEpoch(c.epoch.Swap(newEpoch()))
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

// Close ends the epoch of the connection.
func (c *connection) Close(error) { c.origin.endEpoch(c.epoch.Load()) }

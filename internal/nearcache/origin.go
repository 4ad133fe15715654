package nearcache

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/rueidis"
)

var errNoReply = errors.New("EXEC returned no replies")

// Origin holds the entries and loads of one client, by key. The keys are those
// of one database of a server, or of one cluster.
//
// All entries and loads of a key belong to one connection. When a read of the
// key is sent on another one, the results from the first are discarded. Thus a
// caller that has seen a value through the second connection never gets an
// older one that came through the first.
type Origin struct {
	cache   *Cache
	used    atomic.Bool // whether a load was ever started
	readTTL func(ctx context.Context, key string) error

	// The Cache's mutex guards the following.
	entries keyTable
	loads   loads
}

// NewOrigin returns the Origin of a client that is not yet made. Pass
// [Origin.NewConnection] to the client as its NewCacheStoreFn, and then the
// client to [Origin.SetClient].
func (c *Cache) NewOrigin() *Origin {
	return &Origin{cache: c, entries: newKeyTable(), loads: loads{}}
}

// SetClient sets the client that was made with [Origin.NewConnection].
func (o *Origin) SetClient(client rueidis.Client) {
	o.readTTL = func(ctx context.Context, key string) (err error) {
		defer func() {
			if recover() != nil { // rueidis indexes the last reply of EXEC, which has none
				err = errNoReply
			}
		}()
		return client.DoCache(ctx, client.B().Pttl().Key(key).Cache(), o.cache.maxStale).Error()
	}
}

// Forget removes the entries of keys and invalidates the loads of them. Every
// write must call it when the write has ended, with or without an error, and
// before it returns to its caller. If o is nil, Forget does nothing.
func (o *Origin) Forget(keys ...string) {
	if o == nil || !o.used.Load() {
		return
	}
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	for _, key := range keys {
		o.forget(key)
	}
}

// forget is like [Origin.Forget]. cache.mu must be held.
func (o *Origin) forget(key string) {
	for e := range o.entries.all(key) {
		e.realm().counters.invalidations.Add(1)
		o.cache.drop(e)
	}
	for l := o.loads[key]; l != nil; l = l.sibling {
		l.invalidated = true
	}
}

// readSent records that a read of key is sent on the connection of ep.
func (o *Origin) readSent(ep *epoch, key string) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	ep.probeKey = key
	for e := range o.entries.all(key) {
		if e.epoch != ep {
			e.realm().counters.invalidations.Add(1)
			o.cache.drop(e)
		}
	}
	for l := o.loads[key]; l != nil; l = l.sibling {
		if l.epoch == nil {
			l.epoch = ep
		}
		l.rerouted = l.rerouted || l.epoch != ep
	}
}

package nearcache

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/redis/rueidis"
)

var errNoReply = errors.New("EXEC answered nothing")

// Origin is one client. Its keys are those of one server and database, or of
// one cluster.
//
// A key is known through one connection at a time: when a read of it goes out
// on another, what the first one brought is void. So nobody who has seen what
// came through the second can be given what came through the first.
type Origin struct {
	cache *Cache
	used  atomic.Bool // whether anything was ever read through the cache
	ping  func(context.Context, string) error

	entries map[string]*Entry // by key, siblings behind it; guarded by cache.mu
	loads   map[string]*Load  // the reads under way, by key; guarded by cache.mu
}

// NewOrigin makes the Origin of a client that has NewConnection for its
// NewCacheStoreFn. Start tells it the client once that is there.
func (c *Cache) NewOrigin() *Origin {
	return &Origin{cache: c, entries: map[string]*Entry{}, loads: map[string]*Load{}}
}

// Start gives the client that was made with NewConnection.
func (o *Origin) Start(client rueidis.Client) {
	o.ping = func(ctx context.Context, key string) (err error) {
		defer func() {
			if recover() != nil { // rueidis looks for the last reply of an EXEC that has none
				err = errNoReply
			}
		}()
		return client.DoCache(ctx, client.B().Pttl().Key(key).Cache(), o.cache.maxStale).Error()
	}
}

// Forget drops what is known of keys and spoils the reads of them that are
// under way. Whoever wrote to a key calls it when the write has ended, in
// whatever way, and before anybody is told.
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

// forget is Forget with cache.mu held.
func (o *Origin) forget(key string) {
	for e := o.entries[key]; e != nil; e = o.entries[key] {
		e.realm.count.invalidations.Add(1)
		o.cache.drop(e)
	}
	for l := o.loads[key]; l != nil; l = l.sibling {
		l.spoiled = true
	}
}

// index makes an entry known by its key. cache.mu is held.
func (o *Origin) index(e *Entry) {
	e.sibling = o.entries[e.key]
	o.entries[e.key] = e
}

// unindex undoes index. cache.mu is held.
func (o *Origin) unindex(e *Entry) {
	first := o.entries[e.key]
	switch {
	case first != e:
		for first.sibling != e {
			first = first.sibling
		}
		first.sibling = e.sibling
	case e.sibling == nil:
		delete(o.entries, e.key)
	default:
		o.entries[e.key] = e.sibling
	}
}

// sent notes that a read of key goes out on the connection of ep.
func (o *Origin) sent(ep *epoch, key string) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	ep.key = key
	for e := o.entries[key]; e != nil; {
		next := e.sibling
		if e.epoch != ep {
			e.realm.count.invalidations.Add(1)
			o.cache.drop(e)
		}
		e = next
	}
	for l := o.loads[key]; l != nil; l = l.sibling {
		if l.epoch == nil {
			l.epoch = ep
		}
		l.strayed = l.strayed || l.epoch != ep
	}
}

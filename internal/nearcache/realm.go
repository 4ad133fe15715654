package nearcache

import (
	"context"

	"github.com/redis/rueidis"
)

// Fetch reads from Redis with client-side caching, like DoMultiCache of a
// rueidis.Client.
type Fetch func(ctx context.Context, cmds ...rueidis.CacheableTTL) []rueidis.RedisResult

// RealmOf returns the realm of an alias of a *pool.Pools, or nil if the alias
// does not exist or Config.Cache.Disabled is set. Package pool sets this
// variable, so that its API does not show a type of this package.
var RealmOf func(pools any, alias string) *Realm

// Realm holds the records of one pool alias, with their counters. The methods
// of a nil Realm report that nothing is cached.
type Realm struct {
	*Origin
	fetch    Fetch
	counters counters
	onUse    func()
}

// NewRealm returns the realm of one alias of the client. It reads with fetch.
func (o *Origin) NewRealm(fetch Fetch) *Realm { return &Realm{Origin: o, fetch: fetch} }

// NewUnavailableRealm returns a realm that cannot cache. It calls onUse for
// each view that a repository requests.
func NewUnavailableRealm(onUse func()) *Realm { return &Realm{onUse: onUse} }

// Forget is like [Origin.Forget]. If r is nil, it does nothing.
func (r *Realm) Forget(keys ...string) {
	if r != nil {
		r.Origin.Forget(keys...)
	}
}

// Stats returns the counters. If r is nil, they are zero.
func (r *Realm) Stats() Stats {
	if r == nil {
		return Stats{}
	}
	c := &r.counters
	return Stats{
		Hits: c.hits.sum(), Misses: c.misses.Load(), Bypasses: c.bypasses.Load(),
		Invalidations: c.invalidations.Load(), Evictions: c.evictions.Load(),
		Entries: c.entries.Load(), Bytes: c.bytes.Load(),
	}
}

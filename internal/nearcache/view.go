package nearcache

import (
	"context"
	"hash/maphash"
	"time"
	"unique"

	"github.com/redis/rueidis"
)

// View finds the entries of one repository by id.
type View struct {
	table    *table
	clock    *clock
	hasher   *hasher
	salt     uint64
	identity unique.Handle[viewIdentity]
	maxAge   int64
	realm    *Realm
	names    names
}

// longestAge is the longest age that can be added to a time without overflow.
const longestAge = 100 * 365 * 24 * time.Hour

// View returns the view of the records that share a key space and a format.
// format is a comparable value that identifies the Go type and the codec. No
// entry is served longer than maxAge after its load started. If nothing can be
// cached, or r is nil, View returns nil.
func (r *Realm) View(space, format any, maxAge time.Duration) *View {
	if r == nil || r.Origin == nil {
		if r != nil {
			r.onUse()
		}
		return nil
	}
	maxAge = min(maxAge, longestAge)
	identity := unique.Make(viewIdentity{r, space, format, maxAge})
	c := r.cache
	return &View{
		table: &c.table, clock: &c.clock, hasher: &c.hasher, salt: maphash.Comparable(c.hasher.seed, identity),
		identity: identity, maxAge: int64(maxAge), realm: r, names: names{view: identity},
	}
}

func (v *View) hash(id string) uint32 { return uint32(v.hasher.hash(id) ^ v.salt) }

// Find returns the valid entry of a record and counts a hit. If there is none,
// Find returns nil.
func (v *View) Find(id string) *Entry {
	e := v.table.find(v.hash(id), v.identity, id)
	if e == nil || !v.valid(e) {
		return nil
	}
	e.markRead()
	v.realm.counters.hits.increment()
	return e
}

// Record returns the cached value of a record. It returns nil if there is no
// valid entry, if the record does not exist, or if v is nil.
//
// It does not count a hit, because the processor does not load the value ahead
// while it waits for a counter that other goroutines change. The caller calls
// [View.CountHit] when it has copied the value. Record repeats the code of Find
// in one function, because its cost is the cost of a hit.
func (v *View) Record(id string) any {
	if v == nil {
		return nil
	}
	hash := v.hash(id)
	for e := v.table.bucket(hash); e != nil; e = e.next.Load() {
		if e.hash != hash || !e.matches(v.identity, id) {
			continue
		}
		if e.value == nil || !v.valid(e) {
			return nil
		}
		e.markRead()
		return e.value
	}
	return nil
}

// CountHit counts a record that was served.
func (v *View) CountHit() { v.realm.counters.hits.increment() }

// valid reports whether the entry may be served.
func (v *View) valid(e *Entry) bool {
	return v.clock.isBeforeBoth(e.expiresAt, e.epoch.validUntil.Load())
}

// JoinOrStart returns a load of the record: one in progress, or a new one that
// the caller leads. If another load has ended since the caller called
// [View.Find], JoinOrStart returns the entry instead.
func (v *View) JoinOrStart(key, id string) (l *Load, leads bool, e *Entry) {
	hash := v.hash(id)
	o := v.realm.Origin
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	if e := v.table.find(hash, v.identity, id); e != nil && v.valid(e) {
		e.markRead()
		v.realm.counters.hits.increment()
		return nil, false, e
	}
	v.realm.counters.misses.Add(1)
	now := v.clock.now()
	for l := o.loads[key]; l != nil; l = l.sibling {
		if l.view != nil && l.view.identity == v.identity && l.joinable() && now-l.startedAt < v.maxAge {
			return l, false, nil
		}
	}
	l = &Load{origin: o, view: v, id: id, hash: hash, key: key, startedAt: now, done: make(chan struct{})}
	o.addLoad(l)
	return l, true, nil
}

// Fetch reads from Redis for loads.
func (v *View) Fetch(ctx context.Context, cmds ...rueidis.CacheableTTL) []rueidis.RedisResult {
	return v.realm.fetch(ctx, cmds...)
}

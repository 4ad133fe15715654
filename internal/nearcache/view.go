package nearcache

import (
	"context"
	"hash/maphash"
	"time"
	"unique"

	"github.com/redis/rueidis"
)

// Fetch reads from Redis with client-side caching, as a client's DoMultiCache
// does.
type Fetch func(ctx context.Context, cmds ...rueidis.CacheableTTL) []rueidis.RedisResult

// RealmOf returns the realm of an alias of a *pool.Pools. It is nil if
// Config.Cache.Disabled is set. Package pool sets the function, so that its API
// does not show a type of this package.
var RealmOf func(pools any, alias string) *Realm

// Realm is the records of one pool alias. A nil Realm holds none, and what
// works on one says so.
type Realm struct {
	*Origin
	fetch  Fetch
	count  counters
	cannot func()
}

// NewRealm makes the realm of one alias of the origin's client, which reads by
// fetch.
func (o *Origin) NewRealm(fetch Fetch) *Realm { return &Realm{Origin: o, fetch: fetch} }

// NoRealm is a realm where nothing can be cached; cannot is called when
// somebody wants to.
func NoRealm(cannot func()) *Realm { return &Realm{cannot: cannot} }

// Forget is Origin.Forget; it works on a nil Realm.
func (r *Realm) Forget(keys ...string) {
	if r != nil {
		r.Origin.Forget(keys...)
	}
}

// View is what a repository looks its records up in.
type View struct {
	table  *table
	clock  *clock
	hasher *hasher
	salt   uint64
	family unique.Handle[family]
	age    int64
	realm  *Realm
}

// longest is an age that can be added to a time.
const longest = 100 * 365 * 24 * time.Hour

// View gives the records that have space and shape in common: the space of
// their keys, and the Go type and the codec that they are read by, in whatever
// comparable form. None of them is served for longer than age after its read
// was begun. It is nil where nothing can be cached; it works on a nil Realm.
func (r *Realm) View(space, shape any, age time.Duration) *View {
	if r == nil || r.Origin == nil {
		if r != nil {
			r.cannot()
		}
		return nil
	}
	age = min(age, longest)
	f := unique.Make(family{r, space, shape, age})
	c := r.cache
	return &View{&c.table, &c.clock, &c.hasher, maphash.Comparable(c.hasher.seed, f), f, int64(age), r}
}

func (v *View) hash(id string) uint64 { return v.hasher.of(id) ^ v.salt }

// Find gives the entry of a record, nil where there is none to serve.
func (v *View) Find(id string) *Entry {
	e := v.table.find(v.hash(id), v.family, id)
	if e == nil || !v.served(e) {
		return nil
	}
	e.touch()
	v.realm.count.hits.add()
	return e
}

// Record is the value of Find, nil also where it is known that there is no
// record. It works on a nil View, and counts nothing: whoever has copied the
// value says so with Hit, since the processor reads nothing ahead over a
// counter that others write to. It is Find once more, as one function: what a
// hit costs is in here.
func (v *View) Record(id string) any {
	if v == nil {
		return nil
	}
	hash := v.hash(id)
	for e := v.table.bucket(hash); e != nil; e = e.next.Load() {
		if e.hash != hash || !e.is(v.family, id) {
			continue
		}
		if e.value == nil || !v.served(e) {
			return nil
		}
		e.touch()
		return e.value
	}
	return nil
}

// Hit counts a record that was served.
func (v *View) Hit() { v.realm.count.hits.add() }

// served reports whether the entry may be given out.
func (v *View) served(e *Entry) bool { return v.clock.before(e.ends, e.epoch.until.Load()) }

// Load joins the read of a record that is under way, or begins one that the
// caller is to lead. Where a read has ended since the caller looked, it gives
// the entry instead.
func (v *View) Load(key, id string) (l *Load, leads bool, e *Entry) {
	hash := v.hash(id)
	o := v.realm.Origin
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	if e := v.table.find(hash, v.family, id); e != nil && v.served(e) {
		e.touch()
		v.realm.count.hits.add()
		return nil, false, e
	}
	v.realm.count.misses.Add(1)
	now := v.clock.now()
	for l := o.loads[key]; l != nil; l = l.sibling {
		if l.view != nil && l.view.family == v.family && l.joinable() && now-l.begun < v.age {
			return l, false, nil
		}
	}
	l = &Load{origin: o, view: v, id: id, hash: hash, key: key, begun: now, done: make(chan struct{})}
	o.enter(l)
	return l, true, nil
}

// Fetch reads from Redis for Loads.
func (v *View) Fetch(ctx context.Context, cmds ...rueidis.CacheableTTL) []rueidis.RedisResult {
	return v.realm.fetch(ctx, cmds...)
}

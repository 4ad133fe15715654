package nearcache

import (
	"sync/atomic"
	"unsafe"
)

// Stats counts what a Realm's records met.
type Stats struct {
	Hits, Misses, Bypasses, Invalidations, Evictions int64
	Entries, Bytes                                   int64 // now
}

type counters struct {
	hits                                       stripes
	misses, bypasses, invalidations, evictions atomic.Int64
	entries, bytes                             atomic.Int64
}

// Stats gives the counters; it works on a nil Realm.
func (r *Realm) Stats() Stats {
	if r == nil {
		return Stats{}
	}
	c := &r.count
	return Stats{
		Hits: c.hits.sum(), Misses: c.misses.Load(), Bypasses: c.bypasses.Load(),
		Invalidations: c.invalidations.Load(), Evictions: c.evictions.Load(),
		Entries: c.entries.Load(), Bytes: c.bytes.Load(),
	}
}

// stripes is a counter that goroutines add to without writing to one cache
// line: each has a stack of its own, and by that a stripe.
type stripes [32]struct {
	n atomic.Int64
	_ [56]byte
}

func (s *stripes) add() {
	var here byte
	stack := uint64(uintptr(unsafe.Pointer(&here))) >> 11
	s[stack*0x9E3779B97F4A7C15>>59].n.Add(1)
}

func (s *stripes) sum() (n int64) {
	for i := range s {
		n += s[i].n.Load()
	}
	return n
}

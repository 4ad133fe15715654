package nearcache

import (
	"sync/atomic"
	"unsafe"
)

// Stats counts the events of the records of a [Realm].
type Stats struct {
	Hits, Misses, Bypasses, Invalidations, Evictions int64

	Entries, Bytes int64 // the current entries and their memory
}

type counters struct {
	hits                                       stripedCounter
	misses, bypasses, invalidations, evictions atomic.Int64
	entries, bytes                             atomic.Int64
}

// stripedCounter is a counter that many goroutines increment without sharing a
// cache line. The address of its stack assigns a goroutine to a stripe.
type stripedCounter [32]struct {
	n atomic.Int64
	_ [56]byte
}

func (s *stripedCounter) increment() {
	var here byte
	stack := uint64(uintptr(unsafe.Pointer(&here))) >> 11
	s[stack*0x9E3779B97F4A7C15>>59].n.Add(1)
}

func (s *stripedCounter) sum() (n int64) {
	for i := range s {
		n += s[i].n.Load()
	}
	return n
}

package nearcache

import (
	"sync/atomic"
	"unique"
)

// table finds entries by view and id. A lookup takes no lock. While a part
// grows, a lookup may miss an entry, which costs a cache miss. The Cache's
// mutex guards all changes.
//
// Parts grow one at a time, so that no caller waits until all entries have
// moved.
type table struct {
	parts [32]part
}

type part struct {
	buckets atomic.Pointer[buckets]
	count   int
}

type buckets struct {
	mask  uint32
	heads []atomic.Pointer[Entry]
}

func (t *table) part(hash uint32) *part { return &t.parts[hash>>27] }

func (b *buckets) head(hash uint32) *atomic.Pointer[Entry] { return &b.heads[hash&b.mask] }

// bucket returns the first entry of the bucket for hash.
func (t *table) bucket(hash uint32) *Entry {
	b := t.part(hash).buckets.Load()
	if b == nil {
		return nil
	}
	return b.head(hash).Load()
}

func (t *table) find(hash uint32, view unique.Handle[viewIdentity], id string) *Entry {
	for e := t.bucket(hash); e != nil; e = e.next.Load() {
		if e.hash == hash && e.matches(view, id) {
			return e
		}
	}
	return nil
}

func (t *table) insert(e *Entry) {
	p := t.part(e.hash)
	if b := p.buckets.Load(); b == nil || p.count == len(b.heads) {
		p.grow()
	}
	p.count++
	p.buckets.Load().push(e)
}

func (b *buckets) push(e *Entry) {
	head := b.head(e.hash)
	e.next.Store(head.Load())
	head.Store(e)
}

// sameRecord returns the entry in the table for the record of e.
func (t *table) sameRecord(e *Entry) *Entry {
	return t.find(e.hash, e.name.view, e.id())
}

// grow moves the entries to twice as many buckets. A lookup that is at an entry
// which moves continues in the new bucket of the entry, and reaches its end.
func (p *part) grow() {
	all := p.collect()
	n := max(8, 2*len(all))
	b := &buckets{uint32(n - 1), make([]atomic.Pointer[Entry], n)}
	for _, e := range all {
		b.push(e)
	}
	p.buckets.Store(b)
}

// remove removes an entry that is in the table. The entry keeps its next
// pointer for lookups that are at the entry.
func (t *table) remove(e *Entry) {
	p := t.part(e.hash)
	at := p.buckets.Load().head(e.hash)
	for at.Load() != e {
		at = &at.Load().next
	}
	at.Store(e.next.Load())
	p.count--
}

func (t *table) collect(part int) []*Entry { return t.parts[part].collect() }

// collect returns the entries of a part.
func (p *part) collect() []*Entry {
	b := p.buckets.Load()
	if b == nil {
		return nil
	}
	all := make([]*Entry, 0, p.count)
	for i := range b.heads {
		for e := b.heads[i].Load(); e != nil; e = e.next.Load() {
			all = append(all, e)
		}
	}
	return all
}

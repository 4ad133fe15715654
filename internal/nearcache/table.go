package nearcache

import (
	"sync/atomic"
	"unique"
)

// table finds entries by family and id. Looking takes no lock and may overlook
// an entry while its part grows, which costs a miss. Changes are made under the
// Cache's mutex.
//
// Parts grow one at a time, so that nobody waits for all entries to move.
type table struct {
	parts [32]part
}

type part struct {
	buckets atomic.Pointer[buckets]
	count   int
}

type buckets struct {
	mask  uint64
	heads []atomic.Pointer[Entry]
}

func (t *table) part(hash uint64) *part { return &t.parts[hash>>59] }

func (b *buckets) head(hash uint64) *atomic.Pointer[Entry] { return &b.heads[hash&b.mask] }

// bucket gives the first of the entries among which those with the hash are.
func (t *table) bucket(hash uint64) *Entry {
	b := t.part(hash).buckets.Load()
	if b == nil {
		return nil
	}
	return b.head(hash).Load()
}

func (t *table) find(hash uint64, f unique.Handle[family], id string) *Entry {
	for e := t.bucket(hash); e != nil; e = e.next.Load() {
		if e.hash == hash && e.is(f, id) {
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

// same gives the entry of the record that e is an entry of.
func (t *table) same(e *Entry) *Entry {
	id := e.long
	if int(e.length) <= len(e.short) {
		id = string(e.short[:e.length])
	}
	return t.find(e.hash, e.family, id)
}

// grow moves the entries to twice as many buckets. A reader on an entry that
// moves goes on in the entry's new bucket, and comes to its end.
func (p *part) grow() {
	all := p.collect()
	n := max(8, 2*len(all))
	b := &buckets{uint64(n - 1), make([]atomic.Pointer[Entry], n)}
	for _, e := range all {
		b.push(e)
	}
	p.buckets.Store(b)
}

// remove takes out an entry that is there. It keeps its next, for the readers
// that are on it.
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

// collect gives the entries of a part.
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

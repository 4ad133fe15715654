package nearcache

import (
	"hash/maphash"
	"iter"
	"strings"
)

// keyTable finds the entries of a key. A key has an entry for each view that
// has read it. The Cache's mutex guards a keyTable.
//
// It is a table of its own, because a map would hold the keys. Its parts grow
// one at a time, so that no caller waits until all entries have moved.
type keyTable struct {
	seed  maphash.Seed
	parts [32]keyPart
}

type keyPart struct {
	heads []*Entry // the buckets; their number is a power of two
	count int
}

// maxChain is the average number of entries in a bucket at which a part grows.
// Only changes look up a key, so memory counts more than the length of a chain.
const maxChain = 2

func newKeyTable() keyTable { return keyTable{seed: maphash.MakeSeed()} }

// all yields the entries of a key. The loop may remove the entry that it got.
func (t *keyTable) all(key string) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		hash := maphash.String(t.seed, key)
		p := t.part(hash)
		if p.count == 0 {
			return
		}
		for e := *p.head(hash); e != nil; {
			next := e.nextKey
			if e.hasKey(key) && !yield(e) {
				return
			}
			e = next
		}
	}
}

func (t *keyTable) add(e *Entry) {
	hash := t.hash(e)
	p := t.part(hash)
	if p.count == maxChain*len(p.heads) {
		t.grow(p)
	}
	p.count++
	p.push(hash, e)
}

// remove removes an entry that is in the table.
func (t *keyTable) remove(e *Entry) {
	hash := t.hash(e)
	p := t.part(hash)
	link := p.head(hash)
	for *link != e {
		link = &(*link).nextKey
	}
	*link = e.nextKey
	e.nextKey = nil
	p.count--
}

func (t *keyTable) part(hash uint64) *keyPart { return &t.parts[hash>>59] }

func (p *keyPart) head(hash uint64) **Entry { return &p.heads[hash&uint64(len(p.heads)-1)] }

func (p *keyPart) push(hash uint64, e *Entry) {
	head := p.head(hash)
	e.nextKey = *head
	*head = e
}

// grow moves the entries to twice as many buckets.
func (t *keyTable) grow(p *keyPart) {
	was := p.heads
	p.heads = make([]*Entry, max(8, 2*len(was)))
	for _, e := range was {
		for e != nil {
			next := e.nextKey
			p.push(t.hash(e), e)
			e = next
		}
	}
}

// hash returns the hash of the key of e.
func (t *keyTable) hash(e *Entry) uint64 {
	if e.name.key != "" {
		return maphash.String(t.seed, e.name.key)
	}
	var h maphash.Hash
	h.SetSeed(t.seed)
	h.WriteString(e.name.prefix)
	h.Write(e.shortID[:e.idLength])
	return h.Sum64()
}

// hasKey reports whether key is that of the entry.
func (e *Entry) hasKey(key string) bool {
	if e.name.key != "" {
		return e.name.key == key
	}
	id, ok := strings.CutPrefix(key, e.name.prefix)
	return ok && id == string(e.shortID[:e.idLength])
}

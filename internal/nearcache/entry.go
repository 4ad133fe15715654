package nearcache

import (
	"strings"
	"sync/atomic"
	"time"
	"unique"
)

// Entry is a record as it was read, or that there was none. What is not atomic
// does not change while the entry is in the table.
//
// Finding one costs as much as its memory is far: what a hit looks at is in
// the first two lines of the processor's cache, the id among it.
type Entry struct {
	hash   uint64
	next   atomic.Pointer[Entry] // in the table's bucket
	family unique.Handle[family]
	value  any
	epoch  *epoch
	ends   int64 // when the key's lifetime does, or the age that the View allows
	freq   atomic.Uint32
	length uint32 // of the id

	short [48]byte // the id, if it fits
	long  string   // the id, if not

	realm      *Realm
	key        string
	sibling    *Entry // another family's entry of the same key
	size       int32
	warm       bool // it was read often before, and comes back
	queue      *fifo
	newer, old *Entry // in the queue
}

// is reports whether the entry is the record of that family with that id.
func (e *Entry) is(f unique.Handle[family], id string) bool {
	if e.family != f || int(e.length) != len(id) {
		return false
	}
	if len(id) <= len(e.short) {
		return string(e.short[:len(id)]) == id
	}
	return e.long == id
}

// name gives the entry its id. A long one is the end of the key, mostly.
func (e *Entry) name(id string) {
	e.length = uint32(len(id))
	switch at := len(e.key) - len(id); {
	case len(id) <= len(e.short):
		copy(e.short[:], id)
	case at >= 0 && e.key[at:] == id:
		e.long = e.key[at:]
	default:
		e.long = strings.Clone(id)
		e.size += int32(allocated(len(id)))
	}
}

// family tells the records of one View from those of others that have the same
// ids.
type family struct {
	realm        *Realm
	space, shape any
	age          time.Duration
}

// overhead is the memory of an entry beside its key, its id and its value: the
// Entry, and its places in the table and in the index by key.
const overhead = 192 + 16 + 48

// allocated is about the memory that a string of n bytes takes.
func allocated(n int) int { return (n + 15) &^ 15 }

// Value is what Load.Keep was given; nil says that there is no record.
func (e *Entry) Value() any { return e.value }

// Key is the record's key.
func (e *Entry) Key() string { return e.key }

// hot is how often an entry has to be read to count as read often.
const hot = 3

// touch notes that the entry was read.
func (e *Entry) touch() {
	if n := e.freq.Load(); n < hot {
		e.freq.Store(n + 1)
	}
}

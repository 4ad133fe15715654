package nearcache

import (
	"sync/atomic"
	"time"
	"unique"
)

// Entry is a cached record, or the fact that there is no record. The fields
// that are not atomic do not change while the entry is in the table.
//
// The time to find an entry is mostly the time to load its memory. The fields
// that a lookup reads fill the first cache line, and a short id most of the
// second. There is no third.
type Entry struct {
	hash      uint32
	reads     atomic.Uint32
	next      atomic.Pointer[Entry] // in the bucket of the table
	value     any
	epoch     *epoch
	expiresAt int64 // when the key expires or the entry reaches its maximum age
	name      *name
	size      int32
	idLength  uint8 // longLength if the id does not fit into shortID
	promoted  bool  // the entry it replaces was read: it skips probation
	inMain    bool  // whether the queue is the main one

	shortID      [40]byte
	nextKey      *Entry // in the bucket of the keyTable
	newer, older *Entry // in the queue
}

// longLength is the idLength of ids that do not fit into shortID.
const longLength = len(Entry{}.shortID) + 1

// setID stores the id. The name has an id that does not fit.
func (e *Entry) setID(id string) {
	e.idLength = uint8(min(len(id), longLength))
	copy(e.shortID[:], id)
}

// matches reports whether the entry belongs to a view and has the given id.
func (e *Entry) matches(view unique.Handle[viewIdentity], id string) bool {
	if e.name.view != view {
		return false
	}
	if int(e.idLength) == longLength {
		return e.name.longID == id
	}
	return string(e.shortID[:e.idLength]) == id
}

// id returns the id.
func (e *Entry) id() string {
	if int(e.idLength) == longLength {
		return e.name.longID
	}
	return string(e.shortID[:e.idLength])
}

// realm returns the realm of the entry.
func (e *Entry) realm() *Realm { return e.name.view.Value().realm }

// viewIdentity distinguishes the entries of different views that have the same
// id. Two views with equal identities share their entries.
type viewIdentity struct {
	realm         *Realm
	space, format any
	maxAge        time.Duration
}

// entryOverhead is the memory of an entry without its name and value: the
// Entry, and its slots in the table and in the keyTable.
const entryOverhead = 128 + 16 + 8

// allocatedBytes estimates the memory of a string of n bytes.
func allocatedBytes(n int) int { return (n + 15) &^ 15 }

// Value returns the value that was passed to [Load.Cache]. It is nil if there
// is no record.
func (e *Entry) Value() any { return e.value }

// Key returns the key of the record.
func (e *Entry) Key() string {
	if e.name.key != "" {
		return e.name.key
	}
	return e.name.prefix + e.id()
}

// maxReads is the highest number of reads that an entry counts.
const maxReads = 3

// markRead counts a read of the entry.
func (e *Entry) markRead() {
	if n := e.reads.Load(); n < maxReads {
		e.reads.Store(n + 1)
	}
}

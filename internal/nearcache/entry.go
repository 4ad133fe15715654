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
// that a lookup reads, including a short id, fill the first two cache lines.
type Entry struct {
	hash      uint64
	next      atomic.Pointer[Entry] // in the bucket of the table
	view      unique.Handle[viewIdentity]
	value     any
	epoch     *epoch
	expiresAt int64 // when the key expires or the entry reaches its maximum age
	reads     atomic.Uint32
	idLength  uint32

	shortID [40]byte // the id, if it fits
	name    *name

	nextKey      *Entry // in the bucket of the keyTable
	newer, older *Entry // in the queue
	size         int32
	promoted     bool // the entry it replaces was read: it skips probation
	inMain       bool // whether the queue is the main one
}

// matches reports whether the entry belongs to a view and has the given id.
func (e *Entry) matches(view unique.Handle[viewIdentity], id string) bool {
	if e.view != view || int(e.idLength) != len(id) {
		return false
	}
	if len(id) <= len(e.shortID) {
		return string(e.shortID[:len(id)]) == id
	}
	return e.name.longID == id
}

// id returns the id.
func (e *Entry) id() string {
	if int(e.idLength) <= len(e.shortID) {
		return string(e.shortID[:e.idLength])
	}
	return e.name.longID
}

// realm returns the realm of the entry.
func (e *Entry) realm() *Realm { return e.view.Value().realm }

// viewIdentity distinguishes the entries of different views that have the same
// id. Two views with equal identities share their entries.
type viewIdentity struct {
	realm         *Realm
	space, format any
	maxAge        time.Duration
}

// entryOverhead is the memory of an entry without its name and value: the
// Entry, and its slots in the table and in the keyTable.
const entryOverhead = 144 + 16 + 16

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

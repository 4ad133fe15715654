package nearcache

import (
	"strings"
	"sync/atomic"
	"unique"
)

// name is the view of an entry, and how its key follows from its id. If the key
// is a prefix and the id, as most are, the entries of a view share a name, and
// no entry holds its key.
type name struct {
	view   unique.Handle[viewIdentity]
	prefix string
	key    string // the whole key, for a name of one entry
	longID string // the id, if it does not fit into the Entry
}

// nameBytes is the memory of a name without its strings.
const nameBytes = 64

// names returns the names of the entries of a view.
type names struct {
	view   unique.Handle[viewIdentity]
	shared atomic.Pointer[name]
}

// of returns the name for a key and an id, and the memory that it takes beside
// the Entry.
func (ns *names) of(key, id string) (n *name, size int) {
	prefix, isSuffix := strings.CutSuffix(key, id)
	switch {
	case !isSuffix:
		n = &name{view: ns.view, key: key, longID: strings.Clone(id)}
		return n, nameBytes + allocatedBytes(len(key)) + allocatedBytes(len(id))
	case len(id) > len(Entry{}.shortID):
		return &name{view: ns.view, key: key, longID: key[len(prefix):]}, nameBytes + allocatedBytes(len(key))
	}
	if n = ns.shared.Load(); n == nil || n.prefix != prefix {
		n = &name{view: ns.view, prefix: strings.Clone(prefix)}
		ns.shared.Store(n)
	}
	return n, 0
}

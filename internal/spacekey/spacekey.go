// Package spacekey names the keys that the library keeps beside the records of
// a space of hashes: its list and its indexes. [keyspace.Beside] builds a key
// from a kind and the name of the space or of its group.
package spacekey

import "strings"

// Kinds of keys beside the name of a space. The key of an index ends in ":" and
// the name of the index. The name stands behind the space, so that the keys of
// a tenant begin alike.
const (
	IDs     = "ids"     // sorted set: the list of a space
	Checks  = "checks"  // sorted set: ids, scored by the time of the next look
	Entries = "entries" // hash: what the indexes hold, by id
	Index   = "index"   // sorted set: an index
	Moved   = "moved"   // sorted set: ids that moved within an index
)

// Kinds of keys beside the group of a space.
const (
	Spaces  = "spaces"  // sorted set: the spaces of a group that have a list
	Indexed = "indexed" // hash: what Reindex has completed
)

// Name returns the name of a space: what precedes an id in the keys of its
// records, with the prefix of the pool, and what follows it.
func Name(prefix, suffix string) string {
	if suffix == "" {
		return prefix
	}
	return prefix + "\x00" + suffix
}

// CutName is the inverse of [Name].
func CutName(name string) (prefix, suffix string) {
	prefix, suffix, _ = strings.Cut(name, "\x00")
	return prefix, suffix
}

// Group returns the group of a space, both without the prefix of the pool: the
// text of its name before the first colon, which is the tenant in every layout.
// For a cluster it is the text through the hash tag, which keeps the group in
// the slot of the records. Spaces of one group share the work of removing what
// expired.
func Group(name string, forCluster bool) string {
	if open := strings.IndexByte(name, '{'); forCluster && open >= 0 {
		if end := strings.IndexByte(name[open:], '}'); end > 1 {
			return name[:open+end+1]
		}
	}
	group, _, _ := strings.Cut(name, ":")
	return group
}

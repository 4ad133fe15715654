package hashrepo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/spacekey"
	"github.com/symphony-go/symphony/internal/store"
	"github.com/symphony-go/symphony/keyspace"
)

// listing is the list and the indexes of a space: the names of their keys, and
// what the scripts need to know. docs/bytes.md describes the keys.
type listing struct {
	space          keyspace.Space
	poolPrefix     string
	prefix, suffix string // of the keys of records, with the prefix of the pool
	tail           string // of the keys of the list and the indexes
	ids            string // key of the list
	spaces         string // key of the spaces of the group
	indexed        string // key that says which lists and indexes are complete

	writeKeys []string // see declareKeys
}

// newListing returns the listing of a space, or ErrUnsupported if the records
// and their list would be in different slots of a cluster.
func newListing(base *store.Store, indexes []*index) (*listing, error) {
	space := base.Space()
	cluster := base.Client.Mode() == rueidis.ClientModeCluster
	forCluster := cluster || space.ForCluster()
	if forCluster && !space.OneSlot() {
		return nil, fmt.Errorf("%w: indexes and Listed need the records of a space in one slot of the cluster; use keyspace.ClusterByTenant, or a pattern with the tenant as hash tag",
			fault.ErrUnsupported)
	}
	prefix, suffix := space.Parts()
	l := &listing{space: space, poolPrefix: base.Prefix(), prefix: base.Prefix() + prefix, suffix: suffix}
	name := spacekey.Name(l.prefix, suffix)
	l.ids = keyspace.Beside(spacekey.IDs, name)
	l.tail = strings.TrimPrefix(l.ids, "%ids")
	group := l.poolPrefix + spacekey.Group(name[len(l.poolPrefix):], forCluster)
	l.spaces, l.indexed = keyspace.Beside(spacekey.Spaces, group), keyspace.Beside(spacekey.Indexed, group)
	l.declareKeys(cluster, indexes)
	return l, nil
}

// id returns the id that is written as coded in the key of its record.
func (l *listing) id(coded string) string {
	if id, ok := l.space.ID(l.prefix[len(l.poolPrefix):] + coded + l.suffix); ok {
		return id
	}
	return coded
}

// indexKey returns the key of an index.
func (l *listing) indexKey(x *index) string { return "%" + spacekey.Index + l.tail + ":" + x.name }

// lookInterval is the number of writes of a repository after which one looks at
// ids whose time has come: up to 16 of its space and up to about 100 of the
// spaces of its group. So more ids go than come.
const lookInterval = 8

// appendIndexArgs appends the arguments of index_write.lua, if the space has a
// list. bodies has one element for each index.
func (c *core) appendIndexArgs(args, bodies []string) []string {
	if c.listing == nil {
		return args
	}
	n := len(args)
	args = append(args, c.listing.prefix, c.listing.suffix, flag(c.writes.Add(1)%lookInterval == 0))
	for i, x := range c.plan.indexes {
		fields, body := "", bodies[i]
		if x.unique {
			fields = x.fields
		}
		switch body {
		case bodyUnchanged:
			continue
		case bodyOfNumber:
			body += x.field.Name
		}
		args = append(args, x.name, fields, body)
	}
	return append(args, strconv.Itoa(len(args)-n))
}

// declareKeys sets the keys that write scripts name after that of the record. A
// single server needs two of them, and the script derives the others. A cluster
// gets all: if one of them is on another node, because their slot is moving, it
// refuses the script before the script has written anything.
func (l *listing) declareKeys(cluster bool, indexes []*index) {
	l.writeKeys = []string{l.ids, l.spaces}
	if !cluster {
		return
	}
	for _, kind := range []string{"%checks", "%entries", "%moved"} {
		l.writeKeys = append(l.writeKeys, kind+l.tail)
	}
	for _, x := range indexes {
		l.writeKeys = append(l.writeKeys, l.indexKey(x))
	}
}

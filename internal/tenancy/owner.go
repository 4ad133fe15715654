// Package tenancy finds what belongs to a tenant in Redis: records, the keys of
// the library beside them, and entries of keys that all tenants share. It knows
// a key by its name and reads no record.
package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/internal/pending"
	"github.com/symphony-go/symphony/internal/queuekey"
	"github.com/symphony-go/symphony/internal/spacekey"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Kinds of what a tenant has. Package symphony exports and documents them.
const (
	User        = "user"
	State       = "state"
	Table       = "table"
	SharedState = "shared_state"
	Generic     = "generic"
	Queue       = "queue"
	Trigger     = "trigger"
	Feed        = "feed"
	Limit       = "limit"

	Permanent = "permanent"
	Index     = "index"
	Beside    = "beside"
	Pending   = "pending"

	Waiting  = "waiting"
	InFlight = "in_flight"
	Dead     = "dead"

	TriggerDue      = "trigger_due"
	TriggerInFlight = "trigger_in_flight"
	TriggerWaiting  = "trigger_waiting"
	TriggerDead     = "trigger_dead"
)

// Kinds of keys that all tenants share.
const (
	pendingSet = "pending set"
	registry   = "registry"
)

// namedPattern is a pattern of a layout and the kind of its records.
type namedPattern struct {
	kind string
	keyspace.Pattern
}

// layoutKinds returns the patterns of records in which a tenant has keys.
func layoutKinds(l keyspace.Layout) []namedPattern {
	all := []namedPattern{
		{User, l.User}, {State, l.State}, {Table, l.Table}, {SharedState, l.SharedState},
		{Trigger, l.Trigger}, {Queue, l.BatchList}, {Feed, l.Feed}, {Limit, l.Limit}, {Generic, l.Generic},
	}
	return slices.DeleteFunc(all, func(p namedPattern) bool { return p.Pattern == keyspace.Pattern{} })
}

// hashKinds are the kinds whose spaces can have a list and indexes.
var hashKinds = []string{User, State, Table, SharedState}

// homes are the kinds that the constructors of package symphony put on a pool.
var homes = map[pool.Alias][]string{
	pool.Default:     {Generic},
	pool.User:        {User},
	pool.Handlers:    {State, Table, Queue, pendingSet, Limit},
	pool.SharedState: {SharedState},
	pool.Expiry:      {Trigger},
	pool.PubSub:      {Feed},
}

// otherKinds are tried after those that are at home on a pool, because the
// option On puts every kind on any pool. Generic comes last: its pattern
// matches the keys of the others.
var otherKinds = []string{User, State, Table, SharedState, Trigger, Queue, pendingSet, Feed, Limit}

// CheckLayout returns ErrUnsupported if the keys of different tenants can be
// equal in a layout.
func CheckLayout(l keyspace.Layout) error {
	for _, p := range layoutKinds(l) {
		if p.IsPython() && p.CheckPart(0, "a:b") == nil {
			return fmt.Errorf("%w: the layout cannot tell tenants apart: with keyspace.AllowAmbiguous, %q accepts a tenant with a colon, "+
				"so that a key of one tenant can be read as a key of another; use a layout without it, or remove the keys by hand",
				fault.ErrUnsupported, p.Pattern)
		}
	}
	return nil
}

// CheckTenant returns ErrInvalidKey if a tenant cannot be in the keys of a
// layout.
func CheckTenant(l keyspace.Layout, tenant string) error {
	for _, p := range layoutKinds(l) {
		if err := p.CheckPart(0, tenant); err != nil {
			return err
		}
	}
	return nil
}

// owner is what the name of a key says about it.
type owner struct {
	tenant string // empty for a key that tenants share
	kind   string // of the record that it is or stands beside; or pendingSet or registry
	beside string // the kind of a key beside a record, or empty
	alias  pool.Alias
	record string // the key of the record or the set, with the prefix of the pool

	service, entity, action string // of a queue; of a pending set the service
}

// database is a database of a server, with the aliases on it.
type database struct {
	aliases  []pool.Alias
	prefixes map[pool.Alias]string
	patterns map[string]keyspace.Pattern // by kind, with the pending set
	generic  bool                        // generic values are looked for on every alias
}

// ownerOf returns what the name of a key says. It reports false for a key that
// no pattern of the layout makes.
func (d *database) ownerOf(key string) (owner, bool) {
	kind, record, isBeside := parseBeside(key)
	if !isBeside {
		return d.recordOf(key)
	}
	switch {
	case slices.Contains([]string{spacekey.IDs, spacekey.Checks, spacekey.Entries, spacekey.Moved, spacekey.Index}, kind):
		o, ok := d.spaceOf(record)
		o.beside = Index
		return o, ok
	case kind == spacekey.Spaces || kind == spacekey.Indexed:
		return owner{kind: registry, beside: kind, record: record}, true
	case kind == queuekey.Queues || kind == queuekey.Places:
		set, tenant, ok := cutLast(record)
		o, isSet := d.recordOf(set)
		unescaped, isTenant := pending.UnescapeTenant(tenant)
		o.beside, o.tenant = kind, unescaped
		return o, ok && isSet && isTenant && o.kind == pendingSet
	}
	o, ok := d.recordOf(record)
	o.beside = kind
	return o, ok
}

// parseBeside is [keyspace.ParseBeside], also for keys with a text behind it:
// the queues and the places of a tenant, whose keys end in the tenant, and an
// index, whose key ends in its name. The record of the former is the pending
// set, a colon and the tenant.
func parseBeside(key string) (kind, record string, ok bool) {
	before, last, found := cutLast(key)
	switch {
	case strings.HasPrefix(key, "%"+queuekey.Queues), strings.HasPrefix(key, "%"+queuekey.Places):
		kind, record, ok = keyspace.ParseBeside(before)
		return kind, record + ":" + last, ok && found && (kind == queuekey.Queues || kind == queuekey.Places)
	case isIndex(key):
		kind, record, ok = keyspace.ParseBeside(before)
		return kind, record, ok && kind == spacekey.Index
	}
	return keyspace.ParseBeside(key)
}

// isIndex reports whether a key has the form of an index.
func isIndex(key string) bool {
	return strings.HasPrefix(key, "%"+spacekey.Index+":") || strings.HasPrefix(key, "%"+spacekey.Index+"%:")
}

// cutLast cuts a text at its last colon.
func cutLast(text string) (before, after string, ok bool) {
	at := strings.LastIndexByte(text, ':')
	if at < 0 {
		return text, "", false
	}
	return text[:at], text[at+1:], true
}

// recordOf returns the owner of the key of a record or of a pending set.
func (d *database) recordOf(key string) (owner, bool) {
	for _, a := range d.aliases {
		bare, ok := strings.CutPrefix(key, d.prefixes[a])
		if !ok {
			continue
		}
		for _, kind := range d.kindsOn(a) {
			parts, ok := d.patterns[kind].Parse(bare)
			if !ok {
				continue
			}
			o := owner{tenant: parts[0], kind: kind, alias: a, record: key}
			switch kind {
			case Queue:
				o.service, o.entity, o.action = parts[1], parts[2], parts[3]
			case pendingSet:
				o.tenant, o.service = "", parts[0]
			}
			return o, true
		}
	}
	return owner{}, false
}

// kindsOn returns the kinds that a pool can have, in the order in which they
// are tried.
func (d *database) kindsOn(a pool.Alias) []string {
	home, predefined := homes[a]
	kinds := append(slices.Clip(home), otherKinds...)
	if !predefined || d.generic {
		kinds = append(kinds, Generic)
	}
	return kinds
}

// spaceOf returns the owner of a space of hashes with a name as spacekey.Name
// returns it.
func (d *database) spaceOf(name string) (owner, bool) {
	prefix, suffix := spacekey.CutName(name)
	for _, a := range d.aliases {
		bare, ok := strings.CutPrefix(prefix, d.prefixes[a])
		if !ok {
			continue
		}
		for _, kind := range hashKinds {
			if parts, ok := d.patterns[kind].Parse(bare + "1" + suffix); ok {
				return owner{tenant: parts[0], kind: kind, alias: a, record: name}, true
			}
		}
	}
	return owner{}, false
}

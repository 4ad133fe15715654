package expiry

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

// shardCount is the number of slots of a cluster over which triggers are
// spread.
const shardCount = 16

// naming builds and parses the keys of triggers and of their schedules, on one
// pool.
type naming struct {
	pattern keyspace.Pattern
	prefix  string
	sharded bool
}

// triggerKey holds the parts of a trigger's key.
type triggerKey struct{ tenant, shard, action, id string }

func newNaming(pattern keyspace.Pattern, prefix string, cluster bool) (naming, error) {
	n := naming{pattern: pattern, prefix: prefix}
	switch len(pattern.Params()) {
	case 3:
		if cluster {
			return n, fmt.Errorf("%w: on a cluster, the keys of triggers need a shard as their hash tag, and %q has none; use the Trigger pattern of keyspace.Cluster()",
				fault.ErrUnsupported, pattern)
		}
		return n, nil
	case 4:
		n.sharded = true
		if pattern.HashTag() == pattern.Params()[1] {
			return n, nil
		}
	}
	return n, fmt.Errorf("%w: %q is not a pattern for triggers; use one with a tenant, an action and an id, or with a tenant, a {{shard}}, an action and an id",
		fault.ErrUnsupported, pattern)
}

// shard returns the shard of a trigger, or "" if the pattern has no shards.
func (n naming) shard(tenant, action, id string) string {
	if !n.sharded {
		return ""
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant + "\x00" + action + "\x00" + id))
	return "s" + strconv.Itoa(int(h.Sum32()%shardCount))
}

// allShards returns all shards, or one empty string if the pattern has no
// shards.
func (n naming) allShards() []string {
	if !n.sharded {
		return []string{""}
	}
	all := make([]string, shardCount)
	for i := range all {
		all[i] = "s" + strconv.Itoa(i)
	}
	return all
}

// parts returns the parts in the order of the pattern.
func (n naming) parts(l triggerKey) []string {
	if n.sharded {
		return []string{l.tenant, l.shard, l.action, l.id}
	}
	return []string{l.tenant, l.action, l.id}
}

// parse parses the key of a trigger, with the pool's prefix.
func (n naming) parse(key string) (triggerKey, bool) {
	bare, ok := strings.CutPrefix(key, n.prefix)
	if !ok {
		return triggerKey{}, false
	}
	parts, ok := n.pattern.Parse(bare)
	if !ok {
		return triggerKey{}, false
	}
	if n.sharded {
		return triggerKey{parts[0], parts[1], parts[2], parts[3]}, slices.Contains(n.allShards(), parts[1]) && hashTag(key) == parts[1]
	}
	return triggerKey{tenant: parts[0], action: parts[1], id: parts[2]}, true
}

// hashTag returns the hash tag of a key, or "" if it has none.
func hashTag(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	tag, _, ok := strings.Cut(rest, "}")
	if !ok {
		return ""
	}
	return tag
}

// key returns the key of a trigger, with the pool's prefix.
func (n naming) key(l triggerKey) (string, error) {
	key, err := n.pattern.Key(n.parts(l)...)
	return n.prefix + key, err
}

// glob returns a pattern that matches keys of triggers, without the pool's
// prefix. A part that is [keyspace.Any] matches every value.
func (n naming) glob(l triggerKey) string { return n.pattern.Glob(n.parts(l)...) }

// literals returns the strings that the keys of all triggers of an action and
// shard contain, in order. Keys begin with the first and end with the last.
func (n naming) literals(shard, action string) []string {
	glob := n.glob(triggerKey{keyspace.Any, shard, action, keyspace.Any})
	all := []string{n.prefix}
	for i := 0; i < len(glob); i++ {
		switch last := len(all) - 1; {
		case glob[i] == '*':
			all = append(all, "")
		case glob[i] == '\\' && i+1 < len(glob):
			i++
			fallthrough
		default:
			all[last] += glob[i : i+1]
		}
	}
	return all
}

// tenantInKeys returns a tenant as keys contain it, or "" if no key can.
func (n naming) tenantInKeys(tenant, shard, action string) string {
	key, err := n.key(triggerKey{tenant, shard, action, "i"})
	literals := n.literals(shard, action)
	if err != nil || len(literals) < 2 {
		return ""
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(key, literals[0]), literals[1])
	return text
}

// eventKey returns the key without the pool's prefix and without the shard.
func (n naming) eventKey(key, shard string) string {
	key = strings.TrimPrefix(key, n.prefix)
	if n.sharded {
		key = strings.Replace(key, "{"+shard+"}", "", 1)
	}
	return key
}

// checkTenant, checkAction and checkID return an error if no key can contain
// the part.
func (n naming) checkTenant(tenant string) error { return n.pattern.CheckPart(0, tenant) }

func (n naming) checkAction(action string) error {
	return n.pattern.CheckPart(len(n.pattern.Params())-2, action)
}

func (n naming) checkID(id string) error {
	return n.pattern.CheckPart(len(n.pattern.Params())-1, id)
}

// actionInKeys returns the action as keys contain it. The Python package's
// patterns replace some characters.
func (n naming) actionInKeys(action string) (string, error) {
	if !n.pattern.IsPython() {
		return action, nil
	}
	key, err := n.key(triggerKey{"t", "s0", action, "i"})
	if err != nil {
		return "", err
	}
	l, ok := n.parse(key)
	if !ok {
		return "", fmt.Errorf("%w: the action %q cannot be read back from a key of %q; rename it", keyspace.ErrInvalidKey, action, n.pattern)
	}
	return l.action, nil
}

// scheduleKey returns a key of the schedule of an action. It lies in the slot
// of the triggers of its shard.
func (n naming) scheduleKey(kind, shard, action string) string {
	if shard != "" {
		shard = "{" + shard + "}"
	}
	return n.prefix + "%exp" + shard + ":" + kind + ":" + action
}

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

// shards is over how many slots of a cluster the triggers spread.
const shardCount = 16

// naming gives the keys of triggers and of the sets beside them, on one pool.
type naming struct {
	pattern keyspace.Pattern
	prefix  string
	sharded bool
}

// label is what a trigger's key tells.
type triggerKey struct{ tenant, shard, action, id string }

func newNaming(pattern keyspace.Pattern, prefix string, cluster bool) (naming, error) {
	n := naming{pattern: pattern, prefix: prefix}
	switch len(pattern.Params()) {
	case 3:
		if cluster {
			return n, fmt.Errorf("%w: on a cluster triggers need a shard as their hash tag, and %q has none; take the Trigger pattern of keyspace.Cluster()",
				fault.ErrUnsupported, pattern)
		}
		return n, nil
	case 4:
		n.sharded = true
		if pattern.HashTag() == pattern.Params()[1] {
			return n, nil
		}
	}
	return n, fmt.Errorf("%w: %q is no pattern of triggers; it takes a tenant, an action and an id, or a tenant, a {{shard}}, an action and an id",
		fault.ErrUnsupported, pattern)
}

// shard is where a trigger lies; empty without shards.
func (n naming) shard(tenant, action, id string) string {
	if !n.sharded {
		return ""
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant + "\x00" + action + "\x00" + id))
	return "s" + strconv.Itoa(int(h.Sum32()%shardCount))
}

// allShards are the shards there are, one empty one without shards.
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

// parts are the pattern's parts.
func (n naming) parts(l triggerKey) []string {
	if n.sharded {
		return []string{l.tenant, l.shard, l.action, l.id}
	}
	return []string{l.tenant, l.action, l.id}
}

// parse reads a key as Redis has it.
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

// hashTag is the part of a key that chooses its slot; empty if all of it does.
func hashTag(key string) string {
	_, rest, _ := strings.Cut(key, "{")
	tag, _, ok := strings.Cut(rest, "}")
	if !ok {
		return ""
	}
	return tag
}

// key is a trigger's key as Redis has it.
func (n naming) key(l triggerKey) (string, error) {
	key, err := n.pattern.Key(n.parts(l)...)
	return n.prefix + key, err
}

// glob matches the keys of triggers; a field of l that is keyspace.Any matches
// every value.
func (n naming) glob(l triggerKey) string { return n.pattern.Glob(n.parts(l)...) }

// pieces are what the keys of all triggers of an action and a shard have in
// common, in this order: the first at their beginning, the last at their end.
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

// shown is a key without the pool's prefix and without the shard.
func (n naming) eventKey(key, shard string) string {
	key = strings.TrimPrefix(key, n.prefix)
	if n.sharded {
		key = strings.Replace(key, "{"+shard+"}", "", 1)
	}
	return key
}

// checkTenant, checkAction and checkID return the error of a part that no key of
// a trigger can contain.
func (n naming) checkTenant(tenant string) error { return n.pattern.CheckPart(0, tenant) }

func (n naming) checkAction(action string) error {
	return n.pattern.CheckPart(len(n.pattern.Params())-2, action)
}

func (n naming) checkID(id string) error {
	return n.pattern.CheckPart(len(n.pattern.Params())-1, id)
}

// action is how an action is spelled in keys: the Python package's patterns
// know fewer spellings than there are actions.
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
		return "", fmt.Errorf("%w: no key tells the action %q in %q", keyspace.ErrInvalidKey, action, n.pattern)
	}
	return l.action, nil
}

// beside is the key of a set of the schedule of one action, in the slot of the
// triggers of its shard.
func (n naming) scheduleKey(kind, shard, action string) string {
	if shard != "" {
		shard = "{" + shard + "}"
	}
	return n.prefix + "%exp" + shard + ":" + kind + ":" + action
}

// actionOf reads the action and the shard out of the key of a due set.
func (n naming) parseDueKey(key string) (l triggerKey, ok bool) {
	rest, ok := strings.CutPrefix(key, n.prefix+"%exp")
	if !ok {
		return l, false
	}
	tag, action, ok := strings.Cut(rest, ":due:")
	if !ok {
		return l, false
	}
	if n.sharded {
		tag = strings.TrimSuffix(strings.TrimPrefix(tag, "{"), "}")
	}
	return triggerKey{shard: tag, action: action}, slices.Contains(n.allShards(), tag)
}

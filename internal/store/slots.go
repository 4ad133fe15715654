package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/keyspace"
)

// slotSet is a set of the slots of a cluster.
type slotSet [keyspace.Slots]bool

// primarySlots are the slots of one primary of a cluster.
type primarySlots struct {
	node      rueidis.Client
	served    slotSet
	migrating slotSet // the served slots whose keys are moving to another node
	abandoned slotSet // the migrating slots that no node imports
	importing slotSet // the slots whose keys are moving to this node
	primary   bool    // false: the node is a replica or serves nothing
}

// markAbandoned sets the abandoned slots of all primaries.
func markAbandoned(all []*primarySlots) {
	for _, source := range all {
		source.abandoned = source.migrating
		for _, other := range all {
			for i, imported := range other.importing {
				source.abandoned[i] = source.abandoned[i] && !imported
			}
		}
	}
}

// slotsOf returns the slots of a node, from its line in CLUSTER NODES. A
// replica has none.
func slotsOf(ctx context.Context, node rueidis.Client) (*primarySlots, error) {
	text, err := node.Do(ctx, node.B().ClusterNodes().Build()).ToString()
	if err != nil {
		return nil, err
	}
	p := &primarySlots{node: node}
	for line := range strings.Lines(text) {
		// <id> <address> <flags> <primary> <ping> <pong> <epoch> <link>
		// <slots>...
		fields := strings.Fields(line)
		if len(fields) > 8 && strings.Contains(fields[2], "myself") {
			p.primary = true
			for _, entry := range fields[8:] {
				if err := p.add(entry); err != nil {
					return nil, err
				}
			}
		}
	}
	return p, nil
}

// add adds an entry of CLUSTER NODES: a range as 0-5460, a slot as 93, or a
// slot that moves, as [93->-to] or [77-<-from].
func (p *primarySlots) add(entry string) error {
	set := &p.served
	if open, ok := strings.CutPrefix(entry, "["); ok {
		slot, _, _ := strings.Cut(open, "-")
		entry, set = slot, &p.importing
		if strings.Contains(open, "->-") {
			set = &p.migrating
		}
	}
	from, to, ok := strings.Cut(entry, "-")
	if !ok {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 16)
	last, errLast := strconv.ParseUint(to, 10, 16)
	if err != nil || errLast != nil || last >= keyspace.Slots {
		return fmt.Errorf("CLUSTER NODES contains an invalid slot entry: %q", entry)
	}
	for i := first; i <= last; i++ {
		set[i] = true
	}
	return nil
}

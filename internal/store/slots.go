package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/symphony-go/symphony/keyspace"
)

// slotSet has a mark for each slot of a cluster.
type slotSet [keyspace.Slots]bool

// share is what one primary holds of a cluster.
type primarySlots struct {
	node      rueidis.Client
	served    slotSet // those it answers for
	migrating slotSet // of these, those whose keys are on their way out
	abandoned slotSet // of these, those that nobody takes
	importing slotSet // those whose keys are on their way in
	primary   bool    // whether it serves or takes any
}

// coverage is how far a walk over a cluster has come. A key moves in one
// direction while its slot does: what a walk did not meet on the primary that
// gives, it meets on the one that takes, if it goes there afterwards.
type coverage struct {
	pending          slotSet
	left             int     // how many are pending
	scannedMigrating slotSet // walked on a primary that was giving them away
}

func newCoverage() *coverage {
	c := &coverage{left: keyspace.Slots}
	for i := range c.pending {
		c.pending[i] = true
	}
	return c
}

// wants reports whether a walk of a primary is to give the keys of a slot.
func (c *coverage) includes(held *primarySlots, slot uint16) bool {
	return c.pending[slot] && (held.served[slot] || c.scannedMigrating[slot])
}

// walked takes note of a primary that was walked from before to after.
func (c *coverage) markScanned(before, after *primarySlots) {
	for i := range c.pending {
		switch {
		case !c.pending[i]:
		case c.scannedMigrating[i] && (after.served[i] && !after.migrating[i] || after.importing[i]),
			before.served[i] && after.served[i] && (before.abandoned[i] || !before.migrating[i] && !after.migrating[i]):
			c.pending[i] = false
			c.left--
		case before.served[i]:
			c.scannedMigrating[i] = true
		}
	}
}

// overCluster walks every primary of a cluster, and those again that slots
// moved to meanwhile. A replica has what its primary has.
func (w *scan) scanCluster(ctx context.Context, yield func(Page, error) bool) {
	c := newCoverage()
	last := time.Now()
	for attempt := 0; c.left > 0; attempt++ {
		before := c.left
		holders, err := w.primaries(ctx, c)
		for _, held := range holders {
			if !w.scanPrimary(ctx, c, held, yield) {
				return
			}
		}
		if c.left < before {
			last, attempt = time.Now(), 0
			continue
		}
		if time.Since(last) > w.pools.Timeout() {
			yield(Page{}, w.target.Failed(fmt.Errorf("%w: %d slots (%w)", errNoPrimary, c.left, err)))
			return
		}
		if err := conflictBackoff.Sleep(ctx, attempt); err != nil {
			yield(Page{}, w.target.Failed(err))
			return
		}
	}
}

var errNoPrimary = errors.New("no primary of the cluster answers for a part of it")

// overShare walks one primary, and reports whether to go on with the next.
func (w *scan) scanPrimary(ctx context.Context, c *coverage, before *primarySlots, yield func(Page, error) bool) bool {
	w.includes = func(key string) bool { return c.includes(before, keyspace.Slot(key)) }
	if !w.scanNode(ctx, before.node, yield) {
		return false
	}
	after, err := slotsOf(ctx, before.node)
	if err != nil {
		yield(Page{}, w.target.Failed(err))
		return false
	}
	c.markScanned(before, after)
	return true
}

// holders asks every node what it holds, and waits no longer than it takes to
// know who serves the slots that are pending: a dead node holds nobody up. The
// error is that of the nodes which did not answer.
func (w *scan) primaries(ctx context.Context, c *coverage) (found []*primarySlots, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		held *primarySlots
		err  error
	}
	nodes := w.Client.Nodes()
	answers := make(chan answer, len(nodes))
	for _, node := range nodes {
		go func() {
			held, err := slotsOf(ctx, node)
			answers <- answer{held, err}
		}()
	}
	unknown := unknownSlots{c.pending, c.left}
	for range nodes {
		a := <-answers
		if a.err != nil {
			err = errors.Join(err, a.err)
			continue
		}
		if a.held.primary {
			found = append(found, a.held)
			unknown.remove(a.held)
		}
		if unknown.left == 0 {
			return found, nil
		}
	}
	if err == nil {
		markAbandoned(found)
	}
	w.refreshTopology(ctx, &unknown.slotSet)
	return found, err
}

// unknownSlots are those of which it is not known who serves them, or who takes
// them where somebody gives them.
type unknownSlots struct {
	slotSet
	left int
}

func (u *unknownSlots) remove(held *primarySlots) {
	for i := range u.slotSet {
		if u.slotSet[i] && (held.served[i] && !held.migrating[i] || held.importing[i]) {
			u.slotSet[i] = false
			u.left--
		}
	}
}

// rest marks the slots that are given and taken by nobody.
func markAbandoned(all []*primarySlots) {
	for _, giver := range all {
		giver.abandoned = giver.migrating
		for _, taker := range all {
			for i, taken := range taker.importing {
				giver.abandoned[i] = giver.abandoned[i] && !taken
			}
		}
	}
}

// learn has the client look for the primary of a slot that no node it knows
// serves: a redirection makes it ask for the topology anew.
func (w *scan) refreshTopology(ctx context.Context, unknown *slotSet) {
	for n := 0; *unknown != (slotSet{}); n++ {
		key := strconv.Itoa(n)
		if unknown[keyspace.Slot(key)] {
			_ = w.Client.Do(ctx, w.Client.B().Exists().Key(key).Build()).Error() // what it finds out, the next attempt sees
			return
		}
	}
}

// shareOf asks a node: the line of its own in CLUSTER NODES. A replica holds
// nothing.
func slotsOf(ctx context.Context, node rueidis.Client) (*primarySlots, error) {
	text, err := node.Do(ctx, node.B().ClusterNodes().Build()).ToString()
	if err != nil {
		return nil, err
	}
	held := &primarySlots{node: node}
	for line := range strings.Lines(text) {
		// <id> <address> <flags> <primary> <ping> <pong> <epoch> <link> <slots>...
		fields := strings.Fields(line)
		if len(fields) > 8 && strings.Contains(fields[2], "myself") {
			held.primary = true
			for _, entry := range fields[8:] {
				if err := held.add(entry); err != nil {
					return nil, err
				}
			}
		}
	}
	return held, nil
}

// add takes 0-5460, 93, or an open slot: [93->-to] or [77-<-from].
func (s *primarySlots) add(entry string) error {
	set := &s.served
	if open, ok := strings.CutPrefix(entry, "["); ok {
		slot, _, _ := strings.Cut(open, "-")
		entry, set = slot, &s.importing
		if strings.Contains(open, "->-") {
			set = &s.migrating
		}
	}
	from, to, ok := strings.Cut(entry, "-")
	if !ok {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 16)
	last, badLast := strconv.ParseUint(to, 10, 16)
	if err != nil || badLast != nil || last >= keyspace.Slots {
		return fmt.Errorf("CLUSTER NODES has the slots %q", entry)
	}
	for i := first; i <= last; i++ {
		set[i] = true
	}
	return nil
}

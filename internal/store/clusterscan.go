package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/symphony-go/symphony/internal/fault"
	"github.com/symphony-go/symphony/keyspace"
)

// scanCluster scans every primary of a cluster. It scans those again to which
// slots moved during the scan. It does not scan replicas.
func (s *scan) scanCluster(ctx context.Context, yield func(Page, error) bool) {
	c := newCoverage()
	last := time.Now()
	for attempt := 0; c.remaining > 0; attempt++ {
		before := c.remaining
		primaries, err := s.primaries(ctx, c)
		for _, p := range primaries {
			if !s.scanPrimary(ctx, c, p, yield) {
				return
			}
		}
		if c.remaining < before {
			last, attempt = time.Now(), 0
			continue
		}
		if time.Since(last) > s.pools.Timeout() {
			yield(Page{}, s.target.Failed(noPrimaryError(c.remaining, err)))
			return
		}
		if err := conflictBackoff.Sleep(ctx, attempt); err != nil {
			yield(Page{}, s.target.Failed(err))
			return
		}
	}
}

// noPrimaryError returns the error for slots that no primary serves. err is the
// error of the nodes that did not answer, and may be nil.
func noPrimaryError(slots int, err error) error {
	if err == nil {
		return fmt.Errorf("no primary serves %d slots of the cluster; wait for the failover, or repair the cluster", slots)
	}
	return fmt.Errorf("no primary serves %d slots of the cluster; wait for the failover, or repair the cluster (%w)", slots, err)
}

// scanPrimary scans one primary. It reports whether the scan goes on with the
// next one.
func (s *scan) scanPrimary(ctx context.Context, c *coverage, before *primarySlots, yield func(Page, error) bool) bool {
	s.includes = func(key string) bool { return c.includes(before, keyspace.Slot(key)) }
	if !s.scanNode(ctx, before.node, yield) {
		return false
	}
	after, err := slotsOf(ctx, before.node)
	if err != nil {
		yield(Page{}, s.target.Failed(err))
		return false
	}
	c.markScanned(before, after)
	return true
}

// primaries asks all nodes for their slots and returns the primaries. It
// returns as soon as it knows who serves the pending slots, so that a
// node that is down causes no delay. The error joins those of the nodes that
// did not answer.
func (s *scan) primaries(ctx context.Context, c *coverage) (found []*primarySlots, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		slots *primarySlots
		err   error
	}
	nodes := s.Client.Nodes()
	answers := make(chan answer, len(nodes))
	for _, node := range nodes {
		go func() {
			slots, err := slotsOf(ctx, node)
			answers <- answer{slots, err}
		}()
	}
	unknown := unknownSlots{c.pending, c.remaining}
	for range nodes {
		a := <-answers
		if a.err != nil {
			err = fault.Join(err, a.err)
			continue
		}
		if a.slots.primary {
			found = append(found, a.slots)
			unknown.remove(a.slots)
		}
		if unknown.remaining == 0 {
			return found, nil
		}
	}
	if err == nil {
		markAbandoned(found)
	}
	s.refreshTopology(ctx, &unknown.slotSet)
	return found, err
}

// unknownSlots are the slots for which no primary is known that serves them
// without migrating them, or imports them.
type unknownSlots struct {
	slotSet
	remaining int
}

// remove removes the slots for which a primary is known.
func (u *unknownSlots) remove(slots *primarySlots) {
	for i := range u.slotSet {
		if u.slotSet[i] && (slots.served[i] && !slots.migrating[i] || slots.importing[i]) {
			u.slotSet[i] = false
			u.remaining--
		}
	}
}

// refreshTopology makes the client ask for the topology again. It sends a
// command to a slot that no known node serves, and the redirection triggers the
// refresh.
func (s *scan) refreshTopology(ctx context.Context, unknown *slotSet) {
	for n := 0; *unknown != (slotSet{}); n++ {
		key := strconv.Itoa(n)
		if unknown[keyspace.Slot(key)] {
			_ = s.Client.Do(ctx, s.Client.B().Exists().Key(key).Build()).Error() // the redirection is the purpose
			return
		}
	}
}

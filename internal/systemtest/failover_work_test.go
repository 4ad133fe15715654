package systemtest

import (
	"fmt"
	"os"
	"testing"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

// Items and triggers outlive a primary, and slots that move under their
// workers. A short form of TestSoakWorkInACluster.
func TestWorkInACluster(t *testing.T) {
	t.Parallel()
	workInACluster(t, 1)
}

// TestSoakWorkInACluster is the long form; `make soak` runs it.
func TestSoakWorkInACluster(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("SOAK=1 runs it")
	}
	workInACluster(t, 12)
}

func workInACluster(t *testing.T, rounds int) {
	c := redistest.ReplicatedCluster(t)
	e := newErrands(t, pooltest.Redis(t, pool.Config{URL: c.URL(), Timeout: failoverDeadline}))
	stop := e.run(t, 8)
	for round := range rounds {
		e.await(t, 500)
		e.moveSlots(t, c, round)
		e.await(t, 200)
		at := round % 3
		e.failOver(t, c.Primaries[at], c.Replicas[at])
		e.await(t, 500)
		if round < rounds-1 {
			c.Primaries[at].Restart(t)
			c.Primaries[at], c.Replicas[at] = c.Replicas[at], c.Primaries[at]
			redistest.WaitForReplica(t, c.Primaries[at], c.Replicas[at])
		}
	}
	stop()
	e.check(t)
}

// moveSlots moves the queues, and some of the triggers, each to another
// primary. Between, one slot is half here and half there.
func (e *errands) moveSlots(t *testing.T, c *redistest.ClusterInstance, round int) {
	t.Helper()
	moves := map[string]int{} // how often each has moved
	for _, service := range e.services {
		moves[service] = round
	}
	for shard := round % 4; shard < 16; shard += 4 {
		moves[fmt.Sprint("s", shard)] = round / 4
	}
	for tag, n := range moves {
		slot := keyspace.Slot(tag)
		m := c.MigrateSlot(t, slot, (part(slot)+n+1)%3)
		m.MoveKeys(1)
		e.await(t, 20)
		m.Finish()
	}
}

// The same under Sentinel.
func TestWorkUnderSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.Sentinel(t)
	e := newErrands(t, pooltest.Redis(t, pool.Config{URL: s.URL(), Timeout: failoverDeadline}))
	stop := e.run(t, 8)
	e.await(t, 500)
	e.failOver(t, s.Primary, s.Replica)
	e.await(t, 500)
	stop()
	e.check(t)
}

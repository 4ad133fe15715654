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

// No item and no trigger is lost when primaries fail over and slots move while
// workers run. This is the short form of TestSoakWorkInACluster.
func TestWorkInACluster(t *testing.T) {
	t.Parallel()
	workInACluster(t, 1)
}

// TestSoakWorkInACluster is the long form of TestWorkInACluster; `make soak`
// runs it.
func TestSoakWorkInACluster(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	workInACluster(t, 12)
}

func workInACluster(t *testing.T, rounds int) {
	c := redistest.ReplicatedCluster(t)
	d := newDeliveryChecker(t, pooltest.Redis(t, pool.Config{URL: c.URL(), Timeout: failoverDeadline}))
	stop := d.start(t, 8)
	for round := range rounds {
		d.waitForGuaranteed(t, 500)
		d.moveSlots(t, c, round)
		d.waitForGuaranteed(t, 200)
		at := round % 3
		d.failOver(t, c.Primaries[at], c.Replicas[at])
		d.waitForGuaranteed(t, 500)
		if round < rounds-1 {
			c.Primaries[at].Restart(t)
			c.Primaries[at], c.Replicas[at] = c.Replicas[at], c.Primaries[at]
			redistest.WaitForReplica(t, c.Primaries[at], c.Replicas[at])
		}
	}
	stop()
	d.requireAllDelivered(t)
}

// moveSlots migrates the slots of the queues and of some triggers to other
// primaries. Work continues while each slot is half migrated.
func (d *deliveryChecker) moveSlots(t *testing.T, c *redistest.ClusterInstance, round int) {
	t.Helper()
	moves := map[string]int{} // hash tag to the number of earlier moves
	for _, service := range d.services {
		moves[service] = round
	}
	for shard := round % 4; shard < 16; shard += 4 {
		moves[fmt.Sprint("s", shard)] = round / 4
	}
	for tag, n := range moves {
		slot := keyspace.Slot(tag)
		m := c.MigrateSlot(t, slot, (primaryOf(slot)+n+1)%3)
		m.MoveKeys(1)
		d.waitForGuaranteed(t, 20)
		m.Finish()
	}
}

// No item and no trigger is lost in a failover under Sentinel.
func TestWorkUnderSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.Sentinel(t)
	d := newDeliveryChecker(t, pooltest.Redis(t, pool.Config{URL: s.URL(), Timeout: failoverDeadline}))
	stop := d.start(t, 8)
	d.waitForGuaranteed(t, 500)
	d.failOver(t, s.Primary, s.Replica)
	d.waitForGuaranteed(t, 500)
	stop()
	d.requireAllDelivered(t)
}

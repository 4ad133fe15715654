package systemtest

import (
	"testing"
	"time"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
)

const failoverDeadline = 2 * time.Second

// A failover under load loses no write that the replica had received, and a
// slot migration loses no write.
func TestFailoverInACluster(t *testing.T) {
	t.Parallel()
	c := redistest.ReplicatedCluster(t)
	p := pooltest.Redis(t, pool.Config{URL: c.URL(), RetryFor: time.Minute})
	w := newWriteChecker(t, p)
	stop := w.start(t, 16, failoverDeadline)
	w.waitForWrites(t, 1000)
	for _, id := range w.ids[:6] {
		for _, key := range []string{"user:writes:user:" + id, "default:writes:" + id, "handlers:x{" + id + "}"} {
			slot := keyspace.Slot(key)
			c.MigrateSlot(t, slot, (int(slot)*3/keyspace.Slots+1)%3).Finish()
		}
	}
	w.waitForWrites(t, 500)
	stop()
	w.requireExactCounts(t, w.acknowledged())

	stop = w.start(t, 16, failoverDeadline)
	w.waitForWrites(t, 1000)
	before := w.acknowledged()
	redistest.WaitForReplica(t, c.Primaries[1], c.Replicas[1])
	c.Primaries[1].Kill()
	waitForPromotion(t, c.Replicas[1])
	w.waitForWrites(t, 1000)
	stop()
	w.requireExactCounts(t, before)
}

// A failover under Sentinel loses no write that the replica had received.
func TestFailoverUnderSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.Sentinel(t)
	p := pooltest.Redis(t, pool.Config{URL: s.URL(), RetryFor: time.Minute})
	w := newWriteChecker(t, p)
	stop := w.start(t, 16, failoverDeadline)
	w.waitForWrites(t, 1000)
	before := w.acknowledged()
	redistest.WaitForReplica(t, s.Primary, s.Replica)
	s.Primary.Kill()
	waitForPromotion(t, s.Replica)
	w.waitForWrites(t, 1000)
	stop()
	w.requireExactCounts(t, before)
}

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

// A primary that dies under load takes nothing with it that its replica had,
// and a slot that moves takes everything along.
func TestFailoverInACluster(t *testing.T) {
	t.Parallel()
	c := redistest.ReplicatedCluster(t)
	p := pooltest.Redis(t, pool.Config{URL: c.URL()})
	l := newLedger(t, p)
	stop := l.run(t, 16, failoverDeadline)
	l.await(t, 1000)
	for _, id := range l.ids[:6] {
		for _, key := range []string{"user:ledger:user:" + id, "default:ledger:" + id, "handlers:x{" + id + "}"} {
			slot := keyspace.Slot(key)
			c.MigrateSlot(t, slot, (int(slot)*3/keyspace.Slots+1)%3).Finish()
		}
	}
	l.await(t, 500)
	stop()
	l.check(t, l.acked())

	stop = l.run(t, 16, failoverDeadline)
	l.await(t, 1000)
	had := l.acked()
	redistest.WaitForReplica(t, c.Primaries[1], c.Replicas[1])
	c.Primaries[1].Kill()
	requirePrimary(t, c.Replicas[1])
	l.await(t, 1000)
	stop()
	l.check(t, had)
}

func TestFailoverUnderSentinel(t *testing.T) {
	t.Parallel()
	s := redistest.Sentinel(t)
	p := pooltest.Redis(t, pool.Config{URL: s.URL()})
	l := newLedger(t, p)
	stop := l.run(t, 16, failoverDeadline)
	l.await(t, 1000)
	had := l.acked()
	redistest.WaitForReplica(t, s.Primary, s.Replica)
	s.Primary.Kill()
	requirePrimary(t, s.Replica)
	l.await(t, 1000)
	stop()
	l.check(t, had)
}

package symphony

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pending"
)

// A queue that fails waits, and longer each time; one that is empty waits less.
// Others have their turns meanwhile.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := pending.Queue{Tenant: "a", Entity: "e", Action: "x"}, pending.Queue{Tenant: "a", Entity: "e", Action: "y"}
		snap := pending.Snapshot{Pending: []string{"a"}, Queues: []pending.Queue{bad, good}}
		turns := newTurns()
		look := func() (names map[pending.Queue]*turn) {
			names = map[pending.Queue]*turn{}
			turns.add(snap)
			for len(turns.ring) > 0 {
				q := turns.next()
				names[q.Queue] = q
			}
			return names
		}
		both := look()
		require.Len(t, both, 2)
		require.Empty(t, look(), "they are worked on")
		for _, wait := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second} {
			turns.failed(both[bad])
			turns.emptied(both[good])
			require.Empty(t, look(), "both wait")
			time.Sleep(wait / 2)
			now := look()
			require.NotContains(t, now, bad)
			if q := now[good]; q != nil {
				turns.more(q)
				require.Equal(t, good, turns.next().Queue, "it comes again at once")
			}
			time.Sleep(wait)
			require.Contains(t, look(), bad)
		}
		for range 30 {
			turns.failed(both[bad])
		}
		time.Sleep(2 * lastBackoff)
		require.Contains(t, look(), bad)
		turns.end()
		require.Nil(t, turns.next())
	})
}

// Tenants take turns however many queues they have.
func TestTenantsTakeTurns(t *testing.T) {
	snap := pending.Snapshot{Pending: []string{"a", "b"}}
	for _, action := range []string{"1", "2", "3", "4"} {
		snap.Queues = append(snap.Queues, pending.Queue{Tenant: "a", Entity: "e", Action: action})
	}
	snap.Queues = append(snap.Queues, pending.Queue{Tenant: "b", Entity: "e", Action: "1"}, pending.Queue{Tenant: "done", Entity: "e", Action: "1"})
	turns := newTurns()
	turns.add(snap)
	count := map[string]int{}
	for range 20 {
		q := turns.next()
		count[q.Tenant]++
		turns.more(q)
	}
	require.Equal(t, map[string]int{"a": 10, "b": 10}, count)
}

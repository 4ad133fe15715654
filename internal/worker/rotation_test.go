package worker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pending"
)

// A queue that failed is paused, and so is an empty queue, for a shorter time.
// The other queues go on meanwhile.
func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := pending.Queue{Tenant: "a", Entity: "e", Action: "x"}, pending.Queue{Tenant: "a", Entity: "e", Action: "y"}
		snap := pending.Snapshot{Pending: []string{"a"}, Queues: []pending.Queue{bad, good}}
		rotation := newRotation()
		look := func() (names map[pending.Queue]*queue) {
			names = map[pending.Queue]*queue{}
			rotation.update(snap)
			for len(rotation.ring) > 0 {
				q := rotation.next()
				names[q.Queue] = q
			}
			return names
		}
		both := look()
		require.Len(t, both, 2)
		require.Empty(t, look(), "they are being handled")
		for _, wait := range []time.Duration{250 * time.Millisecond, 500 * time.Millisecond, time.Second} {
			rotation.failed(both[bad], wait)
			rotation.empty(both[good])
			require.Empty(t, look(), "both are paused")
			time.Sleep(wait / 2)
			now := look()
			require.NotContains(t, now, bad)
			if q := now[good]; q != nil {
				rotation.handled(q)
				require.Equal(t, good, rotation.next().Queue, "it is ready again at once")
			}
			time.Sleep(wait)
			require.Contains(t, look(), bad)
		}
		rotation.end()
		require.Nil(t, rotation.next())
	})
}

// Tenants take turns, no matter how many queues each has.
func TestTenantsTakeTurns(t *testing.T) {
	snap := pending.Snapshot{Pending: []string{"a", "b"}}
	for _, action := range []string{"1", "2", "3", "4"} {
		snap.Queues = append(snap.Queues, pending.Queue{Tenant: "a", Entity: "e", Action: action})
	}
	snap.Queues = append(snap.Queues, pending.Queue{Tenant: "b", Entity: "e", Action: "1"}, pending.Queue{Tenant: "done", Entity: "e", Action: "1"})
	rotation := newRotation()
	rotation.update(snap)
	count := map[string]int{}
	for range 20 {
		q := rotation.next()
		count[q.Tenant]++
		rotation.handled(q)
	}
	require.Equal(t, map[string]int{"a": 10, "b": 10}, count)
}

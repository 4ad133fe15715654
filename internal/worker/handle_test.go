package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pending"
)

// A recurring error is reported once, even if several workers meet it. Under
// the race detector, the test fails if a worker uses a queue after it passed it
// on.
func TestRecurringErrorIsReportedOnce(t *testing.T) {
	q := pending.Queue{Tenant: "a", Entity: "e", Action: "x"}
	for range 300 {
		var calls, reports atomic.Int64
		r := &run{rotation: newRotation(), Config: Config{Workers: 4}}
		r.Handle = func(context.Context, pending.Queue) Result {
			if calls.Add(1) >= 8 {
				r.rotation.end()
			}
			return Result{Outcome: Handled, Err: errors.New("broken"), Recurs: true}
		}
		r.Report = func(pending.Queue, error) { reports.Add(1) }
		r.rotation.update(pending.Snapshot{Pending: []string{"a"}, Queues: []pending.Queue{q}})
		r.startWorkers(t.Context())()
		require.EqualValues(t, 1, reports.Load())
	}
}

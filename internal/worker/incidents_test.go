package worker

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pending"
)

// A recurring error of a queue is reported once a minute, although the queue
// is handled in between. Failures in a row are counted.
func TestIncidents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s incidents
		q := pending.Queue{Tenant: "a", Entity: "e", Action: "x"}
		require.Equal(t, 1, s.failed(q))
		require.Equal(t, 2, s.failed(q))
		require.True(t, s.shouldReport(q))
		s.handled(q)
		require.Equal(t, 1, s.failed(q))
		require.False(t, s.shouldReport(q))
		time.Sleep(reportEvery)
		require.True(t, s.shouldReport(q))

		require.Zero(t, s.empty(q))
		require.Positive(t, s.empty(q), "the queue is ready again and again, but empty")
		time.Sleep(2 * emptiesWithin)
		require.Zero(t, s.empty(q))

		for i := range 2 * maxIncidents {
			s.empty(pending.Queue{Tenant: strconv.Itoa(i)})
			time.Sleep(emptiesWithin / 100)
		}
		require.LessOrEqual(t, len(s.byQueue), maxIncidents+1)
	})
}

// Errors about the service are reported once a minute for each kind, and those
// of the end of the context not at all.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []error
		r := &run{nextReport: map[string]time.Time{}}
		r.Report = func(_ pending.Queue, err error) { reports = append(reports, err) }
		look, sweep := errors.New("look"), errors.New("sweep")
		for range 3 {
			r.reportSeldom(t.Context(), "look", look)
			r.reportSeldom(t.Context(), "sweep", sweep)
		}
		require.Equal(t, []error{look, sweep}, reports)
		time.Sleep(reportEvery)
		r.reportSeldom(t.Context(), "look", look)
		require.Len(t, reports, 3)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.report(ctx, pending.Queue{}, context.Canceled)
		require.Len(t, reports, 3)
	})
}

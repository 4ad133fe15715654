package expiry_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkBacklogOfAnotherTenant measures how long a tenant's trigger takes
// from Set to its handler while 200,000 triggers of another tenant are due.
// Handlers take a millisecond, and there are 16. The metric others/op is how
// many handlers of the other tenant began meanwhile, and ms/first the time for
// the first trigger, which was set before the listener began to run. Use
// -benchtime 200x, or the backlog ends.
func BenchmarkBacklogOfAnotherTenant(b *testing.B) {
	const n = 200_000
	p := pooltest.Redis(b, pool.Config{})
	many := benchSchedule(b, p)
	var callers sync.WaitGroup
	for c := range 64 {
		callers.Go(func() {
			for i := c; i < n; i += 64 {
				if err := many.Set(ctx, "x", strconv.Itoa(i), 0); err != nil {
					b.Error(err)
				}
			}
		})
	}
	callers.Wait()
	one, err := expiry.NewSchedule(p, pool.Expiry, p.Layout().Trigger, "globex")
	require.NoError(b, err)
	var others atomic.Int64
	handled := make(chan struct{}, 1)
	r := expiry.NewRegistry()
	require.NoError(b, r.On("x", func(_ context.Context, e expiry.Event) error {
		if e.Tenant == "globex" {
			handled <- struct{}{}
			return nil
		}
		others.Add(1)
		<-time.After(time.Millisecond)
		return nil
	}))
	l, err := expiry.NewListener(p, r, expiry.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	running, stop := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	require.NoError(b, one.Set(ctx, "x", "1", 0))
	began := time.Now()
	go func() { stopped <- l.Run(running) }()
	<-handled
	first := time.Since(began)
	before, worst := others.Load(), time.Duration(0)
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		require.NoError(b, one.Set(ctx, "x", "1", 0))
		<-handled
		worst = max(worst, time.Since(began))
	}
	b.StopTimer()
	require.Less(b, others.Load(), int64(n), "the backlog has ended")
	b.ReportMetric(float64(others.Load()-before)/float64(b.N), "others/op")
	b.ReportMetric(float64(first.Microseconds())/1000, "ms/first")
	b.ReportMetric(float64(worst.Microseconds())/1000, "ms/worst")
	stop()
	require.NoError(b, <-stopped)
}

package expiry_test

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Setting a trigger, by 32 callers at once; bench/triggers has peers beside it.
func BenchmarkSet(b *testing.B) {
	s := benchSchedule(b, pooltest.Redis(b, pool.Config{}))
	b.ReportAllocs()
	setMany(b, s, time.Hour)
}

func benchSchedule(b *testing.B, p *pool.Pools) *expiry.Schedule {
	b.Helper()
	s, err := expiry.NewSchedule(p, pool.Expiry, p.Layout().Trigger, "acme")
	require.NoError(b, err)
	return s
}

func setMany(b *testing.B, s *expiry.Schedule, after time.Duration) {
	b.Helper()
	var n atomic.Int64
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Set(ctx, "x", strconv.FormatInt(n.Add(1), 10), after); err != nil {
				b.Error(err)
			}
		}
	})
}

// Claiming and acknowledging what is due, in batches of 100.
func BenchmarkDrain(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	setMany(b, benchSchedule(b, p), time.Millisecond)
	r := expiry.NewRegistry()
	running, stop := context.WithCancel(ctx)
	defer stop()
	var ran atomic.Int64
	require.NoError(b, r.On("x", func(context.Context, expiry.Event) error {
		if ran.Add(1) == int64(b.N) {
			stop()
		}
		return nil
	}))
	l, err := expiry.NewListener(p, r, expiry.Config{Workers: 100, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.ReportAllocs()
	b.ResetTimer()
	require.NoError(b, l.Run(running))
	b.StopTimer()
	require.EqualValues(b, b.N, l.Stats().Fired)
}

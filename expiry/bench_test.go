package expiry_test

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// Setting a trigger, by many callers at once.
func BenchmarkSet(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	s, err := expiry.NewSchedule(p, pool.Expiry, p.Layout().Trigger, "acme")
	require.NoError(b, err)
	var n atomic.Int64
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := s.Set(ctx, "x", strconv.FormatInt(n.Add(1), 10), time.Hour); err != nil {
				b.Error(err)
			}
		}
	})
	b.StopTimer()
	info, err := pooltest.Do(b, p, pool.Expiry, "INFO", "commandstats").ToString()
	require.NoError(b, err)
	for line := range strings.SplitSeq(info, "\n") {
		if strings.Contains(line, "calls=") {
			f := strings.Split(line, ",")
			b.Log(f[0], f[2])
		}
	}
}

package expiry

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkClaimAndAck claims and acknowledges firings that do not meet, in
// batches. The metric server-us/firing is the CPU time of the server.
func BenchmarkClaimAndAck(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(strconv.Itoa(size), func(b *testing.B) { claimAndAck(b, size) })
	}
}

func claimAndAck(b *testing.B, size int) {
	b.Helper()
	p := pooltest.Redis(b, pool.Config{})
	s, err := NewSchedule(p, pool.Expiry, p.Layout().Trigger, benchTenant)
	require.NoError(b, err)
	client, err := p.Client(pool.Expiry)
	require.NoError(b, err)
	q := newQueue(client, s.names, "", "act")
	for i := range b.N * size {
		require.NoError(b, s.Set(b.Context(), "act", strconv.Itoa(i), 0))
	}
	<-time.After(2 * time.Millisecond) // the last ones are due
	before := serverTime(b, p)
	b.ResetTimer()
	for range b.N {
		got, err := q.claim(b.Context(), size, time.Minute, 20)
		for err == nil && got.again {
			got, err = q.claim(b.Context(), size, time.Minute, 20)
		}
		require.NoError(b, err)
		require.Len(b, got.firings, size)
		tokens := make([]token, size)
		for i, f := range got.firings {
			tokens[i] = token{f.member, 1}
		}
		_, err = q.ack(b.Context(), tokens)
		require.NoError(b, err)
	}
	b.StopTimer()
	b.ReportMetric((serverTime(b, p)-before)/float64(b.N*size), "server-us/firing")
}

// benchTenant makes the names of firings too long for a listpack, as usual.
const benchTenant = "tenant-0b7f5c9a-5b1e-4c1e-9a55-6f0b5f0c3f6e"

var cpuTime = regexp.MustCompile(`used_cpu_(?:sys|user)_main_thread:([\d.]+)`)

// serverTime returns the CPU time of the server in microseconds.
func serverTime(b *testing.B, p *pool.Pools) (sum float64) {
	b.Helper()
	text, err := pooltest.Do(b, p, pool.Expiry, "INFO", "cpu").ToString()
	require.NoError(b, err)
	for _, found := range cpuTime.FindAllStringSubmatch(text, -1) {
		seconds, err := strconv.ParseFloat(found[1], 64)
		require.NoError(b, err)
		sum += seconds * 1e6
	}
	require.Positive(b, sum)
	return sum
}

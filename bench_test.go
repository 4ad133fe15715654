package symphony_test

import (
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkEnqueue compares Enqueue of one item with Push of one item, from 64
// goroutines in alternating runs. It reports the ratio of their throughputs.
func BenchmarkEnqueue(b *testing.B) {
	p := pooltest.Redis(b, pool.Config{})
	batch, err := symphony.NewBatch[string](p, "acme")
	require.NoError(b, err)
	space, err := keyspace.Default().BatchList.Bind("acme", "mail", "u2")
	require.NoError(b, err)
	list, err := listrepo.New[string](p, pool.Handlers, space)
	require.NoError(b, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	enqueue := func() error { _, err := batch.Enqueue(ctx, q, "an item of a queue"); return err }
	push := func() error { _, err := list.Push(ctx, "send", "an item of a queue"); return err }
	const callsPerRun = 4096
	var ratios []float64
	for done := 0; done < b.N; done += 2 * callsPerRun {
		enqueueTime := timeConcurrent(b, callsPerRun, enqueue)
		ratios = append(ratios, float64(timeConcurrent(b, callsPerRun, push))/float64(enqueueTime))
	}
	b.ReportMetric(median(ratios), "x-Push")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEnqueue100 compares Enqueue of 100 items, from 64 goroutines, with
// `redis-benchmark -P 16 -t rpush` on the same server. It reports the ratio of
// the items per second.
func BenchmarkEnqueue100(b *testing.B) {
	program, err := exec.LookPath("redis-benchmark")
	if err != nil {
		b.Skip(err)
	}
	server := redistest.Server(b)
	batch, err := symphony.NewBatch[string](pooltest.Redis(b, pool.Config{URL: server.URL()}), "acme")
	require.NoError(b, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	items := slices.Repeat([]string{"xxx"}, 100) // the value that redis-benchmark pushes
	enqueue := func() error { _, err := batch.Enqueue(ctx, q, items...); return err }
	const calls, pushes = 4096, 200_000
	var ratios []float64
	for done := 0; done < b.N; done += calls {
		server.Flush(b)
		itemsPerSecond := float64(calls*len(items)) / timeConcurrent(b, calls, enqueue).Seconds()
		server.Flush(b)
		out, err := exec.Command(program, "-p", strconv.Itoa(server.Port()), "-P", "16", "-n", strconv.Itoa(pushes),
			"-t", "rpush", "--csv").Output()
		require.NoError(b, err)
		var pushesPerSecond float64
		for line := range strings.Lines(string(out)) {
			if fields := strings.Split(line, ","); strings.Trim(fields[0], `"`) == "RPUSH" {
				pushesPerSecond, err = strconv.ParseFloat(strings.Trim(fields[1], `"`), 64)
				require.NoError(b, err)
			}
		}
		require.Positive(b, pushesPerSecond, string(out))
		ratios = append(ratios, itemsPerSecond/pushesPerSecond)
	}
	b.ReportMetric(median(ratios), "x-redis-benchmark")
	b.ReportMetric(0, "ns/op")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// timeConcurrent returns the time that n calls take from 64 goroutines.
func timeConcurrent(b *testing.B, n int, call func() error) time.Duration {
	const callers = 64
	start := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range n / callers {
				if err := call(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

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

// BenchmarkEnqueue compares Enqueue of one item with a bare Push of it, from 64
// goroutines in turns: how many calls a second ours makes for each one of the
// other.
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
	const turn = 4096
	var ratios []float64
	for done := 0; done < b.N; done += 2 * turn {
		mine := spread(b, turn, enqueue)
		ratios = append(ratios, float64(spread(b, turn, push))/float64(mine))
	}
	b.ReportMetric(median(ratios), "x-Push")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEnqueue100 compares the items a second of Enqueue of 100, from 64
// goroutines, with those of `redis-benchmark -P 16 rpush` on the same server,
// in turns.
func BenchmarkEnqueue100(b *testing.B) {
	program, err := exec.LookPath("redis-benchmark")
	if err != nil {
		b.Skip(err)
	}
	server := redistest.Server(b)
	batch, err := symphony.NewBatch[string](pooltest.Redis(b, pool.Config{URL: server.URL()}), "acme")
	require.NoError(b, err)
	q := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	items := slices.Repeat([]string{"xxx"}, 100) // redis-benchmark's own value
	enqueue := func() error { _, err := batch.Enqueue(ctx, q, items...); return err }
	const calls, pushes = 4096, 200_000
	var ratios []float64
	for done := 0; done < b.N; done += calls {
		server.Flush(b)
		ours := float64(calls*len(items)) / spread(b, calls, enqueue).Seconds()
		server.Flush(b)
		out, err := exec.Command(program, "-p", strconv.Itoa(server.Port()), "-P", "16", "-n", strconv.Itoa(pushes),
			"-t", "rpush", "--csv").Output()
		require.NoError(b, err)
		var theirs float64
		for line := range strings.Lines(string(out)) {
			if fields := strings.Split(line, ","); strings.Trim(fields[0], `"`) == "RPUSH" {
				theirs, err = strconv.ParseFloat(strings.Trim(fields[1], `"`), 64)
				require.NoError(b, err)
			}
		}
		require.Positive(b, theirs, string(out))
		ratios = append(ratios, ours/theirs)
	}
	b.ReportMetric(median(ratios), "x-redis-benchmark")
	b.ReportMetric(0, "ns/op")
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// spread is the time that n calls take from 64 goroutines.
func spread(b *testing.B, n int, call func() error) time.Duration {
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

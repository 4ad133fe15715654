package symphony_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkEnqueue compares Enqueue of one item with a bare Push of it.
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
	b.Run("callers=64/ratio", func(b *testing.B) { ratio(b, push, enqueue) })
}

func ratio(b *testing.B, ours, theirs func() error) {
	const turn = 4096
	var ratios []float64
	for done := 0; done < b.N; done += 2 * turn {
		mine := spread(b, turn, ours)
		ratios = append(ratios, float64(mine)/float64(spread(b, turn, theirs)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-bare-push")
	b.ReportMetric(0, "ns/op")
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

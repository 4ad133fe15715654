package listrepo_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// BenchmarkClaim compares Claim and Ack of 100 items with a bare LPOP of 100,
// which loses them where its caller dies, in turns: how many items a second ours
// handles for each one of theirs. A long queue has thousands more behind them; a
// short one, which its consumers keep up with, has none.
func BenchmarkClaim(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("long/callers=%d", callers), func(b *testing.B) { compareClaim(b, callers, false) })
	}
	b.Run("short/callers=1", func(b *testing.B) { compareClaim(b, 1, true) })
}

const (
	chunk = 100
	turn  = 1024 // calls in one turn
)

func compareClaim(b *testing.B, callers int, short bool) {
	server := redistest.Server(b)
	repo, key := newRepo[string](b, pooltest.Redis(b, pool.Config{URL: server.URL()}))
	bare := server.Client(b, 10)
	ours := func() error {
		c, err := repo.Claim(ctx, "q", chunk, time.Minute)
		if err == nil && len(c.Items) != chunk {
			err = fmt.Errorf("%d items", len(c.Items))
		}
		if err != nil {
			return err
		}
		return c.Ack(ctx)
	}
	theirs := func() error { return lpop(ctx, bare, key+"q") }
	var ratios []float64
	for done := 0; done < b.N; done += 2 * turn {
		var mine, other time.Duration
		if short {
			for range turn {
				fill(b, bare, key+"q", 1)
				mine += spread(b, callers, 1, ours)
				fill(b, bare, key+"q", 1)
				other += spread(b, callers, 1, theirs)
			}
		} else {
			fill(b, bare, key+"q", 2*turn)
			mine = spread(b, callers, turn, ours)
			other = spread(b, callers, turn, theirs)
		}
		ratios = append(ratios, float64(other)/float64(mine))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-LPOP")
	b.ReportMetric(0, "ns/op")
}

func lpop(ctx context.Context, c rueidis.Client, key string) error {
	items, err := c.Do(ctx, c.B().Lpop().Key(key).Count(chunk).Build()).AsStrSlice()
	if err == nil && len(items) != chunk {
		err = fmt.Errorf("%d items", len(items))
	}
	return err
}

func fill(b *testing.B, c rueidis.Client, key string, chunks int) {
	b.Helper()
	items := make([]string, chunk)
	for i := range items {
		items[i] = fmt.Sprintf(`{"user":"user%d","text":"an item of some sixty bytes"}`, i)
	}
	for range chunks {
		require.NoError(b, c.Do(ctx, c.B().Rpush().Key(key).Element(items...).Build()).Error())
	}
}

// spread is the time that n calls take from so many goroutines.
func spread(b *testing.B, callers, n int, call func() error) time.Duration {
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

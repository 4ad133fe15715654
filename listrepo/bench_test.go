package listrepo_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// letter is what the queues of the benchmark hold.
type letter struct {
	User string `json:"user"`
	Text string `json:"text"`
}

// BenchmarkClaim compares Claim and Ack of 100 items, and Next, which is both in
// one round trip, with LPOP of 100, which loses them where its caller dies: how
// many items a second ours handles for each one of theirs, in turns. Letters the
// other side decodes with encoding/json, as who writes it by hand does, or with our
// codec; of texts nothing is to be decoded. A long queue has thousands of items
// behind those claimed; a short one, which its consumers keep up with, has none.
func BenchmarkClaim(b *testing.B) {
	b.Run("letters/json", func(b *testing.B) { claimSizes[letter](b, lpopLetters(json.Unmarshal)) })
	b.Run("letters/codec", func(b *testing.B) { claimSizes[letter](b, lpopLetters(codec.Compact.Unmarshal)) })
	b.Run("texts", func(b *testing.B) { claimSizes[string](b, lpopTexts) })
}

func claimSizes[T any](b *testing.B, theirs func(rueidis.Client, string) error) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("long/Ack/callers=%d", callers), func(b *testing.B) { compareClaim[T](b, callers, ackEach, 1024, theirs) })
		b.Run(fmt.Sprintf("long/Next/callers=%d", callers), func(b *testing.B) { compareClaim[T](b, callers, nextEach, 1024, theirs) })
	}
	b.Run("short/Ack/callers=1", func(b *testing.B) { compareClaim[T](b, 1, ackEach, 1, theirs) })
}

const chunk = 100

// compareClaim lets callers take so many chunks in one turn.
func compareClaim[T any](b *testing.B, callers int, ours func(*listrepo.ListRepo[T], int) error, chunks int, theirs func(rueidis.Client, string) error) {
	server := redistest.Server(b)
	repo, key := newRepo[T](b, pooltest.Redis(b, pool.Config{URL: server.URL()}))
	bare := server.Client(b, 10)
	each := chunks / callers
	mine := func() error { return ours(repo, each) }
	other := func() (err error) {
		for range each {
			if err == nil {
				err = theirs(bare, key+"q")
			}
		}
		return err
	}
	ratios := make([]float64, 0, b.N)
	for range b.N {
		fill(b, bare, key+"q", chunks)
		took := spread(b, callers, mine)
		fill(b, bare, key+"q", chunks)
		ratios = append(ratios, float64(spread(b, callers, other))/float64(took))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-LPOP")
	b.ReportMetric(0, "ns/op")
}

func ackEach[T any](r *listrepo.ListRepo[T], chunks int) error {
	for range chunks {
		c, err := r.Claim(ctx, "q", chunk, time.Minute)
		if err != nil || len(c.Items) != chunk {
			return fmt.Errorf("not a whole chunk: %w", err)
		}
		if err := c.Ack(ctx); err != nil {
			return err
		}
	}
	return nil
}

func nextEach[T any](r *listrepo.ListRepo[T], chunks int) error {
	c, err := r.Claim(ctx, "q", chunk, time.Minute)
	for range chunks - 1 {
		if err != nil || len(c.Items) != chunk {
			return fmt.Errorf("not a whole chunk: %w", err)
		}
		c, err = c.Next(ctx, chunk, time.Minute)
	}
	if err != nil {
		return err
	}
	return c.Ack(ctx)
}

func lpopLetters(decode func([]byte, any) error) func(rueidis.Client, string) error {
	return func(c rueidis.Client, key string) error {
		texts, err := c.Do(ctx, c.B().Lpop().Key(key).Count(chunk).Build()).AsStrSlice()
		items := make([]letter, len(texts))
		for i := range texts {
			if err == nil {
				err = decode([]byte(texts[i]), &items[i])
			}
		}
		if err == nil && len(items) != chunk {
			err = fmt.Errorf("%d items", len(items))
		}
		return err
	}
}

func lpopTexts(c rueidis.Client, key string) error {
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

// spread is the time that a call takes from so many goroutines at once.
func spread(b *testing.B, callers int, call func() error) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if err := call(); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}

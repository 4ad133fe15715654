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

// message is an item of the benchmarks.
type message struct {
	User string `json:"user"`
	Text string `json:"text"`
}

// BenchmarkClaim compares Claim and Ack of 100 items, and Next, with LPOP of
// 100 items, which loses them if its caller dies. It reports how many items a
// second the library handles for each one of LPOP. The two run alternately.
// With LPOP, structs are decoded by encoding/json, as in handwritten code, or
// by the library's codec; texts are not decoded. A long queue has thousands of
// items behind those that are claimed, and a short one has none.
func BenchmarkClaim(b *testing.B) {
	b.Run("structs/json", func(b *testing.B) { claimSizes[message](b, lpopMessages(json.Unmarshal)) })
	b.Run("structs/codec", func(b *testing.B) { claimSizes[message](b, lpopMessages(codec.Compact.Unmarshal)) })
	b.Run("texts", func(b *testing.B) { claimSizes[string](b, lpopTexts) })
}

func claimSizes[T any](b *testing.B, lpop func(rueidis.Client, string) error) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("long/Ack/callers=%d", callers), func(b *testing.B) { compareClaim[T](b, callers, ackEach, 1024, lpop) })
		b.Run(fmt.Sprintf("long/Next/callers=%d", callers), func(b *testing.B) { compareClaim[T](b, callers, nextEach, 1024, lpop) })
	}
	b.Run("short/Ack/callers=1", func(b *testing.B) { compareClaim[T](b, 1, ackEach, 1, lpop) })
}

const chunk = 100

// compareClaim measures how long callers take for a number of chunks.
func compareClaim[T any](b *testing.B, callers int, claim func(*listrepo.ListRepo[T], int) error, chunks int, lpop func(rueidis.Client, string) error) {
	server := redistest.Server(b)
	repo, key := newRepo[T](b, pooltest.Redis(b, pool.Config{URL: server.URL()}))
	direct := server.Client(b, 10)
	each := chunks / callers
	claimChunks := func() error { return claim(repo, each) }
	lpopChunks := func() (err error) {
		for range each {
			if err == nil {
				err = lpop(direct, key+"q")
			}
		}
		return err
	}
	ratios := make([]float64, 0, b.N)
	for range b.N {
		pushChunks(b, direct, key+"q", chunks)
		took := timeCallers(b, callers, claimChunks)
		pushChunks(b, direct, key+"q", chunks)
		ratios = append(ratios, float64(timeCallers(b, callers, lpopChunks))/float64(took))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-LPOP")
	b.ReportMetric(0, "ns/op")
}

func ackEach[T any](r *listrepo.ListRepo[T], chunks int) error {
	for range chunks {
		c, err := r.Claim(ctx, "q", chunk, time.Minute)
		if err != nil || len(c.Items) != chunk {
			return fmt.Errorf("a claim of %d items failed or has fewer: %w", chunk, err)
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
			return fmt.Errorf("a claim of %d items failed or has fewer: %w", chunk, err)
		}
		c, err = c.Next(ctx, chunk, time.Minute)
	}
	if err != nil {
		return err
	}
	return c.Ack(ctx)
}

func lpopMessages(decode func([]byte, any) error) func(rueidis.Client, string) error {
	return func(c rueidis.Client, key string) error {
		texts, err := c.Do(ctx, c.B().Lpop().Key(key).Count(chunk).Build()).AsStrSlice()
		items := make([]message, len(texts))
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

func pushChunks(b *testing.B, c rueidis.Client, key string, chunks int) {
	b.Helper()
	items := make([]string, chunk)
	for i := range items {
		items[i] = fmt.Sprintf(`{"user":"user%d","text":"an item of some sixty bytes"}`, i)
	}
	for range chunks {
		require.NoError(b, c.Do(ctx, c.B().Rpush().Key(key).Element(items...).Build()).Error())
	}
}

// timeCallers returns how long a number of concurrent calls take.
func timeCallers(b *testing.B, callers int, call func() error) time.Duration {
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

// BenchmarkLongestScript claims, releases and deletes the items of a queue of
// 1,000,000 items, and reports how long the longest script stopped the server,
// in milliseconds by SLOWLOG. All values are equal, which is the worst case.
func BenchmarkLongestScript(b *testing.B) {
	const items = 1_000_000
	for name, run := range map[string]func(b *testing.B, p *pool.Pools, repo *listrepo.ListRepo[int], key string){
		"expired claim": func(b *testing.B, p *pool.Pools, repo *listrepo.ListRepo[int], key string) {
			writeExpiredClaim(b, p, key, items)
			drain(b, repo, items/20)
			_, err := repo.Delete(ctx, "q")
			require.NoError(b, err)
		},
		"many claims": func(b *testing.B, p *pool.Pools, repo *listrepo.ListRepo[int], key string) {
			pushEqual(b, p, key, items)
			claims := claimAll(b, repo, items)
			for _, c := range claims {
				require.NoError(b, c.Release(ctx))
			}
			claims = claimAll(b, repo, items/4)
			backlog, err := repo.Backlog(ctx, "q")
			require.NoError(b, err)
			require.EqualValues(b, len(claims)*listrepo.MaxCount, backlog.Claimed)
			require.NoError(b, claims[0].Return(ctx, claims[0].Items[1:]...))
			require.NoError(b, claims[1].Ack(ctx, claims[1].Items[1:]...))
			expireLeases(b, p, key)
			drain(b, repo.With(listrepo.MaxAttempts(2)), 50)
			drain(b, repo.With(listrepo.TTL(time.Hour)), items/10)
			_, err = repo.With(listrepo.TTL(time.Hour)).Push(ctx, "q", make([]int, listrepo.MaxPush)...)
			require.NoError(b, err)
			_, err = repo.Delete(ctx, "q")
			require.NoError(b, err)
		},
		"dead letters": func(b *testing.B, p *pool.Pools, repo *listrepo.ListRepo[int], key string) {
			pushEqual(b, p, key, items/20)
			for _, c := range claimAll(b, repo, items/20) {
				require.NoError(b, c.Extend(ctx, time.Millisecond))
			}
			_, err := repo.With(listrepo.MaxAttempts(1)).Claim(ctx, "q", 1, time.Minute)
			require.NoError(b, err)
			var ids []string
			for d, err := range repo.Dead(ctx, "q") {
				require.NoError(b, err)
				ids = append(ids, d.ID)
			}
			require.Len(b, ids, items/20)
			n, err := repo.Retry(ctx, "q", ids...)
			require.NoError(b, err)
			require.EqualValues(b, items/20, n)
			_, err = repo.Delete(ctx, "q")
			require.NoError(b, err)
		},
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				server := redistest.Server(b, "slowlog-log-slower-than 1000", "slowlog-max-len 100000")
				p := pooltest.Redis(b, pool.Config{URL: server.URL(), Timeout: time.Minute})
				repo, key := newRepo[int](b, p)
				run(b, p, repo, key)
				took, script := longestScript(b, server.Client(b, 10))
				b.ReportMetric(took, "ms-longest-script")
				b.Logf("the longest script took %.1f ms: %.200s", took, script)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// drain claims and acks n items, or all if there are fewer.
func drain(b *testing.B, repo *listrepo.ListRepo[int], n int) {
	b.Helper()
	c, err := repo.Claim(ctx, "q", listrepo.MaxCount, time.Minute)
	for done := 0; done < n && err == nil && len(c.Items) > 0; {
		done += len(c.Items)
		c, err = c.Next(ctx, listrepo.MaxCount, time.Minute)
	}
	require.NoError(b, err)
	require.NoError(b, c.Ack(ctx))
}

// claimAll claims n items, MaxCount at a time.
func claimAll(b *testing.B, repo *listrepo.ListRepo[int], n int) (claims []*listrepo.Claim[int]) {
	b.Helper()
	for range n / listrepo.MaxCount {
		c, err := repo.Claim(ctx, "q", listrepo.MaxCount, time.Minute)
		require.NoError(b, err)
		require.Len(b, c.Items, listrepo.MaxCount)
		claims = append(claims, c)
	}
	return claims
}

func pushEqual(b *testing.B, p *pool.Pools, key string, n int) {
	b.Helper()
	c, err := p.Client(pool.Handlers)
	require.NoError(b, err)
	items := slices.Repeat([]string{"7"}, 10_000)
	for range n / len(items) {
		require.NoError(b, c.Do(ctx, c.B().Rpush().Key(key+"q").Element(items...).Build()).Error())
	}
}

// longestScript returns how long the longest script took, in milliseconds, and
// its command.
func longestScript(b *testing.B, c rueidis.Client) (took float64, script string) {
	b.Helper()
	entries, err := c.Do(ctx, c.B().Arbitrary("SLOWLOG", "GET", "-1").Build()).ToArray()
	require.NoError(b, err)
	for _, entry := range entries {
		fields, err := entry.ToArray()
		require.NoError(b, err)
		us, err := fields[2].ToInt64()
		require.NoError(b, err)
		command, err := fields[3].AsStrSlice()
		require.NoError(b, err)
		if ms := float64(us) / 1000; (command[0] == "EVALSHA" || command[0] == "EVAL") && ms > took {
			took, script = ms, fmt.Sprint(command)
		}
	}
	return took, script
}

package systemtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// While the server and the producer are killed, each follower gets exactly the
// entries that the feed has in the end, each once and in order.
func TestFollowWhileKilling(t *testing.T) {
	pooltest.Long(t)
	followWhileKilling(t, 4*time.Second)
}

func TestSoakFollowWhileKilling(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	followWhileKilling(t, 2*time.Minute)
}

// feedProducerSetting is the setting of TestFeedProducer.
type feedProducerSetting struct {
	URL   string
	Feeds int
}

func newProgress(p *pool.Pools) (*symphony.Feed[int], error) {
	return symphony.NewFeed[int](p, "acme", "progress", symphony.KeepLast(1_000_000))
}

// TestFeedProducer appends to feeds until it is killed. It continues where the
// process before it was.
func TestFeedProducer(t *testing.T) {
	alive, s, _ := childSetting[feedProducerSetting](t)
	f, err := newProgress(openWhenReady(alive, s.URL))
	require.NoError(t, err)
	appendNext := func(id string) error {
		n, err := f.Len(alive, id)
		if err == nil {
			_, err = f.Append(alive, id, int(n), int(n)+1)
		}
		return err
	}
	for i := 0; ; i++ {
		for ; appendNext(fmt.Sprint(i%s.Feeds)) != nil; time.Sleep(time.Millisecond) {
		}
	}
}

func followWhileKilling(t *testing.T, duration time.Duration) {
	const feeds, followers = 5, 4 // of each
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 5 * time.Second})
	f, err := newProgress(p)
	require.NoError(t, err)
	got := make([][]symphony.Cursor, feeds*followers)
	var running sync.WaitGroup
	for i := range got {
		running.Go(func() { got[i] = followToTheEnd(t, f, fmt.Sprint(i%feeds)) })
	}
	producer := &childProcess{t: t, test: "TestFeedProducer", setting: feedProducerSetting{server.URL(), feeds}}
	producer.start()
	kills := [2]int{}
	for end := time.Now().Add(duration); time.Now().Before(end); time.Sleep(time.Duration(200+rand.IntN(600)) * time.Millisecond) {
		if rand.IntN(2) == 0 {
			kills[0]++
			server.Kill()
			server.Restart(t)
		} else {
			kills[1]++
			producer.kill()
			producer.start()
		}
	}
	producer.kill()
	total := 0
	for i := range feeds {
		id := fmt.Sprint(i)
		requireEventually(t, func() bool { return f.End(ctx, id) == nil }, "the feed cannot be ended")
	}
	running.Wait()
	for i := range got {
		var want []symphony.Cursor
		entries, err := f.Read(ctx, fmt.Sprint(i%feeds), "", 1_000_000)
		require.NoError(t, err)
		for _, e := range entries {
			want = append(want, e.Cursor)
		}
		require.NotEmpty(t, want)
		require.True(t, slices.Equal(want, got[i]), "follower %d has %d entries, and the feed %d", i, len(got[i]), len(want))
		total += len(want)
	}
	t.Logf("killed %d servers and %d producers; %d followers got %d entries", kills[0], kills[1], len(got), total)
}

// followToTheEnd returns the cursors of all entries of a feed. It leaves now
// and then, and goes on after errors.
func followToTheEnd(t *testing.T, f *symphony.Feed[int], id string) (all []symphony.Cursor) {
	var last symphony.Cursor
	for ended := false; !ended; time.Sleep(time.Millisecond) {
		leave := rand.IntN(500)
		ended = true
		for e, err := range f.Follow(ctx, id, last) {
			if err != nil {
				if leave%2 == 0 {
					continue // Follow reads again
				}
				ended = false
				break
			}
			last = e.Cursor
			all = append(all, last)
			if leave--; leave < 0 {
				ended = false
				break
			}
		}
	}
	return all
}

// A process with ten thousand followers of a thousand feeds has one connection
// for their messages, and wakes them soon.
func TestSoakManyFollowers(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	const feeds, followers, rounds = 1000, 10_000, 20
	server := redistest.Server(t)
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: time.Minute})
	f, err := symphony.NewFeed[int64](p, "acme", "answers")
	require.NoError(t, err)
	producer, err := symphony.NewFeed[int64](pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: time.Minute}), "acme", "answers")
	require.NoError(t, err)
	before := heap()
	following, stop := context.WithCancel(ctx)
	var all sync.WaitGroup
	delays := make([][]time.Duration, followers)
	seen := make(chan struct{}, followers)
	for i := range followers {
		all.Go(func() {
			for e, err := range f.Follow(following, fmt.Sprint(i%feeds), "") {
				if err != nil {
					break
				}
				if e.Value > 0 {
					delays[i] = append(delays[i], time.Since(time.Unix(0, e.Value)))
				}
				seen <- struct{}{}
			}
		})
	}
	await := func(n int) {
		for range n {
			<-seen
		}
	}
	for id := range feeds {
		_, err := producer.Append(ctx, fmt.Sprint(id), 0)
		require.NoError(t, err)
	}
	await(followers)
	memory := heap() - before
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range rounds {
		for id := range feeds { // 4 tokens every millisecond
			_, err := producer.Append(ctx, fmt.Sprint(id), time.Now().UnixNano())
			require.NoError(t, err)
			if id%4 == 0 {
				<-tick.C
			}
		}
		await(followers)
	}
	clients, err := pooltest.Do(t, p, pool.PubSub, "CLIENT", "LIST").ToString()
	require.NoError(t, err)
	subscribers := 0
	for line := range strings.Lines(clients) {
		if !strings.Contains(line, " sub=0 ") {
			subscribers++
		}
	}
	require.Equal(t, 1, subscribers)
	stop()
	all.Wait()
	sorted := slices.Sorted(slices.Values(slices.Concat(delays...)))
	t.Logf("%d deliveries; from Append to Follow: p50 %v, p99 %v, max %v; memory of a follower: %d bytes; connections of the server: %d",
		len(sorted), sorted[len(sorted)/2], sorted[len(sorted)*99/100], sorted[len(sorted)-1], memory/followers, strings.Count(clients, "\n"))
}

// heap returns the bytes of the heap and of the stacks.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

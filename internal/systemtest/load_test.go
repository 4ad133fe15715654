package systemtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/pool"
)

// Under many callers, large records and a server that is slow at times, every
// write is applied as reported and memory stays bounded. This is the short
// form of TestSoakLoad.
func TestLoad(t *testing.T) {
	loadTest{callers: 64, duration: 3 * time.Second, fields: 2000, maxValueBytes: 64 << 10}.run(t)
}

// TestSoakLoad is the long form of TestLoad; `make soak` runs it.
func TestSoakLoad(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	loadTest{callers: 256, duration: 2 * time.Minute, fields: 10_000, maxValueBytes: 1 << 20}.run(t)
}

// loadTest runs callers of all repositories for a while.
type loadTest struct {
	callers       int
	duration      time.Duration
	fields        int // in the largest hash
	maxValueBytes int // of pool.Config
}

func (l loadTest) run(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Server(t))
	p, err := pool.Open(ctx, pool.Config{URL: proxy.URL(), MaxValueBytes: l.maxValueBytes})
	require.NoError(t, err)
	defer p.Close()
	w := newWriteChecker(t, p)
	stop := w.start(t, l.callers-8, 5*time.Second)
	var wg sync.WaitGroup
	var largeCalls atomic.Int64
	end := time.Now().Add(l.duration)
	for n := range 8 {
		wg.Go(func() {
			for time.Now().Before(end) {
				l.useLargeRecords(t, p, n)
				largeCalls.Add(1)
			}
		})
	}
	var peak uint64
	var times []time.Duration
	for time.Now().Before(end) {
		if rand.N(20) == 0 {
			proxy.SetDelay(20 * time.Millisecond)
		} else {
			proxy.SetFault(redistest.Healthy)
		}
		begun := time.Now()
		_, err := w.writes[0].count(ctx, "r0")
		require.NoError(t, ignoreNotFound(err))
		times = append(times, time.Since(begun))
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapAlloc)
		wait := time.NewTimer(10 * time.Millisecond)
		<-wait.C
	}
	proxy.SetFault(redistest.Healthy)
	wg.Wait()
	stop()
	w.requireExactCounts(t, w.acknowledged())
	slices.Sort(times)
	t.Logf("%d callers, %v: %d calls (%d conflicts, %d other failures) and %d on large records, p50 %v, p99 %v, peak heap %d MiB", l.callers, l.duration,
		w.calls.Load(), w.notAppliedTotal(), w.failed.Load()-w.notAppliedTotal(), largeCalls.Load(), times[len(times)/2], times[len(times)*99/100], peak>>20)
	t.Log("errors:", w.errors)
	require.Less(t, peak, uint64(l.callers*l.maxValueBytes+512<<20), "the heap grows with the load")
}

// notAppliedTotal returns how many writes were not applied. On a healthy
// server these are version conflicts, and writes that gave up after repeated
// conflicts.
func (w *writeChecker) notAppliedTotal() (n int64) {
	for k := range w.outcomes {
		for i := range w.outcomes[k] {
			n += w.outcomes[k][i].notApplied.Load()
		}
	}
	return n
}

// useLargeRecords writes and reads a hash with many fields, and values of the
// maximum size and one byte more.
func (l loadTest) useLargeRecords(t *testing.T, p *pool.Pools, n int) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	shared, err := symphony.NewSharedState(p, "load", fmt.Sprint("u", n))
	if err != nil {
		t.Error(err)
		return
	}
	fields := symphony.Fields{}
	for i := range l.fields {
		fields[fmt.Sprint("field", i)] = i
	}
	if err := shared.Upsert(ctx, "many", fields); err != nil {
		t.Error(err)
	}
	if got, err := shared.Get(ctx, "many"); err != nil || len(got) != l.fields {
		t.Errorf("Get returned %d fields, %v", len(got), err)
	}
	texts, err := symphony.NewGeneric[string](p, "load")
	if err != nil {
		t.Error(err)
		return
	}
	id, full := fmt.Sprint("text", n), strings.Repeat("x", l.maxValueBytes)
	if err := texts.Set(ctx, id, full); err != nil {
		t.Error(err)
	}
	if got, err := texts.Get(ctx, id); err != nil || got != full {
		t.Errorf("Get returned %d bytes, %v", len(got), err)
	}
	if err := texts.Set(ctx, id, full+"x"); !errors.Is(err, symphony.ErrTooLarge) {
		t.Errorf("a value over the maxValueBytes: %v", err)
	}
}

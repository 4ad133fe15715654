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

// Many callers, large records and a server that is slow at times: a short form
// of TestSoakLoad.
func TestLoad(t *testing.T) {
	load{callers: 64, last: 3 * time.Second, fields: 2000, limit: 64 << 10}.run(t)
}

// TestSoakLoad is the long form; `make soak` runs it.
func TestSoakLoad(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("SOAK=1 runs it")
	}
	load{callers: 256, last: 2 * time.Minute, fields: 10_000, limit: 1 << 20}.run(t)
}

// load is callers that use all repositories for a while.
type load struct {
	callers int
	last    time.Duration
	fields  int // of the largest hash
	limit   int // Config.MaxValueBytes
}

func (d load) run(t *testing.T) {
	proxy := redistest.NewProxy(t, redistest.Server(t))
	p, err := pool.Open(ctx, pool.Config{URL: proxy.URL(), MaxValueBytes: d.limit})
	require.NoError(t, err)
	defer p.Close()
	l := newLedger(t, p)
	stop := l.run(t, d.callers-8, 5*time.Second)
	var wg sync.WaitGroup
	var large atomic.Int64
	end := time.Now().Add(d.last)
	for n := range 8 {
		wg.Go(func() {
			for time.Now().Before(end) {
				d.large(t, p, n)
				large.Add(1)
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
		_, err := l.kinds[0].read(ctx, "r0")
		require.NoError(t, ignoreMissing(err))
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
	l.check(t, l.acked())
	slices.Sort(times)
	t.Logf("%d callers, %v: %d calls (%d refused for a conflict, %d failed otherwise) and %d on large records, p50 %v, p99 %v, peak heap %d MiB", d.callers, d.last,
		l.calls.Load(), l.conflicts(), l.failed.Load()-l.conflicts(), large.Load(), times[len(times)/2], times[len(times)*99/100], peak>>20)
	t.Log("errors:", l.errors)
	require.Less(t, peak, uint64(d.callers*d.limit+512<<20), "memory grows with the load")
}

// conflicts are the refusals: on a server that is well, versions that another
// had written, or records that others wrote again and again.
func (l *ledger) conflicts() (n int64) {
	for k := range l.entries {
		for i := range l.entries[k] {
			n += l.entries[k][i].refused.Load()
		}
	}
	return n
}

// large writes and reads a hash of many fields, and values at and over the
// limit.
func (d load) large(t *testing.T, p *pool.Pools, n int) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	shared, err := symphony.NewSharedState(p, "load", fmt.Sprint("u", n))
	if err != nil {
		t.Error(err)
		return
	}
	fields := symphony.Fields{}
	for i := range d.fields {
		fields[fmt.Sprint("field", i)] = i
	}
	if err := shared.Upsert(ctx, "many", fields); err != nil {
		t.Error(err)
	}
	if got, err := shared.Get(ctx, "many"); err != nil || len(got) != d.fields {
		t.Errorf("%d fields came back: %v", len(got), err)
	}
	texts, err := symphony.NewGeneric[string](p, "load")
	if err != nil {
		t.Error(err)
		return
	}
	id, full := fmt.Sprint("text", n), strings.Repeat("x", d.limit)
	if err := texts.Set(ctx, id, full); err != nil {
		t.Error(err)
	}
	if got, err := texts.Get(ctx, id); err != nil || got != full {
		t.Errorf("%d bytes came back: %v", len(got), err)
	}
	if err := texts.Set(ctx, id, full+"x"); !errors.Is(err, symphony.ErrTooLarge) {
		t.Errorf("a value over the limit: %v", err)
	}
}

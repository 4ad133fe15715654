package systemtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/internal/pooltest"
	"github.com/symphony-go/symphony/internal/redistest"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// No acknowledged item is lost when workers and the server are killed, and
// each redelivery has a new attempt. This is the short form of TestSoakQueues.
func TestNoItemIsLost(t *testing.T) {
	killTest{items: 4000, chunk: 20, chunkTime: 10 * time.Millisecond, betweenKills: 150 * time.Millisecond, restarts: 2}.run(t)
}

// TestSoakQueues is the long form of TestNoItemIsLost; `make soak` runs it.
func TestSoakQueues(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("set SOAK=1 to run the long tests")
	}
	killTest{items: 100_000, chunk: 100, chunkTime: 100 * time.Millisecond, betweenKills: 300 * time.Millisecond, restarts: 1 << 20, swept: true}.run(t)
}

// killTest drains queues with 8 workers in 3 processes while it kills the
// processes and restarts the server.
type killTest struct {
	items, chunk int
	chunkTime    time.Duration // to handle a chunk
	betweenKills time.Duration
	restarts     int  // the most restarts of the server
	swept        bool // whether to wait until no tenant is pending
}

const (
	killedService = "killed"
	killedLease   = 500 * time.Millisecond
)

func (k killTest) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p := pooltest.Redis(t, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	dir := t.TempDir()
	killed := killer{server: server, pause: k.betweenKills, restarts: k.restarts}
	var logs []string
	for i, workers := range []int{3, 3, 2} {
		logs = append(logs, filepath.Join(dir, strconv.Itoa(i)))
		killed.processes = append(killed.processes, &childProcess{t: t, test: "TestWorkerProcess", number: i, setting: workerSetting{
			URL: server.URL(), Log: logs[i], Workers: workers, Chunk: k.chunk, ChunkTime: k.chunkTime,
		}})
	}

	var acknowledged map[int]bool
	kills, restarts := killed.run(t, func() { acknowledged = k.produce(t, p) }, func() bool {
		return drained(p, 15, numberedQueue) && (!k.swept || nonePending(p, killedService))
	})
	requireNothingLeft(t, p, killedService)

	deliveries, redeliveries := 0, 0
	items := map[int]*itemDeliveries{}
	for _, log := range logs {
		deliveries += readDeliveries(t, log, items)
	}
	for value := range acknowledged {
		require.NotNil(t, items[value], "item %d was acknowledged and never delivered", value)
	}
	for value, item := range items {
		slices.Sort(item.attempts)
		require.Len(t, slices.Compact(slices.Clone(item.attempts)), len(item.attempts), "item %d was redelivered with an attempt that it had before", value)
		require.Len(t, item.ids, 1, "item %d was delivered under more than one id", value)
		redeliveries += len(item.attempts) - 1
	}
	t.Logf("%d items acknowledged, %d items delivered %d times, %d of them redeliveries; %d kills of workers, %d of the server",
		len(acknowledged), len(items), deliveries, redeliveries, kills, restarts)
}

// produce enqueues the items and returns those that Redis acknowledged.
func (k killTest) produce(t *testing.T, p *pool.Pools) map[int]bool {
	acknowledged := map[int]bool{}
	for value := 0; len(acknowledged) < k.items; {
		chunk := make([]int, min(k.chunk, k.items-len(acknowledged)))
		for i := range chunk {
			value++
			chunk[i] = value
		}
		tenant, q := numberedQueue(value / len(chunk))
		b, err := symphony.NewBatch[int](p, tenant)
		if err != nil {
			t.Error(err)
			break
		}
		if _, err = b.Enqueue(ctx, q, chunk...); err != nil {
			continue // the items may be enqueued, but the test does not require them
		}
		for _, v := range chunk {
			acknowledged[v] = true
		}
	}
	return acknowledged
}

// numberedQueue returns one of 15 pairs of a tenant and a queue.
func numberedQueue(n int) (tenant string, q symphony.Queue) {
	return fmt.Sprint("tenant", n%5), symphony.Queue{Service: killedService, Entity: fmt.Sprint(n % 3), Action: "a"}
}

// drained reports whether no queue has waiting or claimed items. queue returns
// the n-th of the queues.
func drained(p *pool.Pools, queues int, queue func(n int) (tenant string, q symphony.Queue)) bool {
	for n := range queues {
		tenant, q := queue(n)
		b, err := symphony.NewBatch[int](p, tenant)
		if err != nil {
			return false
		}
		if backlog, err := b.Backlog(ctx, q); err != nil || backlog != (listrepo.Backlog{}) {
			return false
		}
	}
	return true
}

// nonePending reports whether no tenant is pending. If the process that sweeps
// is killed, this takes ten seconds.
func nonePending(p *pool.Pools, service string) bool {
	tenants, err := symphony.PendingTenants(ctx, p, service)
	return err == nil && len(tenants) == 0
}

// requireNothingLeft requires that drained queues have left no keys, other than
// those for the next sweep.
func requireNothingLeft(t *testing.T, p *pool.Pools, service string) {
	t.Helper()
	set := "pending_batches:" + service
	require.Subset(t, []string{set, "%drained:{" + set + "}", "%sweep:{" + set + "}"}, pooltest.Keys(t, p, pool.Handlers))
}

// itemDeliveries has the ids and attempts under which one item was delivered.
type itemDeliveries struct {
	ids      map[string]bool
	attempts []int
}

// readDeliveries reads the log of a worker process, and returns the number of
// its lines.
func readDeliveries(t *testing.T, log string, into map[int]*itemDeliveries) (lines int) {
	t.Helper()
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var value, attempt int
		var id string
		_, err := fmt.Sscan(line, &value, &id, &attempt)
		require.NoError(t, err, line)
		if into[value] == nil {
			into[value] = &itemDeliveries{ids: map[string]bool{}}
		}
		into[value].ids[id] = true
		into[value].attempts = append(into[value].attempts, attempt)
		lines++
	}
	return lines
}

// workerSetting is the setting of TestWorkerProcess. Log is the name of a file,
// which gets a line for each delivery: "<value> <id> <attempt>".
type workerSetting struct {
	URL, Log       string
	Workers, Chunk int
	ChunkTime      time.Duration
}

// TestWorkerProcess is not a test. It is a childProcess that runs workers.
func TestWorkerProcess(t *testing.T) {
	alive, setting, _ := childSetting[workerSetting](t)
	log, err := os.OpenFile(setting.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	p := openWhenReady(alive, setting.URL)
	handle := func(ctx context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
		var lines bytes.Buffer
		for _, item := range items {
			fmt.Fprintln(&lines, item.Value, item.ID, item.Attempt)
		}
		if _, err := log.Write(lines.Bytes()); err != nil {
			return err
		}
		select {
		case <-time.After(setting.ChunkTime/2 + rand.N(setting.ChunkTime)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	require.NoError(t, symphony.WorkBatches(alive, p, killedService, handle,
		symphony.WorkConfig{Workers: setting.Workers, ChunkSize: setting.Chunk, Lease: killedLease, StopTimeout: time.Millisecond}))
}

package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/symphony-go/symphony"
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
	killTest{items: 100_000, chunk: 100, chunkTime: 100 * time.Millisecond, betweenKills: 300 * time.Millisecond, restarts: 1 << 20}.run(t)
}

// killTest drains queues with 8 workers in 3 processes while it kills the
// processes and restarts the server.
type killTest struct {
	items, chunk int
	chunkTime    time.Duration // to handle a chunk
	betweenKills time.Duration
	restarts     int // the most restarts of the server
}

const (
	killedService = "killed"
	killedLease   = 500 * time.Millisecond
)

func (k killTest) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p, err := pool.Open(ctx, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	require.NoError(t, err)
	defer p.Close()
	dir := t.TempDir()
	var processes []*workerProcess
	for i, workers := range []int{3, 3, 2} {
		processes = append(processes, &workerProcess{t: t, test: k, url: server.URL(), log: filepath.Join(dir, strconv.Itoa(i)), workers: workers})
		processes[i].start()
	}

	var acknowledged map[int]bool
	var producer sync.WaitGroup
	producer.Go(func() { acknowledged = k.produce(t, p) })
	produced := make(chan struct{})
	go func() { producer.Wait(); close(produced) }()
	kills, restarts := k.killUntil(t, server, processes, func() bool {
		select {
		case <-produced:
			return drained(p)
		default:
			return false
		}
	})
	for _, c := range processes {
		c.kill()
	}

	deliveries, redeliveries := 0, 0
	items := map[int]*itemDeliveries{}
	for _, c := range processes {
		deliveries += c.read(items)
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

// killUntil kills processes and restarts the server until done returns true.
func (k killTest) killUntil(t *testing.T, server *redistest.Instance, processes []*workerProcess, done func() bool) (kills, restarts int) {
	deadline := time.Now().Add(15 * time.Minute)
	for i := 1; !done(); i++ {
		require.True(t, time.Now().Before(deadline), "the queues were not empty within 15 minutes")
		if i%4 == 0 && restarts < k.restarts {
			server.Kill()
			server.Restart(t)
			restarts++
		} else if kills < 3*k.restarts {
			c := processes[rand.N(len(processes))]
			c.kill()
			c.start()
			kills++
		}
		for end := time.Now().Add(k.betweenKills/2 + rand.N(k.betweenKills)); time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
	}
	return kills, restarts
}

// drained reports whether no queue has waiting or claimed items and no tenant
// is pending.
func drained(p *pool.Pools) bool {
	tenants, err := symphony.PendingTenants(ctx, p, killedService)
	if err != nil || len(tenants) > 0 {
		return false
	}
	for n := range 15 {
		tenant, q := numberedQueue(n)
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

// itemDeliveries has the ids and attempts under which one item was delivered.
type itemDeliveries struct {
	ids      map[string]bool
	attempts []int
}

// workerProcess is a child process that runs workers. Its log has a line for
// each delivery: "<value> <id> <attempt>".
type workerProcess struct {
	t        *testing.T
	test     killTest
	url, log string
	workers  int
	cmd      *exec.Cmd
	stdin    io.Closer
}

const workerProcessVariable = "SYMPHONY_WORKER_PROCESS"

func (c *workerProcess) start() {
	c.cmd = exec.Command(os.Args[0], "-test.run=^TestWorkerProcess$")
	c.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d %d", workerProcessVariable, c.url, c.log, c.workers, c.test.chunk, c.test.chunkTime))
	stdin, err := c.cmd.StdinPipe()
	require.NoError(c.t, err)
	c.stdin = stdin
	require.NoError(c.t, c.cmd.Start())
}

func (c *workerProcess) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // the error reports the signal
}

func (c *workerProcess) read(into map[int]*itemDeliveries) (lines int) {
	text, err := os.ReadFile(c.log)
	require.NoError(c.t, err)
	for line := range strings.Lines(string(text)) {
		var value, attempt int
		var id string
		_, err := fmt.Sscan(line, &value, &id, &attempt)
		require.NoError(c.t, err, line)
		if into[value] == nil {
			into[value] = &itemDeliveries{ids: map[string]bool{}}
		}
		into[value].ids[id] = true
		into[value].attempts = append(into[value].attempts, attempt)
		lines++
	}
	return lines
}

// TestWorkerProcess is not a test. A workerProcess runs it until the parent
// process ends.
func TestWorkerProcess(t *testing.T) {
	setting := os.Getenv(workerProcessVariable)
	if setting == "" {
		t.Skip("other tests run this in a child process")
	}
	var url, name string
	var workers, chunk int
	var work time.Duration
	_, err := fmt.Sscan(setting, &url, &name, &workers, &chunk, (*int64)(&work))
	require.NoError(t, err)
	log, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	alive, stop := context.WithCancel(ctx)
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		stop()
		os.Exit(1)
	}()

	var p *pool.Pools
	for err = errors.New("the pools are not open yet"); err != nil; time.Sleep(10 * time.Millisecond) {
		p, err = pool.Open(alive, pool.Config{URL: url, Timeout: 2 * time.Second})
	}
	handle := func(ctx context.Context, _ string, _ symphony.Queue, items []listrepo.Item[int]) error {
		var lines bytes.Buffer
		for _, item := range items {
			fmt.Fprintln(&lines, item.Value, item.ID, item.Attempt)
		}
		if _, err := log.Write(lines.Bytes()); err != nil {
			return err
		}
		select {
		case <-time.After(work/2 + rand.N(work)):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	require.NoError(t, symphony.WorkBatches(alive, p, killedService, handle,
		symphony.WorkConfig{Workers: workers, ChunkSize: chunk, Lease: killedLease, StopTimeout: time.Millisecond}))
}

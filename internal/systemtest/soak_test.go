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

// Nothing is lost, and what comes twice says so: a short form of
// TestSoakQueues.
func TestNoItemIsLost(t *testing.T) {
	drill{items: 4000, chunk: 20, work: 10 * time.Millisecond, calm: 150 * time.Millisecond, restarts: 2}.run(t)
}

// TestSoakQueues is the long form; `make soak` runs it.
func TestSoakQueues(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("SOAK=1 runs it")
	}
	drill{items: 100_000, chunk: 100, work: 100 * time.Millisecond, calm: 300 * time.Millisecond, restarts: 1 << 20}.run(t)
}

// drill drains queues with 8 workers in 3 processes, while these are killed and
// the server is killed and started again.
type drill struct {
	items, chunk int
	work         time.Duration // what a chunk takes
	calm         time.Duration // between two kills
	restarts     int           // of the server, at most
}

const (
	drillService = "drill"
	drillLease   = 500 * time.Millisecond
)

func (d drill) run(t *testing.T) {
	server := redistest.Server(t, "appendonly yes", "appendfsync always")
	p, err := pool.Open(ctx, pool.Config{URL: server.URL(), Timeout: 2 * time.Second})
	require.NoError(t, err)
	defer p.Close()
	dir := t.TempDir()
	var crew []*drillProcess
	for i, workers := range []int{3, 3, 2} {
		crew = append(crew, &drillProcess{t: t, drill: d, url: server.URL(), log: filepath.Join(dir, strconv.Itoa(i)), workers: workers})
		crew[i].start()
	}

	var promised map[int]bool
	var producer sync.WaitGroup
	producer.Go(func() { promised = d.produce(t, p) })
	produced := make(chan struct{})
	go func() { producer.Wait(); close(produced) }()
	kills, restarts := d.havoc(t, server, crew, func() bool {
		select {
		case <-produced:
			return drained(p)
		default:
			return false
		}
	})
	for _, c := range crew {
		c.kill()
	}

	deliveries, repeats := 0, 0
	items := map[int]*delivered{}
	for _, c := range crew {
		deliveries += c.read(items)
	}
	for value := range promised {
		require.NotNil(t, items[value], "item %d was lost", value)
	}
	for value, item := range items {
		slices.Sort(item.attempts)
		require.Len(t, slices.Compact(slices.Clone(item.attempts)), len(item.attempts), "item %d was repeated with an attempt that it had before", value)
		require.Len(t, item.ids, 1, "item %d changed its identity", value)
		repeats += len(item.attempts) - 1
	}
	t.Logf("%d items promised, %d delivered %d times, %d of them repeats with a higher attempt; %d kills of workers, %d of the server",
		len(promised), len(items), deliveries, repeats, kills, restarts)
}

// produce enqueues the items, and tells which ones Redis has promised to keep.
func (d drill) produce(t *testing.T, p *pool.Pools) map[int]bool {
	promised := map[int]bool{}
	for value := 0; len(promised) < d.items; {
		chunk := make([]int, min(d.chunk, d.items-len(promised)))
		for i := range chunk {
			value++
			chunk[i] = value
		}
		tenant, q := drillQueue(value / len(chunk))
		b, err := symphony.NewBatch[int](p, tenant)
		if err != nil {
			t.Error(err)
			break
		}
		if _, err = b.Enqueue(ctx, q, chunk...); err != nil {
			continue // they may be there: none counts on them
		}
		for _, v := range chunk {
			promised[v] = true
		}
	}
	return promised
}

func drillQueue(n int) (tenant string, q symphony.Queue) {
	return fmt.Sprint("tenant", n%5), symphony.Queue{Service: drillService, Entity: fmt.Sprint(n % 3), Action: "a"}
}

// havoc kills until all is done, and then waits for what the last kill left.
func (d drill) havoc(t *testing.T, server *redistest.Instance, crew []*drillProcess, done func() bool) (kills, restarts int) {
	deadline := time.Now().Add(15 * time.Minute)
	for i := 1; !done(); i++ {
		require.True(t, time.Now().Before(deadline), "the queues are never empty")
		if i%4 == 0 && restarts < d.restarts {
			server.Kill()
			server.Restart(t)
			restarts++
		} else if kills < 3*d.restarts {
			c := crew[rand.N(len(crew))]
			c.kill()
			c.start()
			kills++
		}
		for end := time.Now().Add(d.calm/2 + rand.N(d.calm)); time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
	}
	return kills, restarts
}

// drained reports whether no item waits or is claimed, and no tenant pending.
func drained(p *pool.Pools) bool {
	tenants, err := symphony.PendingTenants(ctx, p, drillService)
	if err != nil || len(tenants) > 0 {
		return false
	}
	for n := range 15 {
		tenant, q := drillQueue(n)
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

// delivered is what became of one item.
type delivered struct {
	ids      map[string]bool
	attempts []int
}

// drillProcess is a process of workers. Its log has a line for each delivery:
// "<value> <id> <attempt>".
type drillProcess struct {
	t        *testing.T
	drill    drill
	url, log string
	workers  int
	cmd      *exec.Cmd
	stdin    io.Closer
}

const drillVariable = "SYMPHONY_DRILL"

func (c *drillProcess) start() {
	c.cmd = exec.Command(os.Args[0], "-test.run=^TestDrillProcess$")
	c.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d %d", drillVariable, c.url, c.log, c.workers, c.drill.chunk, c.drill.work))
	stdin, err := c.cmd.StdinPipe()
	require.NoError(c.t, err)
	c.stdin = stdin
	require.NoError(c.t, c.cmd.Start())
}

func (c *drillProcess) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // it reports its signal
}

func (c *drillProcess) read(into map[int]*delivered) (lines int) {
	text, err := os.ReadFile(c.log)
	require.NoError(c.t, err)
	for line := range strings.Lines(string(text)) {
		var value, attempt int
		var id string
		_, err := fmt.Sscan(line, &value, &id, &attempt)
		require.NoError(c.t, err, line)
		if into[value] == nil {
			into[value] = &delivered{ids: map[string]bool{}}
		}
		into[value].ids[id] = true
		into[value].attempts = append(into[value].attempts, attempt)
		lines++
	}
	return lines
}

// TestDrillProcess is no test: it is what a drillProcess runs until its parent
// ends.
func TestDrillProcess(t *testing.T) {
	setting := os.Getenv(drillVariable)
	if setting == "" {
		t.Skip("it is a part of other tests")
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
	for err = errors.New("not yet open"); err != nil; time.Sleep(10 * time.Millisecond) {
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
	require.NoError(t, symphony.WorkBatches(alive, p, drillService, handle,
		symphony.WorkConfig{Workers: workers, ChunkSize: chunk, Lease: drillLease, StopTimeout: time.Millisecond}))
}

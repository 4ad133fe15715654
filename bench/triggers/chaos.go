package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/server"
	"github.com/symphony-go/symphony/pool"
)

// chaos sets triggers while the server and the workers are killed repeatedly,
// as with kill -9, and searches for triggers that were acknowledged and never
// ran.
func chaos(args []string, out io.Writer) error {
	f := flag.NewFlagSet("chaos", flag.ContinueOnError)
	cfg := chaosConfig{}
	f.IntVar(&cfg.triggers, "triggers", 250_000, "triggers to set")
	f.IntVar(&cfg.serverKills, "server-kills", 100, "how often the server is killed")
	f.IntVar(&cfg.workerKills, "worker-kills", 100, "how often a worker is killed")
	f.IntVar(&cfg.workers, "workers", 3, "worker processes")
	f.StringVar(&cfg.sync, "appendfsync", "always", "always, everysec or no; off: no append-only file, and triggers must be lost")
	if err := f.Parse(args); err != nil {
		return err
	}
	began := time.Now()
	r, err := cfg.run()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "appendfsync %s: %v, in %v\n", cfg.sync, r, time.Since(began).Round(time.Second))
	return errors.Join(err, r.verdict(cfg.sync))
}

type chaosConfig struct {
	triggers, serverKills, workerKills, workers int
	sync                                        string
}

type chaosResult struct {
	acknowledged, lost, repeated, sameAttempt, overlapping, setTwice int
	serverKills, workerKills                                         int
}

func (r chaosResult) String() string {
	return fmt.Sprintf("of %d acknowledged triggers %d were lost over %d kills of the server and %d of workers; "+
		"%d attempts were repeats, %d of them without a higher attempt number, %d while an earlier one was at work; %d were set again since an answer was lost, and ran again",
		r.acknowledged, r.lost, r.serverKills, r.workerKills, r.repeated, r.sameAttempt, r.overlapping, r.setTwice)
}

// verdict returns an error if a result is wrong. Only appendfsync "always"
// promises that nothing is lost. But a run without a file must lose something,
// or it has tested nothing.
func (r chaosResult) verdict(sync string) error {
	switch {
	case sync == "always" && r.lost > 0:
		return fmt.Errorf("%d acknowledged triggers were lost", r.lost)
	case sync == "always" && r.sameAttempt+r.overlapping > 0:
		return fmt.Errorf("%d repeated runs had no higher attempt number, and %d overlapped", r.sameAttempt, r.overlapping)
	case sync == "off" && r.lost == 0:
		return errors.New("nothing was lost although nothing was saved: this run cannot detect a loss")
	}
	return nil
}

func (cfg chaosConfig) run() (r chaosResult, err error) {
	conf := []string{"appendonly yes", "appendfsync " + cfg.sync}
	if cfg.sync == "off" {
		conf = []string{"appendonly no"}
	}
	s, err := server.Start(conf...)
	if err != nil {
		return r, err
	}
	defer s.Close()
	crew := &crew{url: s.URL(), dir: s.Dir}
	defer crew.end()
	for range cfg.workers {
		if err := crew.hire(); err != nil {
			return r, err
		}
	}
	acknowledged, err := cfg.torment(s, crew)
	if err != nil {
		return r, err
	}
	if err := drained(s, cfg.sync); err != nil {
		return r, err
	}
	crew.end()
	r.serverKills, r.workerKills = cfg.serverKills, cfg.workerKills
	err = r.read(s.Dir, acknowledged)
	return r, err
}

// torment sets the triggers and kills processes meanwhile, each after its share
// of the triggers. It returns the ids that were acknowledged.
func (cfg chaosConfig) torment(s *server.Server, crew *crew) (acknowledged int, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pools, triggers, err := openTriggers(ctx, s.URL())
	if err != nil {
		return 0, err
	}
	defer pools.Close()
	var set atomic.Int64
	var tormentors sync.WaitGroup
	errs := make(chan error, 2)
	torture := func(kills int, kill func() error) {
		for i := range kills {
			share := int64(float64(cfg.triggers) * (float64(i) + rand.Float64()) / float64(kills))
			for ; set.Load() < share && ctx.Err() == nil; time.Sleep(time.Millisecond) {
				continue
			}
			if err := kill(); err != nil {
				cancel()
				errs <- err
				return
			}
		}
		errs <- nil
	}
	tormentors.Go(func() {
		torture(cfg.serverKills, func() error {
			s.Kill()
			return s.Start()
		})
	})
	tormentors.Go(func() { torture(cfg.workerKills, crew.replace) })
	err = parallel(32, cfg.triggers, func(i int) error {
		defer set.Add(1)
		return insist(ctx, triggers, i)
	})
	tormentors.Wait()
	return int(set.Load()), errors.Join(err, <-errs, <-errs)
}

// insist sets a trigger again until it is acknowledged.
func insist(ctx context.Context, triggers *symphony.Trigger, i int) error {
	for {
		call, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := triggers.SetPayload(call, "work", strconv.Itoa(i), i, time.Duration(1+rand.IntN(2000))*time.Millisecond)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// drained waits until nothing is scheduled or claimed.
func drained(s *server.Server, sync string) error {
	pools, err := pool.Open(context.Background(), pool.Config{URL: s.URL()})
	if err != nil {
		return err
	}
	defer pools.Close()
	c, err := pools.Client(pool.Expiry)
	if err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		n, err := c.Do(context.Background(), c.B().Exists().Key("%exp:due:work", "%exp:active:work").Build()).AsInt64()
		if err == nil && n == 0 {
			return nil
		}
	}
	return fmt.Errorf("appendfsync %s: work is left after five minutes", sync)
}

// crew holds the worker processes.
type crew struct {
	url, dir string

	mu      sync.Mutex
	hired   int
	members []*member
}

type member struct {
	cmd   *exec.Cmd
	leash io.Closer // the worker ends when it is closed
}

func (c *crew) hire() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hired++
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "worker")
	cmd.Env = append(os.Environ(), "TRIGGERS_WORKER="+filepath.Join(c.dir, fmt.Sprintf("worker%d.log", c.hired)), "TRIGGERS_URL="+c.url)
	cmd.Stderr = os.Stderr
	leash, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.members = append(c.members, &member{cmd, leash})
	return nil
}

// replace kills a worker and starts another one.
func (c *crew) replace() error {
	c.mu.Lock()
	m := c.members[0]
	c.members = c.members[1:]
	c.mu.Unlock()
	m.kill()
	return c.hire()
}

func (m *member) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	_ = m.leash.Close()
}

func (c *crew) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		m.kill()
	}
	c.members = nil
}

// attempt is a run of a handler.
type attempt struct {
	number     int
	begun, end int64 // microseconds; end 0: it was killed
}

// read compares the logs of the workers with the ids that were acknowledged, 0
// to n-1.
func (r *chaosResult) read(dir string, n int) error {
	r.acknowledged = n
	firings := map[string][]*attempt{} // by id and due time
	files, err := filepath.Glob(filepath.Join(dir, "worker*.log"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := readLog(file, firings); err != nil {
			return err
		}
	}
	ran := make([]int, n)
	for name, attempts := range firings {
		id, _, _ := strings.Cut(name, "@")
		i, err := strconv.Atoi(id)
		if err != nil || i >= n {
			return fmt.Errorf("%q ran but was never set", name)
		}
		ran[i]++
		r.judge(attempts)
	}
	for _, times := range ran {
		switch {
		case times == 0:
			r.lost++
		case times > 1:
			r.setTwice++
		}
	}
	return nil
}

func (r *chaosResult) judge(attempts []*attempt) {
	r.repeated += len(attempts) - 1
	for i, a := range attempts {
		for _, b := range attempts[:i] {
			if a.number == b.number {
				r.sameAttempt++
			}
			first, second := a, b
			if first.number > second.number {
				first, second = b, a
			}
			if second.begun < first.begun || first.end > second.begun {
				r.overlapping++
			}
		}
	}
}

// readLog reads lines `b <id>@<due> <attempt> <time>` of begun work and `e ...`
// of work that ended.
func readLog(file string, firings map[string][]*attempt) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	open := map[string]*attempt{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 4 {
			continue // cut off by the kill
		}
		number, err := strconv.Atoi(fields[2])
		if err != nil {
			return err
		}
		at, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil {
			return err
		}
		name := fields[1] + " " + fields[2]
		if fields[0] == "b" {
			a := &attempt{number: number, begun: at}
			open[name] = a
			firings[fields[1]] = append(firings[fields[1]], a)
		} else if a := open[name]; a != nil {
			a.end = at
		}
	}
	return lines.Err()
}

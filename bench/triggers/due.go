package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/server"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// due measures how late triggers fire. They fall due evenly over a while, among
// many others that are not due, and several listeners share them. Each must
// fire exactly once, and none early.
func due(args []string, out io.Writer) error {
	f := flag.NewFlagSet("due", flag.ContinueOnError)
	cfg := dueConfig{}
	f.IntVar(&cfg.pending, "pending", 200_000, "triggers that are not due")
	f.IntVar(&cfg.due, "due", 20_000, "triggers that fall due")
	f.DurationVar(&cfg.over, "over", 15*time.Second, "over how long they fall due")
	f.DurationVar(&cfg.lead, "lead", 10*time.Second, "how long before the first they are set")
	f.IntVar(&cfg.listeners, "workers", 8, "listeners, each with connections of its own")
	if err := f.Parse(args); err != nil {
		return err
	}
	r, err := cfg.run()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, r)
	return err
}

type dueConfig struct {
	pending, due, listeners int
	over, lead              time.Duration
}

type dueResult struct {
	fired, twice, early int
	lags                []time.Duration
	pings               []time.Duration // what a PING took meanwhile
}

func (r dueResult) String() string {
	return fmt.Sprintf("fired %d, more than once %d, early %d; lag %s; beside it a millisecond's rest and a PING took %s",
		r.fired, r.twice, r.early, percentiles(r.lags), percentiles(r.pings))
}

func (cfg dueConfig) run() (r dueResult, err error) {
	ctx := context.Background()
	s, err := server.Start()
	if err != nil {
		return r, err
	}
	defer s.Close()
	setter, triggers, err := openTriggers(ctx, s.URL())
	if err != nil {
		return r, err
	}
	defer setter.Close()
	if err := parallel(64, cfg.pending, func(i int) error {
		return triggers.Set(ctx, "later", strconv.Itoa(i), time.Hour+time.Duration(i)*time.Millisecond)
	}); err != nil {
		return r, err
	}
	tally := &tally{runs: map[string]int{}}
	var team listeners
	defer team.stop()
	for range cfg.listeners {
		if err := team.add(s.URL(), tally.note); err != nil {
			return r, err
		}
	}
	// The triggers that fall due are set before that, but not all at once.
	start := time.Now()
	if err := parallel(64, cfg.due, func(i int) error {
		at := cfg.lead + time.Duration(i)*cfg.over/time.Duration(cfg.due)
		return triggers.Set(ctx, "now", strconv.Itoa(i), at-time.Since(start))
	}); err != nil {
		return r, err
	}
	if took := time.Since(start); took > cfg.lead {
		return r, fmt.Errorf("setting the triggers took %v, longer than the %v until the first", took, cfg.lead)
	}
	yard, err := startYardstick(ctx, setter)
	if err != nil {
		return r, err
	}
	for end := start.Add(cfg.lead + cfg.over + 30*time.Second); tally.fired() < cfg.due && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		continue
	}
	r.pings = yard.stop()
	time.Sleep(2 * time.Second) // for what fires twice
	team.stop()
	tally.into(&r)
	if r.fired != cfg.due || r.twice > 0 || r.early > 0 {
		return r, fmt.Errorf("of %d triggers: %v", cfg.due, r)
	}
	return r, nil
}

// tally records which triggers ran, and how late.
type tally struct {
	mu   sync.Mutex
	runs map[string]int
	lags []time.Duration
}

func (t *tally) note(_ context.Context, e expiry.Event) error {
	lag := time.Since(e.DueAt)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs[e.ID]++
	t.lags = append(t.lags, lag)
	return nil
}

func (t *tally) fired() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.runs)
}

func (t *tally) into(r *dueResult) {
	r.fired, r.lags = len(t.runs), t.lags
	for _, n := range t.runs {
		if n > 1 {
			r.twice++
		}
	}
	for _, lag := range t.lags {
		if lag < 0 {
			r.early++
		}
	}
}

// listeners starts listeners that run until stop, each with its own
// connections.
type listeners struct {
	pools   []*pool.Pools
	cancels []context.CancelFunc
	running sync.WaitGroup
}

func (ls *listeners) add(url string, note expiry.Handler) error {
	ctx, cancel := context.WithCancel(context.Background())
	ls.cancels = append(ls.cancels, cancel)
	pools, err := pool.Open(ctx, pool.Config{URL: url})
	if err != nil {
		return err
	}
	ls.pools = append(ls.pools, pools)
	registry := expiry.NewRegistry()
	for _, action := range []string{"later", "now"} {
		if err := registry.On(action, note); err != nil {
			return err
		}
	}
	l, err := expiry.NewListener(pools, registry, expiry.Config{})
	if err != nil {
		return err
	}
	ls.running.Go(func() { _ = l.Run(ctx) })
	return nil
}

func (ls *listeners) stop() {
	for _, cancel := range ls.cancels {
		cancel()
	}
	ls.running.Wait()
	for _, pools := range ls.pools {
		pools.Close()
	}
}

func openTriggers(ctx context.Context, url string) (*pool.Pools, *symphony.Trigger, error) {
	pools, err := pool.Open(ctx, pool.Config{URL: url})
	if err != nil {
		return nil, nil, err
	}
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		pools.Close()
		return nil, nil, err
	}
	return pools, triggers, nil
}

// parallel calls do for 0 to n-1 from several goroutines and returns the first
// error.
func parallel(callers, n int, do func(i int) error) error {
	errs := make(chan error, callers)
	for c := range callers {
		go func() {
			for i := c; i < n; i += callers {
				if err := do(i); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	var first error
	for range callers {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	return first
}

func percentiles(all []time.Duration) string {
	at := func(p float64) time.Duration { return results.Percentile(all, p).Round(10 * time.Microsecond) }
	return fmt.Sprintf("p50 %v p90 %v p99 %v p99.9 %v worst %v", at(0.5), at(0.9), at(0.99), at(0.999), at(1))
}

// yardstick measures how late the machine itself is: how long a sleep of a
// millisecond and a PING take.
type yardstick struct {
	quit, done chan struct{}
	took       []time.Duration
}

func startYardstick(ctx context.Context, pools *pool.Pools) (*yardstick, error) {
	c, err := pools.Client(pool.Default)
	if err != nil {
		return nil, err
	}
	y := &yardstick{quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(y.done)
		for {
			began := time.Now()
			select {
			case <-y.quit:
				return
			case <-time.After(time.Millisecond):
			}
			if c.Do(ctx, c.B().Ping().Build()).Error() == nil {
				y.took = append(y.took, time.Since(began)-time.Millisecond)
			}
		}
	}()
	return y, nil
}

func (y *yardstick) stop() []time.Duration {
	close(y.quit)
	<-y.done
	return y.took
}

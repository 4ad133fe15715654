package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/server"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// peers measures the rates at which this library and asynq schedule and do
// work, in turns on one server.
func peers(args []string, out io.Writer) error {
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	cfg := peersConfig{}
	f.IntVar(&cfg.n, "n", 20_000, "triggers in a round")
	f.IntVar(&cfg.rounds, "rounds", 7, "rounds")
	f.IntVar(&cfg.callers, "callers", 32, "callers that schedule")
	f.IntVar(&cfg.workers, "workers", 100, "handlers at once, and the size of our batches")
	if err := f.Parse(args); err != nil {
		return err
	}
	schedule, drain, err := cfg.run()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "schedule, %d callers: %v\ndrain, %d handlers: %v\n", cfg.callers, schedule, cfg.workers, drain)
	return err
}

type peersConfig struct{ n, rounds, callers, workers int }

// contest holds the times of the rounds.
type contest struct {
	n            int
	ours, theirs []time.Duration
}

func (c contest) String() string {
	ratios := make([]float64, len(c.ours))
	for i := range c.ours {
		ratios[i] = float64(c.theirs[i]) / float64(c.ours[i])
	}
	slices.Sort(ratios)
	rate := func(took []time.Duration) float64 {
		sorted := slices.Sorted(slices.Values(took))
		return float64(c.n) / sorted[len(sorted)/2].Seconds()
	}
	return fmt.Sprintf("ours %.0f/s, asynq %.0f/s, ratio %.2f (from %.2f to %.2f over %d rounds)",
		rate(c.ours), rate(c.theirs), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], len(ratios))
}

func (cfg peersConfig) run() (schedule, drain contest, err error) {
	ctx := context.Background()
	s, err := server.Start()
	if err != nil {
		return schedule, drain, err
	}
	defer s.Close()
	pools, triggers, err := openTriggers(ctx, s.URL())
	if err != nil {
		return schedule, drain, err
	}
	defer pools.Close()
	theirs := asynq.RedisClientOpt{Addr: s.Addr(), DB: 1, PoolSize: cfg.callers}
	client := asynq.NewClient(theirs)
	defer func() { _ = client.Close() }()
	schedule.n, drain.n = cfg.n, cfg.n
	type part struct {
		took *[]time.Duration
		run  func() (time.Duration, error)
	}
	for round := range cfg.rounds {
		if err := s.Do(0, "FLUSHALL"); err != nil {
			return schedule, drain, err
		}
		parts := []part{
			{&schedule.ours, func() (time.Duration, error) { return cfg.setOurs(ctx, triggers, "later", time.Hour) }},
			{&schedule.theirs, func() (time.Duration, error) { return cfg.setTheirs(client, asynq.ProcessIn(time.Hour)) }},
			{&drain.ours, func() (time.Duration, error) { return cfg.drainOurs(ctx, pools, triggers) }},
			{&drain.theirs, func() (time.Duration, error) { return cfg.drainTheirs(client, theirs) }},
		}
		if round%2 == 1 { // nobody is always the first
			slices.Reverse(parts)
		}
		for _, part := range parts {
			took, err := part.run()
			if err != nil {
				return schedule, drain, err
			}
			*part.took = append(*part.took, took)
		}
	}
	return schedule, drain, nil
}

func (cfg peersConfig) setOurs(ctx context.Context, triggers *symphony.Trigger, action string, after time.Duration) (time.Duration, error) {
	began := time.Now()
	err := parallel(cfg.callers, cfg.n, func(i int) error { return triggers.Set(ctx, action, strconv.Itoa(i), after) })
	return time.Since(began), err
}

func (cfg peersConfig) setTheirs(client *asynq.Client, opts ...asynq.Option) (time.Duration, error) {
	began := time.Now()
	err := parallel(cfg.callers, cfg.n, func(i int) error {
		_, err := client.Enqueue(asynq.NewTask("x", []byte(strconv.Itoa(i))), opts...)
		return err
	})
	return time.Since(began), err
}

// drainOurs measures from the time at which all triggers are due until the last
// one is acknowledged.
func (cfg peersConfig) drainOurs(ctx context.Context, pools *pool.Pools, triggers *symphony.Trigger) (time.Duration, error) {
	r := expiry.NewRegistry()
	if err := r.On("now", func(context.Context, expiry.Event) error { return nil }); err != nil {
		return 0, err
	}
	l, err := expiry.NewListener(pools, r, expiry.Config{Workers: cfg.workers, Batch: cfg.workers, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- l.Run(ctx) }()
	took, err := cfg.drained(ctx, l, triggers)
	stop()
	return took, errors.Join(err, <-stopped)
}

// drained sets triggers that fall due all at once. If the machine is too busy
// to set them before that, drained begins again with more time.
func (cfg peersConfig) drained(ctx context.Context, l *expiry.Listener, triggers *symphony.Trigger) (time.Duration, error) {
	for lead := 3 * time.Second; ; lead *= 2 {
		before, began := l.Stats().Succeeded, time.Now().Add(lead)
		err := parallel(cfg.callers, cfg.n, func(i int) error {
			return triggers.Set(ctx, "now", strconv.Itoa(i), max(time.Until(began), time.Millisecond))
		})
		if err != nil {
			return 0, err
		}
		late := time.Now().After(began)
		for l.Stats().Succeeded < before+int64(cfg.n) {
			time.Sleep(200 * time.Microsecond)
		}
		if !late {
			return time.Since(began), nil
		}
	}
}

func (cfg peersConfig) drainTheirs(client *asynq.Client, opt asynq.RedisClientOpt) (time.Duration, error) {
	if _, err := cfg.setTheirs(client); err != nil {
		return 0, err
	}
	opt.PoolSize = 10 * cfg.workers
	server := asynq.NewServer(opt, asynq.Config{Concurrency: cfg.workers, LogLevel: asynq.FatalLevel})
	var ran atomic.Int64
	began := time.Now()
	if err := server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		ran.Add(1)
		return nil
	})); err != nil {
		return 0, err
	}
	for ran.Load() < int64(cfg.n) {
		time.Sleep(200 * time.Microsecond)
	}
	took := time.Since(began)
	server.Shutdown()
	return took, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hibiken/asynq"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
)

// fleet is the workers of a library. Each of its processes is simulated by a
// server of the library with its own connections.
type fleet struct {
	counter *wire.Counter // of the workers' connections
	add     func(ctx context.Context, tenant int, item string) error
	closers []func() error
}

func (f *fleet) onStop(do func() error) { f.closers = append(f.closers, do) }

// stop ends what was started last first.
func (f *fleet) stop() error {
	var all []error
	for _, do := range slices.Backward(f.closers) {
		all = append(all, do())
	}
	return errors.Join(all...)
}

// contestant is a library with its settings.
type contestant struct {
	name string
	hire func(ctx context.Context, url string, processes, tenants int, handled func(item string) error) (*fleet, error)
}

// contestants are this library with its defaults, asynq as its README shows it,
// and asynq with a shorter pause between two looks at its queues.
func contestants() []contestant {
	return []contestant{
		{results.Ours, func(ctx context.Context, url string, processes, tenants int, handled func(string) error) (*fleet, error) {
			return hireOurs(ctx, url, processes, tenants, symphony.WorkConfig{}, handled)
		}},
		{"asynq", func(_ context.Context, url string, processes, _ int, handled func(string) error) (*fleet, error) {
			return hireAsynq(url, processes, asynq.Config{Concurrency: 10}, handled)
		}},
		{"asynq, TaskCheckInterval 10 ms", func(_ context.Context, url string, processes, _ int, handled func(string) error) (*fleet, error) {
			return hireAsynq(url, processes, asynq.Config{Concurrency: 10, TaskCheckInterval: 10 * time.Millisecond}, handled)
		}},
	}
}

// queue is the queue of a tenant that has work.
var queue = symphony.Queue{Service: peers.Mark, Entity: "talk", Action: "work"}

func tenantName(i int) string { return peers.Mark + "-" + strconv.Itoa(i) }

// batchesOf returns the repositories of the queues of n tenants.
func batchesOf(pools *pool.Pools, n int) ([]*symphony.Batch[string], error) {
	all := make([]*symphony.Batch[string], n)
	for i := range all {
		var err error
		if all[i], err = symphony.NewBatch[string](pools, tenantName(i), symphony.On(peers.Alias)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// hireOurs runs WorkBatches once for each process.
func hireOurs(ctx context.Context, url string, processes, tenants int, cfg symphony.WorkConfig, handled func(item string) error) (*fleet, error) {
	f := &fleet{counter: &wire.Counter{}}
	if err := f.startOurs(ctx, url, processes, tenants, cfg, handled); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return f, nil
}

func (f *fleet) startOurs(ctx context.Context, url string, processes, tenants int, cfg symphony.WorkConfig, handled func(item string) error) error {
	feeder, err := peers.OpenPools(ctx, url, nil)
	if err != nil {
		return err
	}
	f.onStop(func() error { feeder.Close(); return nil })
	batches, err := batchesOf(feeder, tenants)
	if err != nil {
		return err
	}
	f.add = func(ctx context.Context, tenant int, item string) error {
		_, err := batches[tenant%tenants].Enqueue(ctx, queue, item)
		return err
	}
	var failure firstError
	cfg.OnError = func(err *symphony.WorkError) { failure.set(err) }
	handle := func(_ context.Context, _ string, _ symphony.Queue, items []listrepo.Item[string]) error {
		var all []error
		for _, item := range items {
			all = append(all, handled(item.Value))
		}
		return errors.Join(all...)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	f.onStop(func() error {
		cancel()
		running.Wait()
		return failure.get()
	})
	for range processes {
		pools, err := peers.OpenPools(ctx, url, f.counter)
		if err != nil {
			return err
		}
		running.Go(func() {
			defer pools.Close()
			failure.set(symphony.WorkBatches(ctx, pools, peers.Mark, handle, cfg, symphony.On(peers.Alias)))
		})
	}
	return nil
}

// hireAsynq runs a Server for each process. All tenants share one queue: each
// look of a Server sends a script for each of its queues.
func hireAsynq(url string, processes int, cfg asynq.Config, handled func(item string) error) (*fleet, error) {
	f := &fleet{counter: &wire.Counter{}}
	if err := f.startAsynq(url, processes, cfg, handled); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	return f, nil
}

func (f *fleet) startAsynq(url string, processes int, cfg asynq.Config, handled func(item string) error) error {
	connect, err := peers.ConnectAsynq(url, 64, nil)
	if err != nil {
		return err
	}
	feeder := asynq.NewClient(connect)
	f.onStop(feeder.Close)
	f.add = func(ctx context.Context, _ int, item string) error {
		_, err := feeder.EnqueueContext(ctx, asynq.NewTask("x", []byte(item)), asynq.Queue(peers.Mark))
		return err
	}
	cfg.Queues, cfg.LogLevel = map[string]int{peers.Mark: 1}, asynq.FatalLevel
	for range processes {
		connect, err := peers.ConnectAsynq(url, 10*cfg.Concurrency, f.counter)
		if err != nil {
			return err
		}
		server := asynq.NewServer(connect, cfg)
		if err := server.Start(asynq.HandlerFunc(func(_ context.Context, t *asynq.Task) error {
			return handled(string(t.Payload()))
		})); err != nil {
			return err
		}
		f.onStop(func() error { server.Shutdown(); return nil })
	}
	return nil
}

type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// waits records how long numbered items wait: from the call that enqueues one
// to the start of its handler.
type waits struct {
	mu       sync.Mutex
	enqueued []time.Time
	waited   []time.Duration // -1: it waits still
	left     int
	bad      error // about an item that must not have been handled
}

func newWaits(n int) *waits {
	w := &waits{enqueued: make([]time.Time, n), waited: make([]time.Duration, n), left: n}
	for i := range w.waited {
		w.waited[i] = -1
	}
	return w
}

// enqueue enqueues items from begin to end-1, after a pause each.
func (w *waits) enqueue(ctx context.Context, f *fleet, begin, end int, pause func() time.Duration) error {
	for i := begin; i < end; i++ {
		if err := sleep(ctx, pause()); err != nil {
			return err
		}
		w.mu.Lock()
		w.enqueued[i] = time.Now()
		w.mu.Unlock()
		if err := f.add(ctx, i, strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return w.await(ctx, len(w.waited)-end)
}

func (w *waits) handled(item string) error {
	at := time.Now()
	i, err := strconv.Atoi(item)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil || i < 0 || i >= len(w.waited) || w.enqueued[i].IsZero():
		w.bad = fmt.Errorf("the item %q was handled but never enqueued", item)
	case w.waited[i] >= 0:
		w.bad = fmt.Errorf("the item %q was handled twice", item)
	default:
		w.waited[i] = at.Sub(w.enqueued[i])
		w.left--
	}
	return w.bad
}

// await waits until all items but some are handled.
func (w *waits) await(ctx context.Context, but int) error {
	for end := time.Now().Add(time.Minute); ; {
		w.mu.Lock()
		left, bad := w.left-but, w.bad
		w.mu.Unlock()
		switch {
		case bad != nil || left == 0:
			return bad
		case time.Now().After(end):
			return fmt.Errorf("after a minute, %d of %d items were not handled", left, len(w.waited)-but)
		}
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

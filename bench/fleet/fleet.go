// Package fleet runs the workers of Symphony and of asynq, to measure them
// while they work and while they are idle.
package fleet

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

// Fleet is the workers of a library. Each of its processes is simulated by a
// server of the library with its own connections.
type Fleet struct {
	Counter *wire.Counter // of the workers' connections
	Add     func(ctx context.Context, tenant int, item string) error
	closers []func() error
}

func (f *Fleet) onStop(do func() error) { f.closers = append(f.closers, do) }

// Stop ends what was started last first.
func (f *Fleet) Stop() error {
	var all []error
	for _, do := range slices.Backward(f.closers) {
		all = append(all, do())
	}
	return errors.Join(all...)
}

// Contestant is a library with its settings.
type Contestant struct {
	Name string
	Hire func(ctx context.Context, url string, processes, tenants int, handled func(item string) error) (*Fleet, error)
}

// Contestants are this library with its defaults, asynq as its README shows it,
// and asynq with a shorter pause between two looks at its queues.
func Contestants() []Contestant {
	return []Contestant{
		{results.Ours, func(ctx context.Context, url string, processes, tenants int, handled func(string) error) (*Fleet, error) {
			return HireOurs(ctx, url, processes, tenants, symphony.WorkConfig{}, handled)
		}},
		{"asynq", func(_ context.Context, url string, processes, _ int, handled func(string) error) (*Fleet, error) {
			return hireAsynq(url, processes, asynq.Config{Concurrency: 10}, handled)
		}},
		{"asynq, TaskCheckInterval 10 ms", func(_ context.Context, url string, processes, _ int, handled func(string) error) (*Fleet, error) {
			return hireAsynq(url, processes, asynq.Config{Concurrency: 10, TaskCheckInterval: 10 * time.Millisecond}, handled)
		}},
	}
}

// Queue is the queue of a tenant that has work.
var Queue = symphony.Queue{Service: peers.Mark, Entity: "talk", Action: "work"}

func tenantName(i int) string { return peers.Mark + "-" + strconv.Itoa(i) }

// BatchesOf returns the repositories of the queues of n tenants.
func BatchesOf(pools *pool.Pools, n int) ([]*symphony.Batch[string], error) {
	all := make([]*symphony.Batch[string], n)
	for i := range all {
		var err error
		if all[i], err = symphony.NewBatch[string](pools, tenantName(i), symphony.On(peers.Alias)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// HireOurs runs WorkBatches once for each process.
func HireOurs(ctx context.Context, url string, processes, tenants int, cfg symphony.WorkConfig, handled func(item string) error) (*Fleet, error) {
	f := &Fleet{Counter: &wire.Counter{}}
	if err := f.startOurs(ctx, url, processes, tenants, cfg, handled); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	return f, nil
}

func (f *Fleet) startOurs(ctx context.Context, url string, processes, tenants int, cfg symphony.WorkConfig, handled func(item string) error) error {
	feeder, err := peers.OpenPools(ctx, url, nil)
	if err != nil {
		return err
	}
	f.onStop(func() error { feeder.Close(); return nil })
	batches, err := BatchesOf(feeder, tenants)
	if err != nil {
		return err
	}
	f.Add = func(ctx context.Context, tenant int, item string) error {
		_, err := batches[tenant%tenants].Enqueue(ctx, Queue, item)
		return err
	}
	var failure FirstError
	cfg.OnError = func(err *symphony.WorkError) { failure.Set(err) }
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
		return failure.Get()
	})
	for range processes {
		pools, err := peers.OpenPools(ctx, url, f.Counter)
		if err != nil {
			return err
		}
		running.Go(func() {
			defer pools.Close()
			failure.Set(symphony.WorkBatches(ctx, pools, peers.Mark, handle, cfg, symphony.On(peers.Alias)))
		})
	}
	return nil
}

// hireAsynq runs a Server for each process. All tenants share one queue: each
// look of a Server sends a script for each of its queues.
func hireAsynq(url string, processes int, cfg asynq.Config, handled func(item string) error) (*Fleet, error) {
	f := &Fleet{Counter: &wire.Counter{}}
	if err := f.startAsynq(url, processes, cfg, handled); err != nil {
		return nil, errors.Join(err, f.Stop())
	}
	return f, nil
}

func (f *Fleet) startAsynq(url string, processes int, cfg asynq.Config, handled func(item string) error) error {
	connect, err := peers.ConnectAsynq(url, 64, nil)
	if err != nil {
		return err
	}
	feeder := asynq.NewClient(connect)
	f.onStop(feeder.Close)
	f.Add = func(ctx context.Context, _ int, item string) error {
		_, err := feeder.EnqueueContext(ctx, asynq.NewTask("x", []byte(item)), asynq.Queue(peers.Mark))
		return err
	}
	cfg.Queues, cfg.LogLevel = map[string]int{peers.Mark: 1}, asynq.FatalLevel
	for range processes {
		connect, err := peers.ConnectAsynq(url, 10*cfg.Concurrency, f.Counter)
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

// FirstError keeps the first of several errors.
type FirstError struct {
	mu  sync.Mutex
	err error
}

// Set keeps err if it is the first.
func (f *FirstError) Set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// Get returns the first error, or nil.
func (f *FirstError) Get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// Waits records how long numbered items wait: from the call that enqueues one
// to the start of its handler.
type Waits struct {
	mu       sync.Mutex
	enqueued []time.Time
	Waited   []time.Duration // -1: it waits still
	left     int
	bad      error // about an item that must not have been handled
}

// NewWaits returns the Waits of n items.
func NewWaits(n int) *Waits {
	w := &Waits{enqueued: make([]time.Time, n), Waited: make([]time.Duration, n), left: n}
	for i := range w.Waited {
		w.Waited[i] = -1
	}
	return w
}

// Enqueue enqueues items from begin to end-1, after a pause each.
func (w *Waits) Enqueue(ctx context.Context, f *Fleet, begin, end int, pause func() time.Duration) error {
	for i := begin; i < end; i++ {
		if err := Sleep(ctx, pause()); err != nil {
			return err
		}
		w.mu.Lock()
		w.enqueued[i] = time.Now()
		w.mu.Unlock()
		if err := f.Add(ctx, i, strconv.Itoa(i)); err != nil {
			return err
		}
	}
	return w.Await(ctx, len(w.Waited)-end)
}

// Handled records that an item was handled. It returns an error if the item was
// not enqueued, or was handled before.
func (w *Waits) Handled(item string) error {
	at := time.Now()
	i, err := strconv.Atoi(item)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil || i < 0 || i >= len(w.Waited) || w.enqueued[i].IsZero():
		w.bad = fmt.Errorf("the item %q was handled but never enqueued", item)
	case w.Waited[i] >= 0:
		w.bad = fmt.Errorf("the item %q was handled twice", item)
	default:
		w.Waited[i] = at.Sub(w.enqueued[i])
		w.left--
	}
	return w.bad
}

// Await waits until all items but some are handled.
func (w *Waits) Await(ctx context.Context, but int) error {
	for end := time.Now().Add(time.Minute); ; {
		w.mu.Lock()
		left, bad := w.left-but, w.bad
		w.mu.Unlock()
		switch {
		case bad != nil || left == 0:
			return bad
		case time.Now().After(end):
			return fmt.Errorf("after a minute, %d of %d items were not handled", left, len(w.Waited)-but)
		}
		if err := Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// Sleep waits for d. If ctx ends first, it returns the error of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

// Idle counts what idle workers and listeners send. All fleets are idle at the
// same time, since only their own traffic is counted.
type Idle struct {
	Tenants int           // that have had an item each; first there are none
	Settle  time.Duration // how long the workers have nothing to do before they are measured
	For     time.Duration // how long the commands are counted
}

// Steps is the number of steps of Measure.
const Steps = 4

// resting is a fleet that has nothing to do.
type resting struct {
	what, name string
	fleet      *Fleet
}

// Measure measures fleets of 1 and 4 processes. It calls step before each of
// its steps.
func (w *Idle) Measure(ctx context.Context, g *ground.Ground, step func(name string)) (all []results.Idle, err error) {
	for _, tenants := range []int{0, w.Tenants} {
		for _, processes := range []int{1, 4} {
			step(fmt.Sprintf("idle, processes: %d, drained tenants: %d", processes, tenants))
			found, err := w.measure(ctx, g, processes, tenants)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

func (w *Idle) measure(ctx context.Context, g *ground.Ground, processes, tenants int) (found []results.Idle, err error) {
	if err := g.Clear(ctx); err != nil {
		return nil, err
	}
	fleets, err := hireIdle(ctx, g.URL, processes, tenants)
	defer func() {
		for _, f := range fleets {
			err = errors.Join(err, f.fleet.Stop())
		}
	}()
	if err == nil {
		err = Sleep(ctx, w.Settle)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range fleets {
		if _, err := f.fleet.Counter.Take(); err != nil {
			return nil, err
		}
	}
	if err := Sleep(ctx, w.For); err != nil {
		return nil, err
	}
	for _, f := range fleets {
		traffic, err := f.fleet.Counter.Take()
		if err != nil {
			return nil, err
		}
		per := w.For.Seconds() * float64(processes)
		found = append(found, results.Idle{
			What: f.what, Tenants: tenants, Processes: processes, Contestant: f.name,
			Commands: float64(len(traffic.Commands)) / per, Housekeeping: float64(traffic.Housekeeping) / per,
			All: contest.Summary(traffic.Commands, 1),
		})
	}
	return found, nil
}

// hireIdle returns fleets that have drained a queue of each tenant, and without
// tenants also listeners of triggers. It returns those that run even after an
// error.
func hireIdle(ctx context.Context, url string, processes, tenants int) (all []resting, err error) {
	for _, c := range Contestants()[:2] {
		clock := NewWaits(tenants)
		f, err := c.Hire(ctx, url, processes, max(1, tenants), clock.Handled)
		if err != nil {
			return all, err
		}
		all = append(all, resting{results.Queues, c.Name, f})
		if err := clock.drain(ctx, f); err != nil {
			return all, fmt.Errorf("idle, %s: %w", c.Name, err)
		}
	}
	if tenants > 0 {
		return all, nil
	}
	for _, actions := range []int{1, 100} {
		f, err := hireListeners(ctx, url, processes, actions)
		if err != nil {
			return all, err
		}
		all = append(all, resting{results.Listener(actions), results.Ours, f})
	}
	return all, nil
}

// hireListeners runs a Listener for each process.
func hireListeners(ctx context.Context, url string, processes, actions int) (*Fleet, error) {
	f := &Fleet{Counter: &wire.Counter{}}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var failure FirstError
	f.onStop(func() error {
		cancel()
		running.Wait()
		return failure.Get()
	})
	for range processes {
		pools, err := peers.OpenPools(ctx, url, f.Counter)
		if err != nil {
			return nil, errors.Join(err, f.Stop())
		}
		l, err := listener(pools, actions)
		if err != nil {
			pools.Close()
			return nil, errors.Join(err, f.Stop())
		}
		running.Go(func() {
			defer pools.Close()
			failure.Set(l.Run(ctx))
		})
	}
	return f, nil
}

func listener(pools *pool.Pools, actions int) (*expiry.Listener, error) {
	r := expiry.NewRegistry()
	for i := range actions {
		if err := r.On(peers.Mark+"-idle-"+strconv.Itoa(i), func(context.Context, expiry.Event) error { return nil }); err != nil {
			return nil, err
		}
	}
	return expiry.NewListener(pools, r, expiry.Config{Pool: peers.Alias, Logger: slog.New(slog.DiscardHandler)})
}

// drain enqueues an item for each tenant and waits until all are handled.
func (w *Waits) drain(ctx context.Context, f *Fleet) error {
	now := time.Now()
	for i := range w.enqueued {
		w.enqueued[i] = now
	}
	if err := peers.Spread(len(w.enqueued), func(i int) error { return f.Add(ctx, i, strconv.Itoa(i)) }); err != nil {
		return err
	}
	return w.Await(ctx, 0)
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
)

// idle counts what idle workers send. The fleets of all libraries are idle at
// the same time, since only their own traffic is counted.
type idle struct {
	tenants   int
	settle, d time.Duration
}

func (w *idle) Flags(f *flag.FlagSet) {
	f.IntVar(&w.tenants, "tenants", 10_000, "tenants that have had an item each")
	f.DurationVar(&w.settle, "settle", 15*time.Second, "how long the workers have nothing to do before that")
	f.DurationVar(&w.d, "for", 30*time.Second, "how long the commands are counted")
}

// idling is the traffic of a process in a second.
type idling struct {
	commands, housekeeping float64
	what                   string // the commands of the whole fleet and time
}

func (w *idle) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	for _, tenants := range []int{0, w.tenants} {
		for _, processes := range []int{1, 4} {
			found, err := w.measure(ctx, g, processes, tenants)
			if err != nil {
				return err
			}
			if err := tellIdle(out, processes, tenants, w.d, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure lets the fleets drain a queue of each tenant, and counts what they
// then send.
func (w *idle) measure(ctx context.Context, g *ground.Ground, processes, tenants int) (found []idling, err error) {
	if err := g.Clear(ctx); err != nil {
		return nil, err
	}
	var fleets []*fleet
	defer func() {
		for _, f := range fleets {
			err = errors.Join(err, f.stop())
		}
	}()
	for _, c := range contestants()[:2] {
		clock := newWaits(tenants)
		f, err := c.hire(ctx, g.URL, processes, max(1, tenants), clock.handled)
		if err != nil {
			return nil, err
		}
		fleets = append(fleets, f)
		if err := clock.drain(ctx, f); err != nil {
			return nil, fmt.Errorf("idle, %s: %w", c.name, err)
		}
	}
	if err := sleep(ctx, w.settle); err != nil {
		return nil, err
	}
	for _, f := range fleets {
		if _, err := f.counter.Take(); err != nil {
			return nil, err
		}
	}
	if err := sleep(ctx, w.d); err != nil {
		return nil, err
	}
	for _, f := range fleets {
		traffic, err := f.counter.Take()
		if err != nil {
			return nil, err
		}
		per := w.d.Seconds() * float64(processes)
		found = append(found, idling{
			float64(len(traffic.Commands)) / per, float64(traffic.Housekeeping) / per, contest.Summary(traffic.Commands, 1),
		})
	}
	return found, nil
}

// drain enqueues an item for each tenant and waits until all are handled.
func (w *waits) drain(ctx context.Context, f *fleet) error {
	now := time.Now()
	for i := range w.enqueued {
		w.enqueued[i] = now
	}
	if err := peers.Spread(len(w.enqueued), func(i int) error { return f.add(ctx, i, strconv.Itoa(i)) }); err != nil {
		return err
	}
	return w.await(ctx, 0)
}

func tellIdle(w io.Writer, processes, tenants int, d time.Duration, found []idling) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\nidle, %s, %d drained tenants, each second and process\n", count(processes, "process", "processes"), tenants)
	_, _ = fmt.Fprintf(out, "\tcommands\tkeep-alive\tall commands in %v\t\n", d)
	for i, c := range contestants()[:len(found)] {
		_, _ = fmt.Fprintf(out, "%s\t%.2f\t%.2f\t%s\t\n", c.name, found[i].commands, found[i].housekeeping, found[i].what)
	}
	return out.Flush()
}

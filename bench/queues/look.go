package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/listrepo"
)

// search measures what the search for work costs the server, if many queues of
// the service have items and hand out none, and a few have work.
type search struct {
	most, tenants, busy, rate int
	settle, d                 time.Duration
	only                      string
}

func (l *search) Flags(f *flag.FlagSet) {
	f.IntVar(&l.most, "most", 100_000, "queues that wait, at most; also a tenth and a hundredth of them")
	f.IntVar(&l.tenants, "tenants", 1000, "tenants that have these queues")
	f.IntVar(&l.busy, "busy", 100, "tenants among them that have a queue with work, too")
	f.IntVar(&l.rate, "rate", 200, "items in a second that the workers handle meanwhile")
	f.StringVar(&l.only, "only", "", "the one reason why queues wait: in flight, quiet or delayed")
	f.DurationVar(&l.settle, "settle", 5*time.Second, "how long the workers do so before the measurement")
	f.DurationVar(&l.d, "for", time.Minute, "how long the measurement takes; there is a sweep every minute")
}

// obstacle is what keeps the items of a queue from being handed out.
type obstacle struct {
	name  string
	place func(ctx context.Context, b *symphony.Batch[string], q symphony.Queue) error
}

// hindered is much longer than a run.
const hindered = time.Hour

var obstacles = []obstacle{
	{"in flight", func(ctx context.Context, b *symphony.Batch[string], q symphony.Queue) error {
		if _, err := b.Enqueue(ctx, q, waiting); err != nil {
			return err
		}
		_, err := b.Claim(ctx, q, 1, hindered)
		return err
	}},
	{"quiet", func(ctx context.Context, b *symphony.Batch[string], q symphony.Queue) error {
		_, err := b.With(symphony.Quiet(hindered, hindered)).Enqueue(ctx, q, waiting)
		return err
	}},
	{"delayed", func(ctx context.Context, b *symphony.Batch[string], q symphony.Queue) error {
		if _, err := b.Enqueue(ctx, q, waiting); err != nil {
			return err
		}
		later := expiry.RetryAfter(hindered, errNotNow)
		_, err := b.Process(ctx, q, 1, func(context.Context, []listrepo.Item[string]) error { return later })
		if errors.Is(err, errNotNow) {
			err = nil
		}
		return err
	}},
}

var errNotNow = errors.New("not now")

// waiting is an item that must not be handed out.
const waiting = "waiting"

// crew is 16 workers in some processes.
type crew struct{ processes, workers int }

var crews = []crew{{1, 16}, {16, 1}}

// looked is what the server did in a second.
type looked struct {
	looks                  float64
	looking, sweeping, all time.Duration // of commands
	processor              time.Duration
	waited                 []time.Duration
}

func (l *search) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	chosen := obstacles
	if i := slices.IndexFunc(obstacles, func(o obstacle) bool { return o.name == l.only }); i >= 0 {
		chosen = obstacles[i : i+1]
	} else if l.only != "" {
		return fmt.Errorf("-only: %q is not in flight, quiet or delayed", l.only)
	}
	for _, o := range chosen {
		for _, c := range crews {
			var rows []looked
			sizes := []int{l.most / 100, l.most / 10, l.most}
			for _, n := range sizes {
				row, err := l.measure(ctx, g, o, c, n)
				if err != nil {
					return fmt.Errorf("look, %d queues %s: %w", n, o.name, err)
				}
				rows = append(rows, row)
			}
			if err := l.tell(out, o, c, sizes, rows); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *search) measure(ctx context.Context, g *ground.Ground, o obstacle, c crew, n int) (row looked, err error) {
	if err := g.Clear(ctx); err != nil {
		return row, err
	}
	if err := l.fill(ctx, g, o, n); err != nil {
		return row, err
	}
	log, err := openLog(ctx, g.Client)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, log.close()) }()
	span := l.settle + l.d
	clock := fleet.NewWaits(int(span.Seconds() * float64(l.rate)))
	cfg := symphony.WorkConfig{Workers: c.workers, Lease: hindered}
	f, err := fleet.HireOurs(ctx, g.URL, c.processes, l.busy, cfg, clock.Handled)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, f.Stop()) }()
	before := int(l.settle.Seconds() * float64(l.rate))
	// The pauses have a mean of their own, so that the rate is right however
	// late a sleep ends.
	next := time.Now()
	pause := func() time.Duration {
		next = next.Add(time.Duration(rand.Int64N(2 * int64(time.Second) / int64(l.rate))))
		return time.Until(next)
	}
	if err := clock.Enqueue(ctx, f, 0, before, pause); err != nil {
		return row, err
	}
	began := time.Now()
	if err := log.begin(ctx); err != nil {
		return row, err
	}
	if err := clock.Enqueue(ctx, f, before, len(clock.Waited), pause); err != nil {
		return row, err
	}
	row, err = log.end(ctx, time.Since(began))
	row.waited = clock.Waited[before:]
	return row, err
}

// fill makes n queues that wait.
func (l *search) fill(ctx context.Context, g *ground.Ground, o obstacle, n int) error {
	pools, err := peers.OpenPools(ctx, g.URL, nil)
	if err != nil {
		return err
	}
	defer pools.Close()
	batches, err := fleet.BatchesOf(pools, l.tenants)
	if err != nil {
		return err
	}
	return peers.Spread(n, func(i int) error {
		q := symphony.Queue{Service: fleet.Queue.Service, Entity: "talk" + strconv.Itoa(i/l.tenants), Action: "wait"}
		return o.place(ctx, batches[i%l.tenants], q)
	})
}

// tell writes a table. Shares are those of the time of the measurement, in
// which the server can execute commands one after another.
func (l *search) tell(w io.Writer, o obstacle, c crew, sizes []int, rows []looked) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\nlooking, queues that wait: %s; %s of %s; %d items a second elsewhere\n",
		o.name, count(c.processes, "process", "processes"), count(c.workers, "worker", "workers"), l.rate)
	_, _ = fmt.Fprintln(out, "queues\tlooks/s\tlooking\tagainst the fewest\tsweeping\tall commands\tserver cpu\twake-up p50\tp99\t")
	for i, r := range rows {
		_, _ = fmt.Fprintf(out, "%d\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", sizes[i], r.looks,
			percent(r.looking), results.Factor(float64(r.looking)/float64(rows[0].looking)),
			percent(r.sweeping), percent(r.all), percent(r.processor),
			results.Nanoseconds(float64(results.Percentile(r.waited, 0.5))), results.Nanoseconds(float64(results.Percentile(r.waited, 0.99))))
	}
	return out.Flush()
}

// percent returns the share of a second.
func percent(d time.Duration) string { return fmt.Sprintf("%.2f %%", 100*d.Seconds()) }

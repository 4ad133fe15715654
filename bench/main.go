// Command bench compares Symphony with other libraries on your own server. See
// README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/page"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second one ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench: interrupted; the keys that were written are removed")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, status io.Writer) error {
	o, err := parse(args, status)
	if err != nil {
		return err
	}
	var old *results.Run
	if o.compare != "" { // a mistake shows before the work, not after it
		if old, err = results.ReadFile(o.compare); err != nil {
			return fmt.Errorf("-compare: %w", err)
		}
	}
	if o.report != "" {
		if err := os.MkdirAll(o.report, 0o755); err != nil {
			return fmt.Errorf("-report: %w", err)
		}
	}
	now, err := o.measure(ctx, status)
	if err != nil {
		return err
	}
	return o.tell(now, old, out)
}

// measure makes a run on the server of -url, or on a server that it starts.
func (o *options) measure(ctx context.Context, status io.Writer) (*results.Run, error) {
	g, err := ground.Open(ctx, o.url)
	if err != nil {
		return nil, err
	}
	if g.Own != nil {
		o.url = g.URL
		_, _ = fmt.Fprintf(status, "No -url: this run starts its own redis-server.\n")
	}
	run, err := o.on(ctx, g, status)
	return run, errors.Join(err, g.Leave())
}

func (o *options) on(ctx context.Context, g *ground.Ground, status io.Writer) (*results.Run, error) {
	if err := g.Enter(ctx, o.force); err != nil {
		return nil, err
	}
	run := &results.Run{Format: results.Format, Began: time.Now().UTC().Truncate(time.Second), Machine: machine(ctx, g), Options: o.results()}
	p := newProgress(status, o.steps())
	defer p.end()
	p.next("counting round trips")
	spoken, err := o.listen(ctx)
	if err == nil {
		err = g.Clear(ctx)
	}
	if err == nil {
		err = o.compete(ctx, g, run, spoken, p)
	}
	if err == nil && o.growth {
		err = o.grow(ctx, g, run, p)
	}
	if err == nil && o.idle {
		run.Idle, err = o.resting.Measure(ctx, g, p.next)
	}
	run.Took = time.Since(run.Began).Round(time.Second).String()
	return run, err
}

// steps returns the number of steps of a run.
func (o *options) steps() int {
	n := 1 + len(o.only)*len(o.callers) + o.curves()
	if o.idle {
		n += fleet.Steps
	}
	return n
}

// spoken is the traffic of one operation, by contest and contestant.
type spoken map[[2]string]results.Wire

// listen runs each operation of each contestant a few times over connections
// that count traffic.
func (o *options) listen(ctx context.Context) (spoken, error) {
	all := spoken{}
	return all, o.with(ctx, true, func(p *peers.Peers, c contest.Contest) error {
		for _, who := range c.Contestants {
			w, err := c.Listen(ctx, who, p.Counter(who.Name))
			if err != nil {
				return err
			}
			all[[2]string{c.Name, who.Name}] = w
		}
		return nil
	})
}

// compete measures all contests.
func (o *options) compete(ctx context.Context, g *ground.Ground, run *results.Run, heard spoken, p *progress) error {
	run.Absent = map[string][]string{}
	m := contest.Meter{Rounds: o.rounds, Turn: o.turn, Server: g.Usage, Round: p.round}
	return o.with(ctx, false, func(_ *peers.Peers, c contest.Contest) error {
		if err := c.Check(ctx); err != nil {
			return err
		}
		for _, who := range slices.Sorted(maps.Keys(c.Missing)) {
			run.Absent[c.Name] = append(run.Absent[c.Name], who+" is not in it: "+c.Missing[who]+".")
		}
		for i, who := range c.Contestants {
			c.Contestants[i].Wire = heard[[2]string{c.Name, who.Name}]
		}
		for _, callers := range o.callers {
			p.next(c.Name + ", " + results.Callers(callers))
			rows, err := m.Run(ctx, c, callers)
			if err != nil {
				return err
			}
			run.Rows = append(run.Rows, rows...)
		}
		return nil
	})
}

// with connects all contestants, writes the records, and calls do for each
// contest.
func (o *options) with(ctx context.Context, counting bool, do func(*peers.Peers, contest.Contest) error) (err error) {
	p, err := peers.Open(ctx, o.target(), counting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	for _, name := range o.only {
		c, err := p.Contest(name)
		if err == nil {
			err = p.Seed(ctx) // the contest before may have changed the records
		}
		if err == nil {
			err = do(p, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *options) target() peers.Target {
	most := 1
	for _, n := range o.callers {
		most = max(most, n)
	}
	return peers.Target{URL: o.url, Records: o.records, Callers: most, Contexts: contest.ContextsOf[o.context], Work: o.work()}
}

// tell writes the table, the report and the comparison.
func (o *options) tell(now, old *results.Run, out io.Writer) error {
	if err := now.WriteTable(out); err != nil {
		return err
	}
	for _, t := range now.Tables() {
		if err := t.Write(out); err != nil {
			return err
		}
	}
	if err := now.WriteGoals(out); err != nil {
		return err
	}
	var c *results.Comparison
	if old != nil {
		found := results.Compare(old, now)
		c = &found
		if err := c.Write(out); err != nil {
			return err
		}
	}
	if o.report == "" {
		return nil
	}
	file, err := page.Write(o.report, now, c)
	if err == nil {
		_, err = fmt.Fprintf(out, "\nThe report is %s.\n", file)
	}
	return err
}

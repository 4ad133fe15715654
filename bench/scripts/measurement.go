package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/results"
)

// operation is an operation that several contestants do.
type operation struct {
	name string
	// contestants prepares the records and returns the contestants. Ratios are
	// to the last one, which does the same with the leanest commands.
	contestants func(ctx context.Context, b *bed) ([]contestant, error)
}

// contestant is one way to do an operation.
type contestant struct {
	name     string
	commands string  // of one operation
	sent     float64 // bytes of one operation; 0 if unknown

	// pass does the operation some times, and returns how often. The server
	// does nothing else meanwhile.
	pass func(ctx context.Context) (int, error)
}

// measurement compares the contestants of operations.
type measurement struct {
	operations []operation

	only   string
	rounds int
	turn   time.Duration
}

func (m *measurement) Flags(f *flag.FlagSet) {
	f.StringVar(&m.only, "only", "", "the name of one operation; empty for all")
	f.IntVar(&m.rounds, "rounds", 25, "rounds, in each of which every contestant has one turn")
	f.DurationVar(&m.turn, "time", 50*time.Millisecond, "how long a turn takes")
}

func (m *measurement) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	b, err := openBed(ctx, g.URL)
	if err != nil {
		return err
	}
	defer b.close()
	for _, o := range m.operations {
		if m.only != "" && m.only != o.name {
			continue
		}
		if err := m.compare(ctx, b, g, o, out); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

// compare measures an operation and writes its table.
func (m *measurement) compare(ctx context.Context, b *bed, g *ground.Ground, o operation, out io.Writer) error {
	all, err := o.contestants(ctx, b)
	if err != nil {
		return err
	}
	passes := make([]int, len(all))
	for i, c := range all {
		if passes[i], err = m.calibrate(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	times := make([][]float64, len(all)) // microseconds of the server for one operation, by round
	for range m.rounds {
		taken := make([]float64, len(all))
		for _, i := range rand.Perm(len(all)) { // nobody is always the first
			if taken[i], err = turn(ctx, g, all[i], passes[i]); err != nil {
				return fmt.Errorf("%s: %w", all[i].name, err)
			}
		}
		for i := range all {
			times[i] = append(times[i], taken[i])
		}
	}
	return tell(out, o.name, all, times)
}

// calibrate returns the number of passes that fill a turn. They warm up the
// server too.
func (m *measurement) calibrate(ctx context.Context, c contestant) (int, error) {
	if _, err := c.pass(ctx); err != nil {
		return 0, err
	}
	began, passes := time.Now(), 0
	for ; passes == 0 || time.Since(began) < m.turn; passes++ {
		if _, err := c.pass(ctx); err != nil {
			return 0, err
		}
	}
	return passes, nil
}

// turn returns the microseconds of the server for one operation.
func turn(ctx context.Context, g *ground.Ground, c contestant, passes int) (float64, error) {
	before, errBefore := processorTime(ctx, g)
	operations := 0
	for range passes {
		n, err := c.pass(ctx)
		if err != nil {
			return 0, err
		}
		operations += n
	}
	after, errAfter := processorTime(ctx, g)
	return (after - before) * 1e6 / float64(operations), errors.Join(errBefore, errAfter)
}

// processorTime returns the seconds of processor time that the server has
// taken.
func processorTime(ctx context.Context, g *ground.Ground) (float64, error) {
	user, errUser := strconv.ParseFloat(g.Info(ctx, "used_cpu_user"), 64)
	sys, errSys := strconv.ParseFloat(g.Info(ctx, "used_cpu_sys"), 64)
	return user + sys, errors.Join(errUser, errSys)
}

// tell writes the table of an operation. A ratio is the median of the ratios
// within the rounds, with its quartiles.
func tell(w io.Writer, name string, all []contestant, times [][]float64) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\n%s\n", name)
	_, _ = fmt.Fprintln(out, "\tserver/op\ttimes the last\tquartiles\tsent\tcommands\t")
	last := times[len(times)-1]
	for i, c := range all {
		ratios := make([]float64, len(last))
		for round := range last {
			ratios[round] = times[i][round] / last[round]
		}
		ratio, sent := results.QuartilesOf(ratios), ""
		if c.sent > 0 {
			sent = fmt.Sprintf("%.0f B", c.sent)
		}
		_, _ = fmt.Fprintf(out, "%s\t%.2f µs\t%.2f\t%.2f to %.2f\t%s\t%s\t\n", c.name,
			results.QuartilesOf(times[i]).Median, ratio.Median, ratio.Low, ratio.High, sent, c.commands)
	}
	return out.Flush()
}

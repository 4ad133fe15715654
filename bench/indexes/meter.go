package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
)

// meter measures contests: the time of an operation, that of the server, and
// the round trips.
type meter struct {
	rounds  int
	turn    time.Duration
	callers string
}

func (m *meter) flags(f *flag.FlagSet) {
	f.IntVar(&m.rounds, "rounds", 25, "rounds, in each of which every contestant has one turn")
	f.DurationVar(&m.turn, "time", 60*time.Millisecond, "how long a turn takes")
	f.StringVar(&m.callers, "callers", "1,64", "the numbers of concurrent callers")
}

// run measures contests in order. contests returns them for a bed; prepare is
// called before each.
func (m *meter) run(
	ctx context.Context, g *ground.Ground, out io.Writer, contests func(*bed) []contest.Contest, prepare func(context.Context) error,
) (err error) {
	callers, err := numbers(m.callers)
	if err != nil {
		return err
	}
	counter := &wire.Counter{}
	counted, err := openBed(ctx, g.URL, counter)
	if err != nil {
		return err
	}
	defer counted.pools.Close()
	measured, err := openBed(ctx, g.URL, nil)
	if err != nil {
		return err
	}
	defer measured.pools.Close()
	listening := contests(counted)
	for i, c := range contests(measured) {
		if err := prepare(ctx); err != nil {
			return err
		}
		if err := c.Check(ctx); err != nil {
			return err
		}
		if err := m.compete(ctx, g, out, c, listening[i], counter, callers); err != nil {
			return err
		}
	}
	return nil
}

// compete measures a contest. listening is the same contest over connections
// that counter counts.
func (m *meter) compete(
	ctx context.Context, g *ground.Ground, out io.Writer, c, listening contest.Contest, counter *wire.Counter, callers []int,
) error {
	for i := range c.Contestants {
		if _, err := counter.Take(); err != nil {
			return err
		}
		var err error
		if c.Contestants[i].Wire, err = listening.Listen(ctx, listening.Contestants[i], counter); err != nil {
			return err
		}
	}
	for _, n := range callers {
		rows, err := contest.Meter{Rounds: m.rounds, Turn: m.turn, Server: g.Usage}.Run(ctx, c, n)
		if err != nil {
			return err
		}
		if err := tell(out, rows); err != nil {
			return err
		}
	}
	return nil
}

func numbers(list string) (all []int, err error) {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || n > 10_000 {
			return nil, fmt.Errorf("-callers: %q is not a number from 1 to 10000", word)
		}
		all = append(all, n)
	}
	return all, nil
}

// tell writes a table. The first row is the baseline. A ratio is the median of
// the ratios within the rounds, with its quartiles.
func tell(w io.Writer, rows []results.Row) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\n%s, %s\n", rows[0].Contest, results.Callers(rows[0].Callers))
	_, _ = fmt.Fprintln(out, "\ttime/op\ttimes the first\tquartiles\tserver/op\tcommands/op\tcpu/op\tallocs\ttrips\tcommands\t")
	for _, r := range rows {
		s, ratio := r.Summary(), results.QuartilesOf(rows[0].Against(r))
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s to %s\t%s\t%s\t%s\t%.0f\t%g\t%s\t\n", r.Contestant, results.Nanoseconds(s.Time.Median),
			results.Factor(ratio.Median), results.Factor(ratio.Low), results.Factor(ratio.High),
			results.Nanoseconds(s.Server), results.Nanoseconds(s.Commands), results.Nanoseconds(s.Processor), s.Allocations, r.Wire.Trips, r.Wire.Commands)
	}
	return out.Flush()
}

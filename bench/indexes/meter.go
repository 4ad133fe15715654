package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/results"
	"github.com/symphony-go/symphony/bench/wire"
)

// meter measures contests: the time of an operation, that of the server in its
// commands, and the round trips.
type meter struct {
	rounds  int
	turn    time.Duration
	callers string
}

func (m *meter) flags(f *flag.FlagSet) {
	f.IntVar(&m.rounds, "rounds", 25, "rounds, in each of which every contestant has one turn")
	f.DurationVar(&m.turn, "time", 25*time.Millisecond, "how long a turn takes")
	f.StringVar(&m.callers, "callers", "1,64", "the numbers of concurrent callers")
}

// row is the result of a contestant.
type row struct {
	results.Row
	served []float64 // nanoseconds of the server in the commands of an operation, by turn
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
	clocks := make([]*serverClock, len(c.Contestants))
	traffic := make([]results.Wire, len(c.Contestants))
	for i, who := range c.Contestants {
		if _, err := counter.Take(); err != nil {
			return err
		}
		var err error
		if traffic[i], err = listening.Listen(ctx, listening.Contestants[i], counter); err != nil {
			return err
		}
		clocks[i] = &serverClock{g: g, commands: outermost(traffic[i].Commands), turn: who.Turn}
		c.Contestants[i].Turn = clocks[i].measure
	}
	for _, n := range callers {
		rows, err := contest.Meter{Rounds: m.rounds, Turn: m.turn}.Run(ctx, c, n)
		if err != nil {
			return err
		}
		all := make([]row, len(rows))
		for i := range rows {
			rows[i].Wire = traffic[i]
			all[i] = row{rows[i], clocks[i].take(len(rows[i].Samples))}
		}
		if err := tell(out, all); err != nil {
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

// outermost returns the commands whose time includes that of all others. The
// operations here send everything in a transaction or nothing.
func outermost(commands string) (names []string) {
	for word := range strings.SplitSeq(commands, ", ") {
		name := strings.ToLower(word[strings.LastIndexByte(word, ' ')+1:])
		if name == "exec" {
			return []string{name}
		}
		names = append(names, name)
	}
	return names
}

// serverClock measures the time that the server takes for the commands of the
// turns, by its command statistics.
type serverClock struct {
	g        *ground.Ground
	commands []string
	turn     func(ctx context.Context, callers, n int) (time.Duration, error)
	turns    []float64
}

func (s *serverClock) measure(ctx context.Context, callers, n int) (time.Duration, error) {
	before, errBefore := s.read(ctx)
	took, err := s.turn(ctx, callers, n)
	after, errAfter := s.read(ctx)
	s.turns = append(s.turns, 1000*float64(after-before)/float64(n))
	return took, errors.Join(errBefore, err, errAfter)
}

// read returns the microseconds that the server has spent in the commands.
func (s *serverClock) read(ctx context.Context) (sum int64, err error) {
	c := s.g.Client
	text, err := c.Do(ctx, c.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		name, stats, ok := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":")
		if !ok || !slices.Contains(s.commands, name) {
			continue
		}
		_, used, _ := strings.Cut(stats, "usec=")
		used, _, _ = strings.Cut(used, ",")
		n, err := strconv.ParseInt(used, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("unexpected statistics of a command: %q", line)
		}
		sum += n
	}
	return sum, nil
}

// take returns the last n turns. Those before warmed up.
func (s *serverClock) take(n int) []float64 {
	last := s.turns[len(s.turns)-n:]
	s.turns = nil
	return last
}

// tell writes a table. The first row is the baseline. A ratio is the median of
// the ratios within the rounds, with its quartiles.
func tell(w io.Writer, rows []row) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\n%s, %s\n", rows[0].Contest, results.Callers(rows[0].Callers))
	_, _ = fmt.Fprintln(out, "\ttime/op\ttimes the first\tquartiles\tserver/op\tcpu/op\tallocs\ttrips\tcommands\t")
	for _, r := range rows {
		s, ratio := r.Summary(), results.QuartilesOf(rows[0].Against(r.Row))
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s to %s\t%s\t%s\t%.0f\t%g\t%s\t\n", r.Contestant, results.Nanoseconds(s.Time.Median),
			results.Factor(ratio.Median), results.Factor(ratio.Low), results.Factor(ratio.High),
			results.Nanoseconds(results.QuartilesOf(r.served).Median), results.Nanoseconds(s.Processor), s.Allocations, r.Wire.Trips, r.Wire.Commands)
	}
	return out.Flush()
}

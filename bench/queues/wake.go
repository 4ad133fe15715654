package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"text/tabwriter"
	"time"

	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/results"
)

// wake measures how long an item waits for an idle fleet: from the call that
// enqueues it to the start of its handler. Items are enqueued one at a time.
type wake struct {
	items, rare, rounds, tenants int
	settle                       time.Duration
}

func (w *wake) Flags(f *flag.FlagSet) {
	f.IntVar(&w.items, "items", 200, "items in a turn that come 5 to 50 ms after one another")
	f.IntVar(&w.rare, "rare", 20, "items in a turn that come 0.5 to 2 s after one another")
	f.IntVar(&w.rounds, "rounds", 5, "rounds, in each of which every contestant has one turn")
	f.IntVar(&w.tenants, "tenants", 100, "tenants that have the items in turn, each with one queue")
	f.DurationVar(&w.settle, "settle", 2*time.Second, "how long the workers have nothing to do before a turn")
}

// stream is a sequence of items with random pauses.
type stream struct {
	name        string
	items       int
	least, most time.Duration
}

func (s stream) pause() time.Duration { return s.least + rand.N(s.most-s.least) }

// woken is what a turn measures.
type woken struct {
	waited   []time.Duration
	commands float64 // of the workers for each item
}

func (w *wake) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	streams := []stream{
		{"5 to 50 ms", w.items, 5 * time.Millisecond, 50 * time.Millisecond},
		{"0.5 to 2 s", w.rare, 500 * time.Millisecond, 2 * time.Second},
	}
	for _, s := range streams {
		for _, processes := range []int{1, 4} {
			if s.items == 0 {
				continue
			}
			turns, err := w.measure(ctx, g, s, processes)
			if err != nil {
				return err
			}
			if err := s.tell(out, processes, turns); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure returns the turns of each contestant.
func (w *wake) measure(ctx context.Context, g *ground.Ground, s stream, processes int) ([][]woken, error) {
	all := fleet.Contestants()
	turns := make([][]woken, len(all))
	for range w.rounds {
		for _, i := range rand.Perm(len(all)) { // nobody is always the first
			turn, err := w.turn(ctx, g, all[i], s, processes)
			if err != nil {
				return nil, fmt.Errorf("wake, %s: %w", all[i].Name, err)
			}
			turns[i] = append(turns[i], turn)
		}
	}
	return turns, nil
}

func (w *wake) turn(ctx context.Context, g *ground.Ground, c fleet.Contestant, s stream, processes int) (woken, error) {
	if err := g.Clear(ctx); err != nil {
		return woken{}, err
	}
	warm := 4 * processes // so many items make the connections and load the scripts
	clock := fleet.NewWaits(warm + s.items)
	f, err := c.Hire(ctx, g.URL, processes, w.tenants, clock.Handled)
	if err != nil {
		return woken{}, err
	}
	turn, err := func() (t woken, err error) {
		if err := clock.Enqueue(ctx, f, 0, warm, func() time.Duration { return 5 * time.Millisecond }); err != nil {
			return t, err
		}
		if err := fleet.Sleep(ctx, w.settle); err != nil {
			return t, err
		}
		if _, err := f.Counter.Take(); err != nil {
			return t, err
		}
		if err := clock.Enqueue(ctx, f, warm, warm+s.items, s.pause); err != nil {
			return t, err
		}
		if err := fleet.Sleep(ctx, 20*time.Millisecond); err != nil { // for the last ack
			return t, err
		}
		traffic, err := f.Counter.Take()
		return woken{clock.Waited[warm:], float64(len(traffic.Commands)) / float64(s.items)}, err
	}()
	return turn, errors.Join(err, f.Stop())
}

// tell writes a table. A percentile is that of all turns together, a ratio is
// the median of the ratios within the rounds.
func (s stream) tell(w io.Writer, processes int, turns [][]woken) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "\nwake-up, an item every %s, %s\n", s.name, count(processes, "process", "processes"))
	_, _ = fmt.Fprintln(out, "\tp50\tp90\tp99\tmax\tcommands/item\tours is, p50\t")
	for i, c := range fleet.Contestants() {
		var all []time.Duration
		var commands, ratios []float64
		for round, turn := range turns[i] {
			all, commands = append(all, turn.waited...), append(commands, turn.commands)
			ratios = append(ratios, float64(results.Percentile(turn.waited, 0.5))/float64(results.Percentile(turns[0][round].waited, 0.5)))
		}
		_, _ = fmt.Fprint(out, c.Name, "\t")
		for _, p := range []float64{0.5, 0.9, 0.99, 1} {
			_, _ = fmt.Fprint(out, results.Nanoseconds(float64(results.Percentile(all, p))), "\t")
		}
		ratio := ""
		if i > 0 {
			ratio = results.Factor(results.QuartilesOf(ratios).Median)
		}
		_, _ = fmt.Fprintf(out, "%.1f\t%s\t\n", results.QuartilesOf(commands).Median, ratio)
	}
	return out.Flush()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

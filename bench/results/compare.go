package results

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"golang.org/x/perf/benchmath"
)

// Rule describes when Compare reports that a time has changed.
const Rule = `Each figure is a median with its confidence interval of 95 %, as benchstat shows it. A time has changed if the ratios to
the baseline, round by round, differ between the runs with p < 0.05 after Bonferroni's correction for the number of times
(Mann-Whitney U test), if the confidence intervals do not overlap, and if the medians differ by more than 2 %. Else ~ stands
in place of the change. Ratios cancel what the machine does to both, so that two runs may be compared although one was made
on a busier day; the baseline's own row compares times, and says what the machine did. Allocations changed if they differ by
more than half an allocation and 1 %, round trips if they differ at all.`

const (
	significance = 0.05
	least        = 0.02 // a change of a median
)

// Change is the change of a figure.
type Change struct {
	Row      Row
	What     string // "time", "allocations" or "round trips"
	Old, New Interval
	P        float64 // of the times: how likely chance alone does that; 1 where no test applies
	Rounds   [2]int  // of the old and the new run
	Real     bool
}

// Comparison is a comparison of a run with an older one.
type Comparison struct {
	Changes []Change // the times in the order of the rows
	Only    []string // rows that one of the runs has alone
	Weak    bool     // there are too few rounds for any change of time to be told
}

// Compare compares a run with an older one by Rule.
func Compare(old, now *Run) Comparison {
	var c Comparison
	type pair struct{ old, now Row }
	var pairs []pair
	for _, r := range now.Rows {
		if before, ok := old.Find(r, r.Contestant); ok {
			pairs = append(pairs, pair{before, r})
		} else {
			c.Only = append(c.Only, "only in the new run: "+r.name())
		}
	}
	for _, r := range old.Rows {
		if _, ok := now.Find(r, r.Contestant); !ok {
			c.Only = append(c.Only, "only in the old run: "+r.name())
		}
	}
	for _, p := range pairs {
		before, after := old.relative(p.old), now.relative(p.now)
		c.Weak = c.Weak || leastP(len(before), len(after))*float64(len(pairs)) >= significance
		c.Changes = append(c.Changes,
			timeChange(p.now, before, after, len(pairs)), allocations(p.old, p.now), trips(p.old, p.now))
	}
	return c
}

// relative returns the ratios of the times of a row to those of its baseline,
// round by round. For the baseline it returns the times.
func (run *Run) relative(r Row) []float64 {
	base, ok := run.Find(r, r.Baseline)
	if !ok || r.Contestant == r.Baseline {
		return Times(r.Samples)
	}
	return base.Against(r)
}

// timeChange judges one of a number of tests.
func timeChange(r Row, before, after []float64, tests int) Change {
	c := Change{Row: r, What: "time", Old: intervalOf(before), New: intervalOf(after), P: uTest(before, after), Rounds: [2]int{len(before), len(after)}}
	apart := c.Old.High < c.New.Low || c.New.High < c.Old.Low
	c.Real = c.P*float64(tests) < significance && apart && math.Abs(c.New.Median/c.Old.Median-1) > least
	return c
}

func allocations(old, now Row) Change {
	before, after := old.Summary().Allocations, now.Summary().Allocations
	d := math.Abs(after - before)
	return Change{Row: now, What: "allocations", Old: exactly(before), New: exactly(after), P: 1, Real: d > 0.5 && d > 0.01*before}
}

func trips(old, now Row) Change {
	before, after := old.Wire.Trips, now.Wire.Trips
	return Change{Row: now, What: "round trips", Old: exactly(before), New: exactly(after), P: 1, Real: math.Abs(after-before) > 1e-9}
}

func exactly(x float64) Interval { return Interval{x, x, x} }

// uTest returns the p value of the Mann-Whitney U test.
func uTest(a, b []float64) float64 {
	return benchmath.AssumeNothing.Compare(sampleOf(a), sampleOf(b)).P
}

// leastP returns the smallest p value that samples of these sizes can have.
func leastP(n, m int) float64 {
	ways := 1.0
	for i := 1; i <= n; i++ {
		ways *= float64(m+i) / float64(i)
	}
	return 2 / ways
}

func (r Row) name() string {
	return fmt.Sprintf("%s, %s, %s", r.Contest, Callers(r.Callers), r.Contestant)
}

// Real returns the changes beyond the noise, the largest first.
func (c Comparison) Real() []Change {
	all := slices.DeleteFunc(slices.Clone(c.Changes), func(ch Change) bool { return !ch.Real })
	size := func(ch Change) float64 { return math.Abs(math.Log(ch.New.Median / ch.Old.Median)) }
	slices.SortStableFunc(all, func(a, b Change) int { return cmp.Compare(size(b), size(a)) })
	return all
}

// timed reports whether the change is judged by a test.
func (ch Change) timed() bool { return ch.Rounds[0] > 0 }

// figure returns the old or the new figure as text. That of the baseline is a
// time, and that of the others a multiple of the baseline's.
func (ch Change) figure(i Interval) string {
	switch {
	case !ch.timed():
		return number(i.Median)
	case ch.Row.Contestant == ch.Row.Baseline:
		return Nanoseconds(i.Median) + " " + i.percent()
	}
	return Factor(i.Median) + " " + i.percent()
}

// Delta returns the change in percent, or ~ if it is not beyond the noise.
func (ch Change) Delta() string {
	if !ch.Real {
		return "~"
	}
	return fmt.Sprintf("%+.1f %%", 100*(ch.New.Median/ch.Old.Median-1))
}

func (ch Change) String() string {
	text := fmt.Sprintf("%s: %s %s -> %s", ch.Row.name(), ch.What, ch.figure(ch.Old), ch.figure(ch.New))
	if !ch.timed() {
		return text
	}
	text += fmt.Sprintf(", %s, p=%.2g", ch.Delta(), ch.P)
	if ch.Row.Contestant == ch.Row.Baseline {
		text += " (the machine's, or the baseline's own)"
	}
	return text
}

// Write writes the times and their changes, and the counts that have changed.
// Times are those of the baseline, and multiples of them.
func (c Comparison) Write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "\nCompared with the old run, %d of %d figures have changed beyond the noise.\n", len(c.Real()), len(c.Changes))
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, "\t\told\tnew\tchange\t")
	for _, ch := range c.Changes {
		if !ch.timed() && !ch.Real {
			continue
		}
		test := ""
		if ch.timed() {
			test = fmt.Sprintf("(p=%.3f n=%d+%d)", ch.P, ch.Rounds[0], ch.Rounds[1])
		}
		_, _ = fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\n", ch.Row.name(), ch.What, ch.figure(ch.Old), ch.figure(ch.New), ch.Delta(), test)
	}
	err = errors.Join(err, out.Flush())
	if c.Weak {
		_, _ = fmt.Fprintln(w, "There are too few rounds to distinguish a change of a time from chance; use more -rounds or fewer contests in -only.")
	}
	for _, line := range c.Only {
		_, _ = fmt.Fprintln(w, "  "+line)
	}
	return err
}

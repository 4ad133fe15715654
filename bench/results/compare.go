package results

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Rule describes when Compare reports that a time has changed.
const Rule = `A time has changed if the ratios to the baseline, round by round, differ between the runs with p < 0.05 after
Bonferroni's correction for the number of rows (Mann-Whitney U test), and their medians differ by more than 5 %. Ratios
cancel what the machine does to both, so that two runs may be compared although one was made on a busier day; the
baseline's own row compares times, and says what the machine did. Allocations changed if they differ by more than half
an allocation and 1 %, round trips if they differ at all.`

const (
	significance = 0.05
	least        = 0.05 // a change of a median
)

// Change is the change of a row.
type Change struct {
	Row      Row
	What     string // "time", "allocations" or "round trips"
	Old, New float64
	P        float64 // of the times: how likely chance alone does that; 1 where no test applies
	Real     bool
}

// Comparison is a comparison of a run with an older one.
type Comparison struct {
	Changes []Change
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
		time := Change{Row: p.now, What: "time", Old: QuartilesOf(before).Median, New: QuartilesOf(after).Median, P: uTest(before, after)}
		time.Real = time.P*float64(len(pairs)) < significance && math.Abs(time.New/time.Old-1) > least
		c.Changes = append(c.Changes, time, allocations(p.old, p.now), trips(p.old, p.now))
	}
	slices.SortStableFunc(c.Changes, func(a, b Change) int {
		return -cmp.Compare(math.Abs(math.Log(a.New/a.Old)), math.Abs(math.Log(b.New/b.Old)))
	})
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

func allocations(old, now Row) Change {
	before, after := old.Summary().Allocations, now.Summary().Allocations
	d := math.Abs(after - before)
	return Change{Row: now, What: "allocations", Old: before, New: after, P: 1, Real: d > 0.5 && d > 0.01*before}
}

func trips(old, now Row) Change {
	before, after := old.Wire.Trips, now.Wire.Trips
	return Change{Row: now, What: "round trips", Old: before, New: after, P: 1, Real: math.Abs(after-before) > 1e-9}
}

// uTest returns the p value of the Mann-Whitney U test.
func uTest(a, b []float64) float64 {
	t := benchmath.DefaultThresholds
	return benchmath.AssumeNothing.Compare(
		benchmath.NewSample(slices.Clone(a), &t), benchmath.NewSample(slices.Clone(b), &t)).P
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
	return slices.DeleteFunc(slices.Clone(c.Changes), func(ch Change) bool { return !ch.Real })
}

func (ch Change) String() string {
	text := fmt.Sprintf("%s: %s ", ch.Row.name(), ch.What)
	switch {
	case ch.What != "time":
		return text + number(ch.Old) + " -> " + number(ch.New)
	case ch.Row.Contestant == ch.Row.Baseline:
		text += Nanoseconds(ch.Old) + " -> " + Nanoseconds(ch.New) + " (the machine's, or the baseline's own)"
	default:
		text += fmt.Sprintf("%.2f -> %.2f of the baseline's", ch.Old, ch.New)
	}
	return text + fmt.Sprintf(", %+.0f %%, p=%.2g", 100*(ch.New/ch.Old-1), ch.P)
}

// Write writes the changes beyond the noise.
func (c Comparison) Write(w io.Writer) error {
	changes := c.Real()
	_, err := fmt.Fprintf(w, "\nCompared with the old run, %d of %d figures have changed beyond the noise.\n", len(changes), len(c.Changes))
	for _, ch := range changes {
		_, _ = fmt.Fprintln(w, "  "+ch.String())
	}
	if c.Weak {
		_, _ = fmt.Fprintln(w, "There are too few rounds to distinguish a change of a time from chance; use more -rounds or fewer contests in -only.")
	}
	for _, line := range c.Only {
		_, _ = fmt.Fprintln(w, "  "+line)
	}
	return err
}

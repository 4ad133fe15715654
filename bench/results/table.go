package results

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// Ours is the name of this library as a contestant.
const Ours = "symphony"

// WriteTable writes the rows for a terminal: the median time of an operation
// with its spread, how many times as fast it is as the baseline, how many times
// as fast ours is, the processor time of the client and of the server, the time
// inside the commands, what it allocates, its round trips, and stale reads.
func (run *Run) WriteTable(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	last := ""
	for _, r := range run.Rows {
		if heading := fmt.Sprintf("%s, %s", r.Contest, Callers(r.Callers)); heading != last {
			last = heading
			_ = out.Flush() // its error comes again at the end
			_, _ = fmt.Fprintf(w, "\n%s (baseline: %s)\n", heading, r.Baseline)
			heads := "\ttime/op\tspread\tvs baseline\tours is\tcpu/op\tserver/op\tcommands/op\tallocs\tbytes\ttrips\t"
			if r.Stale != nil {
				heads += "stale own\tothers'\t"
			}
			_, _ = fmt.Fprintln(out, heads)
		}
		cells := run.Cells(r)
		if r.Stale == nil {
			cells = cells[:len(cells)-2]
		}
		_, _ = fmt.Fprintln(out, strings.Join(cells, "\t")+"\t")
	}
	return out.Flush()
}

// Cells returns a row of the table as text.
func (run *Run) Cells(r Row) []string {
	s := r.Summary()
	cells := []string{
		r.Contestant, Nanoseconds(s.Time.Median), fmt.Sprintf("±%.0f %%", 100*s.Time.Spread()),
		run.versus(r, r, r.Baseline), "",
		Nanoseconds(s.Processor), Nanoseconds(s.Server), Nanoseconds(s.Commands), number(s.Allocations), Bytes(s.Bytes), number(r.Wire.Trips), "", "",
	}
	if ours, ok := run.Find(r, Ours); ok && r.Contestant != Ours {
		cells[4] = run.versus(ours, ours, r.Contestant)
	}
	if r.Stale != nil {
		cells[len(cells)-2], cells[len(cells)-1] = r.Stale.Own.String(), r.Stale.Others.String()
	}
	return cells
}

// versus returns how many times as fast a row is as another contestant.
func (run *Run) versus(r, like Row, contestant string) string {
	other, ok := run.Find(like, contestant)
	if !ok {
		return ""
	}
	return Factor(QuartilesOf(r.Against(other)).Median)
}

// Factor returns a ratio as text.
func Factor(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0fx", x)
	}
	return fmt.Sprintf("%.2fx", x)
}

// Callers returns a number of callers as text.
func Callers(n int) string {
	if n == 1 {
		return "1 caller"
	}
	return fmt.Sprintf("%d callers", n)
}

// Nanoseconds returns a time as text with three digits.
func Nanoseconds(ns float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= unit.size {
			return digits(ns/unit.size) + " " + unit.name
		}
	}
	return digits(ns) + " ns"
}

// Bytes returns a size as text.
func Bytes(n float64) string {
	switch {
	case n >= 1<<20:
		return digits(n/(1<<20)) + " MiB"
	case n >= 1<<10:
		return digits(n/(1<<10)) + " KiB"
	}
	return digits(n) + " B"
}

func digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// number returns a count as text, rounded if it is nearly whole.
func number(x float64) string {
	if math.Abs(x-math.Round(x)) < 0.05 {
		return fmt.Sprintf("%.0f", math.Abs(math.Round(x)))
	}
	return digits(x)
}

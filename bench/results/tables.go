package results

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Table is a table of texts.
type Table struct {
	Caption string
	Heads   []string
	Rows    [][]string
}

// Write writes the table for a terminal.
func (t Table) Write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "\n%s\n", t.Caption)
	for _, row := range append([][]string{t.Heads}, t.Rows...) {
		_, _ = fmt.Fprintln(out, strings.Join(row, "\t"))
	}
	return out.Flush()
}

// IdleTable returns what idle processes send. It has no rows if that was not
// measured.
func IdleTable(all []Idle) Table {
	t := Table{
		Caption: "Idle: commands a second of each process",
		Heads:   []string{"", "drained tenants", "processes", "", "commands", "keep-alive", "all commands, of all processes and seconds"},
	}
	for _, i := range all {
		t.Rows = append(t.Rows, []string{
			i.What, strconv.Itoa(i.Tenants), strconv.Itoa(i.Processes), i.Contestant,
			fmt.Sprintf("%.2f", i.Commands), fmt.Sprintf("%.2f", i.Housekeeping), i.All,
		})
	}
	return t
}

// WriteIdle writes the table of idle processes.
func WriteIdle(w io.Writer, all []Idle) error { return IdleTable(all).Write(w) }

// MemoryTable returns the bytes of an entry. It has no rows if they were not
// measured.
func (run *Run) MemoryTable() Table {
	t := Table{Caption: "Memory of an entry", Heads: []string{"", "entries", "", "bytes"}}
	for _, m := range run.Memory {
		t.Rows = append(t.Rows, []string{m.What, strconv.Itoa(m.Entries), m.Contestant, fmt.Sprintf("%.0f", m.Bytes)})
	}
	return t
}

// GrowthTables returns a table for each operation and each quantity that grows:
// a row for each size, with the time and its spread of each contestant, and how
// many times as fast ours is.
func (run *Run) GrowthTables() (all []Table) {
	seen := map[string]bool{}
	for _, first := range run.Growth {
		name := first.Operation + " by " + first.Along
		if seen[name] {
			continue
		}
		seen[name] = true
		curves := slices.DeleteFunc(slices.Clone(run.Growth), func(c Curve) bool { return c.Operation != first.Operation || c.Along != first.Along })
		all = append(all, growthTable(name, curves))
	}
	return all
}

func growthTable(name string, curves []Curve) Table {
	t := Table{Caption: name, Heads: []string{curves[0].Unit}}
	for _, c := range curves {
		t.Heads = append(t.Heads, c.Contestant, "spread")
		if c.Contestant != Ours {
			t.Heads = append(t.Heads, "ours is")
		}
	}
	for i, p := range curves[0].Points {
		row := []string{strconv.FormatFloat(p.Size, 'f', -1, 64)}
		for _, c := range curves {
			s := Row{Samples: c.Points[i].Samples}
			q := s.Summary().Time
			row = append(row, Nanoseconds(q.Median), fmt.Sprintf("±%.0f %%", 100*q.Spread()))
			if c.Contestant != Ours {
				row = append(row, Factor(QuartilesOf(Row{Samples: p.Samples}.Against(s)).Median))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// Tables returns the tables beside those of the contests: growth, memory and
// idle processes, as far as they were measured.
func (run *Run) Tables() (all []Table) {
	for _, t := range append(run.GrowthTables(), run.MemoryTable(), IdleTable(run.Idle)) {
		if len(t.Rows) > 0 {
			all = append(all, t)
		}
	}
	return all
}

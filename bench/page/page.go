// Package page writes a run as a self-contained page, with plots and the raw
// data.
package page

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"html/template"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/symphony-go/symphony/bench/results"
)

//go:embed page.html
var source string

var layout = template.Must(template.New("page").Parse(source))

// Write writes report.html, data.json, data.csv and a folder with the plots,
// and returns the name of the page. The comparison may be nil.
func Write(folder string, run *results.Run, c *results.Comparison) (string, error) {
	var json, csv bytes.Buffer
	if err := run.WriteJSON(&json); err != nil {
		return "", err
	}
	if err := run.WriteCSV(&csv); err != nil {
		return "", err
	}
	plots := draw(run)
	goals, others := run.Goals()
	var page bytes.Buffer
	if err := layout.Execute(&page, view{
		Run: run, Style: template.CSS(style), Sections: sections(run, plots), Growth: growth(plots), Tables: run.Tables(), Goals: goals, OtherGoals: others, Comparison: c, Rule: results.Rule,
		JSON: dataURL("application/json", json.Bytes()), CSV: dataURL("text/csv", csv.Bytes()),
	}); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(folder, "plots"), 0o755); err != nil {
		return "", err
	}
	files := map[string][]byte{"report.html": page.Bytes(), "data.json": json.Bytes(), "data.csv": csv.Bytes()}
	for _, p := range plots {
		files[filepath.Join("plots", p.name+".svg")] = []byte(p.alone())
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(folder, name), files[name], 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(folder, "report.html"), nil
}

// view is the data of the page.
type view struct {
	Run        *results.Run
	Style      template.CSS
	Sections   []section
	Growth     []template.HTML
	Tables     []results.Table
	Goals      []results.GoalLine
	OtherGoals int
	Comparison *results.Comparison
	Rule       string
	JSON, CSV  template.URL
}

// section is one contest.
type section struct {
	Name   string
	Plot   template.HTML
	Tables []table
	Ways   []way
	Absent []string
}

type table struct {
	Callers, Baseline string
	Stale             bool // whether reads may be stale
	Rows              [][]string
}

// way describes how a contestant does the operation.
type way struct {
	Contestant, How, Commands string
	Sent, Received            string
}

// plot is a drawing and the name of its file.
type plot struct {
	*drawing
	name, contest string // contest is empty for growth
}

func draw(run *results.Run) (plots []plot) {
	for _, name := range contests(run) {
		plots = append(plots, plot{bars(name, groups(run, name)), fileName(name), name})
	}
	var order []string
	curves := map[string][]results.Curve{}
	for _, c := range run.Growth {
		name := c.Operation + " by " + c.Along
		if curves[name] == nil {
			order = append(order, name)
		}
		curves[name] = append(curves[name], c)
	}
	for _, name := range order {
		plots = append(plots, plot{lines(curves[name]), fileName(name), ""})
	}
	return plots
}

var unfit = regexp.MustCompile(`[^a-z0-9]+`)

func fileName(name string) string {
	return strings.Trim(unfit.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

func contests(run *results.Run) (names []string) {
	for _, r := range run.Rows {
		if !slices.Contains(names, r.Contest) {
			names = append(names, r.Contest)
		}
	}
	return names
}

func groups(run *results.Run, contest string) (all []group) {
	for _, r := range run.Rows {
		if r.Contest != contest {
			continue
		}
		if len(all) == 0 || all[len(all)-1].callers != r.Callers {
			all = append(all, group{callers: r.Callers})
		}
		last := &all[len(all)-1]
		last.bars = append(last.bars, bar{r.Contestant, r.Summary().Time})
	}
	return all
}

func sections(run *results.Run, plots []plot) (all []section) {
	for _, p := range plots {
		if p.contest == "" {
			continue
		}
		s := section{Name: p.contest, Plot: template.HTML(p.inline()), Absent: run.Absent[p.contest]}
		for _, r := range run.Rows {
			if r.Contest == p.contest {
				s.add(run, r)
			}
		}
		all = append(all, s)
	}
	return all
}

func (s *section) add(run *results.Run, r results.Row) {
	callers := results.Callers(r.Callers)
	if len(s.Tables) == 0 || s.Tables[len(s.Tables)-1].Callers != callers {
		s.Tables = append(s.Tables, table{Callers: callers, Baseline: r.Baseline})
	}
	t := &s.Tables[len(s.Tables)-1]
	cells := run.Cells(r)
	if t.Stale = t.Stale || r.Stale != nil; !t.Stale {
		cells = cells[:len(cells)-2]
	}
	t.Rows = append(t.Rows, cells)
	if len(s.Tables) == 1 {
		s.Ways = append(s.Ways, way{r.Contestant, r.How, r.Wire.Commands, results.Bytes(r.Wire.Sent), results.Bytes(r.Wire.Received)})
	}
}

func growth(plots []plot) (all []template.HTML) {
	for _, p := range plots {
		if p.contest == "" {
			all = append(all, template.HTML(p.inline()))
		}
	}
	return all
}

func dataURL(kind string, data []byte) template.URL {
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(data))
}

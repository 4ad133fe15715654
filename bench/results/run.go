// Package results holds the results of a run, and writes them as a table, as
// JSON, as CSV and as a comparison with an older run.
package results

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// Format is the version of the JSON.
const Format = 2

// Run is one run of the benchmarks.
type Run struct {
	Format  int       `json:"format"`
	Began   time.Time `json:"began"`
	Took    string    `json:"took"`
	Machine Machine   `json:"machine"`
	Options Options   `json:"options"`
	Rows    []Row     `json:"rows"`

	// Absent is a contestant that does not take part in a contest, and the
	// reason.
	Absent map[string][]string `json:"absent,omitempty"`

	Growth []Curve  `json:"growth,omitempty"`
	Memory []Memory `json:"memory,omitempty"`
	Idle   []Idle   `json:"idle,omitempty"`
}

// Machine describes the machine, the server and the versions of a run.
type Machine struct {
	CPU     string            `json:"cpu"`
	Cores   int               `json:"cores"`
	OS      string            `json:"os"`
	Go      string            `json:"go"`
	Server  string            `json:"server"` // its name and version, and where it ran
	Network string            `json:"network"`
	Load    string            `json:"load"` // of the machine when the run began, as uptime tells it
	Modules map[string]string `json:"modules"`
}

// Options are the options of a run.
type Options struct {
	Records int           `json:"records"`
	Rounds  int           `json:"rounds"`
	Turn    time.Duration `json:"turn"`
	Quick   bool          `json:"quick"`
	Context string        `json:"context"` // of each caller
}

// Row is the result of a contestant in a contest with one number of callers.
type Row struct {
	Contest    string   `json:"contest"`
	Callers    int      `json:"callers"`
	Contestant string   `json:"contestant"`
	Baseline   string   `json:"baseline"` // the contestant that ratios refer to
	How        string   `json:"how"`      // how the contestant is used, and who says so
	Samples    []Sample `json:"samples"`  // of the rounds; those of one contest and callers were taken in the same rounds
	Wire       Wire     `json:"wire"`
	Stale      *Stale   `json:"stale,omitempty"`
}

// Sample is the result of a turn, for one operation.
type Sample struct {
	Nanoseconds float64 `json:"ns"`
	Processor   float64 `json:"cpu_ns"`             // processor time of the client's process
	Server      float64 `json:"server_cpu_ns"`      // processor time of the server
	Commands    float64 `json:"server_commands_ns"` // time inside the commands that the client sent, by the server's clock; 0: the commands are unknown
	Allocations float64 `json:"allocs"`
	Bytes       float64 `json:"bytes"`
}

// Wire is the traffic of one operation of a single caller.
type Wire struct {
	Trips    float64 `json:"trips"`
	Commands string  `json:"commands"`
	Sent     float64 `json:"sent"`
	Received float64 `json:"received"`
}

// Stale is the number of cached reads after a write that returned an older
// value.
type Stale struct {
	Own    Share `json:"own"`    // the write went through the same repository or client
	Others Share `json:"others"` // another client wrote
}

// Share is a number of hits out of a number of tries.
type Share struct {
	Stale int `json:"stale"`
	Of    int `json:"of"`
}

func (s Share) String() string {
	if s.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f %%", 100*float64(s.Stale)/float64(s.Of))
}

// Curve is the growth of the cost of a contestant.
type Curve struct {
	Operation  string  `json:"operation"`
	Along      string  `json:"along"` // what grows
	Unit       string  `json:"unit"`
	Contestant string  `json:"contestant"`
	Points     []Point `json:"points"`
}

// Point is the cost at one size.
type Point struct {
	Size    float64  `json:"size"`
	Samples []Sample `json:"samples"`
}

// Memory is the memory of an entry of something that a contestant keeps.
type Memory struct {
	What       string  `json:"what"`
	Contestant string  `json:"contestant"`
	Entries    int     `json:"entries"`
	Bytes      float64 `json:"bytes"` // of an entry
}

// Idle is what processes send that have nothing to do, each in a second.
type Idle struct {
	What         string  `json:"what"`
	Tenants      int     `json:"tenants"` // that have had an item each
	Processes    int     `json:"processes"`
	Contestant   string  `json:"contestant"`
	Commands     float64 `json:"commands"`
	Housekeeping float64 `json:"housekeeping"` // pings and the like
	All          string  `json:"all"`          // the commands of all processes in all seconds
}

// Times returns the nanoseconds of the samples.
func Times(samples []Sample) []float64 {
	all := make([]float64, len(samples))
	for i, s := range samples {
		all[i] = s.Nanoseconds
	}
	return all
}

// Summary is the time with its spread, and the medians of the other results.
type Summary struct {
	Time                                            Quartiles
	Processor, Server, Commands, Allocations, Bytes float64
}

// Summary returns the summary of the samples.
func (r Row) Summary() Summary {
	median := func(of func(Sample) float64) float64 {
		all := make([]float64, len(r.Samples))
		for i, s := range r.Samples {
			all[i] = of(s)
		}
		return QuartilesOf(all).Median
	}
	return Summary{
		QuartilesOf(Times(r.Samples)),
		median(func(s Sample) float64 { return s.Processor }),
		median(func(s Sample) float64 { return s.Server }),
		median(func(s Sample) float64 { return s.Commands }),
		median(func(s Sample) float64 { return s.Allocations }),
		median(func(s Sample) float64 { return s.Bytes }),
	}
}

// Find returns the row of another contestant in the same contest with the same
// number of callers.
func (run *Run) Find(like Row, contestant string) (Row, bool) {
	for _, r := range run.Rows {
		if r.Contest == like.Contest && r.Callers == like.Callers && r.Contestant == contestant {
			return r, true
		}
	}
	return Row{}, false
}

// Against returns how many times as fast a row is as another one of the same
// rounds: the ratios of the other's times to its own, round by round.
func (r Row) Against(other Row) []float64 {
	n := min(len(r.Samples), len(other.Samples))
	all := make([]float64, n)
	for i := range n {
		all[i] = other.Samples[i].Nanoseconds / r.Samples[i].Nanoseconds
	}
	return all
}

// WriteJSON writes the run for ReadFile.
func (run *Run) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(run)
}

// ReadFile reads what WriteJSON wrote.
func ReadFile(name string) (*Run, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	run := &Run{}
	if err := json.Unmarshal(text, run); err != nil {
		return nil, fmt.Errorf("%s is not the data.json of a report: %w", name, err)
	}
	if run.Format != Format {
		return nil, fmt.Errorf("%s has format %d, but this program reads format %d; measure again with the program that wrote it", name, run.Format, Format)
	}
	return run, nil
}

// WriteCSV writes a line for each sample.
func (run *Run) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	line := func(fields ...string) { _ = out.Write(fields) } // Flush keeps the error
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	sample := func(r int, s Sample) []string {
		return []string{strconv.Itoa(r), number(s.Nanoseconds), number(s.Processor), number(s.Server), number(s.Commands), number(s.Allocations), number(s.Bytes)}
	}
	line("contest", "callers", "contestant", "along", "size", "round", "ns_per_op", "cpu_ns_per_op", "server_cpu_ns_per_op", "server_commands_ns_per_op", "allocs_per_op", "bytes_per_op")
	for _, r := range run.Rows {
		for i, s := range r.Samples {
			line(append([]string{r.Contest, strconv.Itoa(r.Callers), r.Contestant, "", ""}, sample(i, s)...)...)
		}
	}
	for _, c := range run.Growth {
		for _, p := range c.Points {
			for i, s := range p.Samples {
				line(append([]string{c.Operation, "", c.Contestant, c.Along, number(p.Size)}, sample(i, s)...)...)
			}
		}
	}
	out.Flush()
	return out.Error()
}

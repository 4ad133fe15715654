package page

import (
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/symphony-go/symphony/bench/results"
)

func sample() *results.Run {
	rows := func(contest string, callers int, times map[string]float64, order ...string) (all []results.Row) {
		for _, name := range order {
			r := results.Row{
				Contest: contest, Callers: callers, Contestant: name, Baseline: "rueidis", How: "How <b>it</b> is done",
				Wire: results.Wire{Trips: 1, Commands: "HMGET", Sent: 100, Received: 400},
			}
			for i := range 9 {
				r.Samples = append(r.Samples, results.Sample{Nanoseconds: times[name] * (1 + 0.01*float64(i)), Allocations: 5, Bytes: 100})
			}
			if contest == "cached Get" {
				r.Stale = &results.Stale{Own: results.Share{Of: 100}, Others: results.Share{Stale: 7, Of: 100}}
			}
			all = append(all, r)
		}
		return all
	}
	run := &results.Run{
		Format: results.Format, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: "1s",
		Machine: results.Machine{CPU: "A fine CPU", Cores: 2, OS: "an OS", Go: "go1.26", Server: "Redis 7.0", Modules: map[string]string{"github.com/redis/rueidis": "v1"}},
		Options: results.Options{Records: 1000, Rounds: 9, Turn: time.Millisecond},
	}
	times := map[string]float64{"symphony": 10_000, "rueidis": 9_000, "om": 20_000, "otter": 50}
	run.Rows = append(run.Rows, rows("Get", 1, times, "symphony", "rueidis", "om")...)
	run.Rows = append(run.Rows, rows("Get", 64, times, "symphony", "rueidis", "om")...)
	run.Rows = append(run.Rows, rows("cached Get", 64, times, "rueidis", "otter")...)
	run.Memory = []results.Memory{{What: results.Cache, Contestant: "symphony", Entries: 1000, Bytes: 345}, {What: results.Cache, Contestant: "otter", Entries: 1000, Bytes: 230}}
	run.Idle = []results.Idle{{What: results.Queues, Processes: 4, Contestant: "symphony", Commands: 1.25, All: "25 PING"}}
	for _, name := range []string{"symphony", "rueidis"} {
		run.Growth = append(run.Growth, results.Curve{Operation: "Get", Along: "fields", Unit: "fields", Contestant: name, Points: []results.Point{
			{Size: 4, Samples: []results.Sample{{Nanoseconds: 1000}, {Nanoseconds: 1100}}},
			{Size: 256, Samples: []results.Sample{{Nanoseconds: 90_000}, {Nanoseconds: 95_000}}},
		}})
	}
	return run
}

// The page needs nothing beside itself: no attribute and no style names another
// address, and the raw data is in it.
func TestPageStandsAlone(t *testing.T) {
	folder, run := t.TempDir(), sample()
	c := results.Compare(run, run)
	name, err := Write(folder, run, &c)
	require.NoError(t, err)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	document, err := html.Parse(strings.NewReader(string(text)))
	require.NoError(t, err)
	plots, downloads := 0, map[string][]byte{}
	for node := range document.Descendants() {
		switch node.Data {
		case "script", "link", "img", "iframe", "object", "embed", "image", "use":
			t.Errorf("the page has a %s", node.Data)
		case "svg":
			plots++
		}
		for _, a := range node.Attr {
			switch a.Key {
			case "src", "srcset", "data", "action", "xlink:href", "style":
				t.Errorf("the page has %s=%q", a.Key, a.Val)
			case "href":
				kind, data, ok := strings.Cut(a.Val, ";base64,")
				require.True(t, ok, a.Val)
				downloads[kind], err = base64.StdEncoding.DecodeString(data)
				require.NoError(t, err)
			}
		}
	}
	require.Equal(t, 3, plots, "two contests and a curve")
	require.NotContains(t, string(text), "url(")
	require.NotContains(t, string(text), "@import")
	require.NotContains(t, strings.ReplaceAll(string(text), `xmlns="http://www.w3.org/2000/svg"`, ""), "http:")
	require.NotContains(t, string(text), "https:")
	require.NotContains(t, string(text), "<b>it</b>", "text is escaped")
	require.Contains(t, string(text), "7.0 %")
	require.Contains(t, string(text), "<td>256</td><td>92.5 µs</td>", "growth is a table too")
	require.Contains(t, string(text), "<td>cache</td><td>1000</td><td>symphony</td><td>345</td>")
	require.Contains(t, string(text), "<td>queues</td><td>0</td><td>4</td><td>symphony</td><td>1.25</td>")
	require.Contains(t, string(text), "<td>cache: bytes of an entry, otter = 1</td><td>1.50</td><td>at most 1.10</td><td>missed</td>")
	require.Contains(t, string(text), "A fine CPU")

	again := &results.Run{}
	require.NoError(t, json.Unmarshal(downloads["data:application/json"], again))
	require.Equal(t, run, again)
	beside, err := os.ReadFile(filepath.Join(folder, "data.json"))
	require.NoError(t, err)
	require.Equal(t, string(downloads["data:application/json"]), string(beside))
	lines, err := csv.NewReader(strings.NewReader(string(downloads["data:text/csv"]))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 1+8*9+2*2*2, "a line for each sample")
}

// Plots are well-formed, stand alone as files, and stay within their frame.
func TestPlots(t *testing.T) {
	folder := t.TempDir()
	_, err := Write(folder, sample(), nil)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "plots", "*.svg"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		words := wellFormed(t, string(text))
		require.Contains(t, words, "µs", "the axis has its unit")
		require.Contains(t, words, "quartiles")
		require.Contains(t, words, "rueidis")
		require.Contains(t, string(text), "light-dark(")
		require.Contains(t, string(text), `class="error"`)
		require.NotContains(t, string(text), "NaN")
		require.NotContains(t, string(text), "Inf")
	}
}

func wellFormed(t *testing.T, text string) (words string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return words
		}
		require.NoError(t, err)
		if data, ok := token.(xml.CharData); ok {
			words += string(data) + " "
		}
	}
}

func TestScale(t *testing.T) {
	for _, most := range []float64{1, 3.7, 42, 999, 1000, 123456} {
		s := scaleOf(0, most, false, 100, 200)
		require.GreaterOrEqual(t, s.to, most)
		require.LessOrEqual(t, s.to, 1.5*most)
		require.InDelta(t, 100, s.at(0), 1e-9)
		require.LessOrEqual(t, s.at(most), 200.0)
		ticks := s.ticks()
		require.GreaterOrEqual(t, len(ticks), 4, "%v", most)
		require.LessOrEqual(t, len(ticks), 11, "%v", most)
		require.InDelta(t, s.to, ticks[len(ticks)-1], 1e-6*most)
	}
	s := scaleOf(30, 20_000, true, 0, 300)
	require.Equal(t, []float64{10, 100, 1000, 10_000, 100_000}, s.ticks())
	require.InDelta(t, 75, s.at(100), 1e-9)
	require.False(t, math.IsNaN(scaleOf(10, 10, true, 0, 1).at(10)))
}

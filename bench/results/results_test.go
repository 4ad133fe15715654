package results

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuartiles(t *testing.T) {
	require.Equal(t, Quartiles{2, 3, 4}, QuartilesOf([]float64{5, 1, 4, 2, 3}))
	require.Equal(t, Quartiles{1.75, 2.5, 3.25}, QuartilesOf([]float64{4, 1, 3, 2}))
	require.Equal(t, Quartiles{7, 7, 7}, QuartilesOf([]float64{7}))
	require.True(t, math.IsNaN(QuartilesOf(nil).Median))
	given := []float64{3, 1, 2}
	QuartilesOf(given)
	require.Equal(t, []float64{3, 1, 2}, given, "the order of rounds stays")
	require.InDelta(t, 1.0/3, Quartiles{2, 3, 4}.Spread(), 1e-9)
}

// made is a run in which each of the rounds has a speed of its own, that all
// contestants share, and little noise beside.
func made(seed uint64, rounds int, slowness float64, times map[string]float64) *Run {
	r := rand.New(rand.NewPCG(seed, 1))
	run := &Run{Format: Format, Began: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	speeds := make([]float64, rounds)
	for i := range speeds {
		speeds[i] = slowness * math.Exp(r.NormFloat64()/2)
	}
	for _, name := range []string{"symphony", "rueidis", "om"} {
		row := Row{Contest: "Get", Callers: 64, Contestant: name, Baseline: "rueidis", Wire: Wire{Trips: 1, Commands: "HMGET"}}
		for _, speed := range speeds {
			row.Samples = append(row.Samples, Sample{
				Nanoseconds: times[name] * speed * (1 + 0.03*r.NormFloat64()), Processor: 5000, Server: 3000, Commands: 2000, Allocations: 10 + 0.1*r.NormFloat64(), Bytes: 100,
			})
		}
		run.Rows = append(run.Rows, row)
	}
	return run
}

var usual = map[string]float64{"symphony": 10_000, "rueidis": 9_000, "om": 20_000}

// Ratios are taken within the rounds: a machine whose speed goes up and down
// changes nothing.
func TestPercentile(t *testing.T) {
	times := []time.Duration{5, 1, 4, 2, 3}
	for p, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.9: 4, 1: 5} {
		require.Equal(t, want, Percentile(times, p), "%v", p)
	}
	require.Equal(t, []time.Duration{5, 1, 4, 2, 3}, times, "they are in their order still")
}

func TestRatiosAreOfTheRounds(t *testing.T) {
	run := made(1, 25, 1, usual)
	ours, om := run.Rows[0], run.Rows[2]
	require.InDelta(t, 2, QuartilesOf(ours.Against(om)).Median, 0.05)
	require.Greater(t, QuartilesOf(Times(ours.Samples)).Spread(), 0.1, "the times themselves go up and down")
}

// A change is distinguished from noise: on a machine half as fast, only the
// time of the baseline has changed, and a real change is found there, too.
func TestCompare(t *testing.T) {
	old := made(1, 25, 1, usual)
	same := Compare(old, made(2, 25, 2, usual))
	for _, ch := range same.Real() {
		require.Equal(t, "rueidis", ch.Row.Contestant, ch.String())
	}
	require.False(t, same.Weak)

	slower := made(3, 25, 2, map[string]float64{"symphony": 12_000, "rueidis": 9_000, "om": 20_000})
	slower.Rows[0].Wire.Trips = 2
	for i := range slower.Rows[2].Samples {
		slower.Rows[2].Samples[i].Allocations++
	}
	var text bytes.Buffer
	c := Compare(old, slower)
	require.NoError(t, c.Write(&text))
	require.Regexp(t, `symphony +time +1\.1\dx ± \d+ % +1\.3\dx ± \d+ % +\+2\d\.\d % +\(p=0\.000 n=25\+25\)`, text.String())
	require.Regexp(t, `om +time +2\.\d\dx ± \d+ % +2\.\d\dx ± \d+ % +~ +\(p=0\.\d+ n=25\+25\)`, text.String())
	require.Regexp(t, "symphony +round trips +1 +2", text.String())
	require.Regexp(t, "om +allocations +10 +11", text.String())
	require.NotRegexp(t, "symphony +allocations", text.String())
	require.Contains(t, c.Real()[len(c.Real())-1].String(), "om: allocations 10 -> 11", "the smallest")
}

// A change is found only if the noise is smaller, or if it is large.
func TestCompareJudgesByIntervals(t *testing.T) {
	for _, test := range []struct {
		noise, change float64
		real          bool
	}{{0.01, 1.05, true}, {0.01, 1.01, false}, {0.2, 1.05, false}, {0.2, 1.6, true}} {
		random := rand.New(rand.NewPCG(7, 7))
		noisy := func(change float64) *Run {
			run := made(random.Uint64(), 25, 1, usual)
			for i := range run.Rows[0].Samples {
				run.Rows[0].Samples[i].Nanoseconds = change * run.Rows[1].Samples[i].Nanoseconds * math.Exp(test.noise*random.NormFloat64())
			}
			return run
		}
		for _, ch := range Compare(noisy(1), noisy(test.change)).Changes {
			if ch.Row.Contestant == "symphony" && ch.What == "time" {
				require.Equal(t, test.real, ch.Real, "%+v: %v", test, ch)
				require.Equal(t, !test.real, ch.Delta() == "~")
			}
		}
	}
}

func TestInterval(t *testing.T) {
	var numbers []float64
	for i := range 25 {
		numbers = append(numbers, float64(1+i)/10)
	}
	i := intervalOf(numbers)
	require.InDelta(t, 1.3, i.Median, 1e-9)
	require.InDelta(t, 0.8, i.Low, 1e-9, "the 8th of 25 numbers, by the binomial distribution")
	require.InDelta(t, 1.8, i.High, 1e-9)
	require.Equal(t, "1.30 (0.80 to 1.80)", i.String())
	require.Equal(t, "± 38 %", i.percent())
	require.Equal(t, "2.00", intervalOf([]float64{2}).String(), "a number alone has no interval")
	require.Equal(t, "± ∞", intervalOf([]float64{1, 2, 3}).percent())
}

// A goal is met or missed by the median. Goals that the run has not measured
// are counted.
func TestGoals(t *testing.T) {
	samples := func(ns, commands float64) (all []Sample) {
		for range 9 {
			all = append(all, Sample{Nanoseconds: ns, Commands: commands})
		}
		return all
	}
	row := func(contest string, callers int, contestant string, ns, commands float64) Row {
		return Row{Contest: contest, Callers: callers, Contestant: contestant, Samples: samples(ns, commands)}
	}
	curve := func(operation, along, contestant string, size, ns float64) Curve {
		return Curve{Operation: operation, Along: along, Contestant: contestant, Points: []Point{{10, samples(1, 1)}, {size, samples(ns, 0)}}}
	}
	run := &Run{
		Rows: []Row{
			row("Get", 1, Ours, 100, 1), row("Get", 1, "go-redis", 120, 1),
			row("Upsert", 1, Ours, 100, 1), row("Upsert", 1, "go-redis", 90, 1),
			row("Update", 64, Ours, 100, 44), row("Update", 64, "rueidis", 90, 10),
			row("Get", 64, Ours, 100, 1), // no goal
		},
		Growth: []Curve{
			curve("Find", ForeignKey, Ours, 1_000_000, 114), curve("Find", ForeignKey, "rueidis", 1_000_000, 100),
			curve("IDs", ForeignKey, Ours, 1_000_000, 116), curve("IDs", ForeignKey, "rueidis", 1_000_000, 100),
		},
		Memory: []Memory{{Cache, Ours, 1000, 345}, {Cache, "otter", 1000, 230}},
		Idle:   []Idle{{What: Queues, Processes: 1, Contestant: Ours, Commands: 1}, {What: Listener(100), Processes: 4, Contestant: Ours, Commands: 1000}},
	}
	lines, others := run.Goals()
	require.Equal(t, len(goals()), len(lines)+others)
	met := map[string]bool{}
	for _, l := range lines {
		met[l.Text] = l.Met
	}
	require.Equal(t, map[string]bool{
		"Get, 1 caller: speed, go-redis = 1":                                        true,
		"Upsert, 1 caller: speed, go-redis = 1":                                     false,
		"Update, 64 callers: time in the server's commands, by hand = 1":            false,
		"Find, foreign keys: 1000000: time of symphony, rueidis = 1":                true,
		"IDs, foreign keys: 1000000: time of symphony, rueidis = 1":                 false,
		"cache: bytes of an entry, otter = 1":                                       false,
		"idle, queues, processes: 1: commands a second and process":                 true,
		"idle, listener, actions: 100, processes: 4: commands a second and process": false,
	}, met)
	var text bytes.Buffer
	require.NoError(t, run.WriteGoals(&text))
	require.Regexp(t, `Upsert, 1 caller: speed, go-redis = 1 +0\.90 \(0\.90 to 0\.90\) +at least 1\.00 +missed\n`, text.String())
	require.Regexp(t, `time in the server's commands, by hand = 1 +4\.40 .* at most 2\.20 +missed\n`, text.String())

	text.Reset()
	require.NoError(t, (&Run{}).WriteGoals(&text))
	require.Empty(t, text.String())
}

// By chance alone hardly anything is reported.
func TestCompareKeepsQuiet(t *testing.T) {
	alarms := 0
	for seed := range uint64(100) {
		for _, ch := range Compare(made(seed, 15, 1, usual), made(seed+1000, 15, 1, usual)).Real() {
			if ch.Row.Contestant != "rueidis" {
				alarms++
			}
		}
	}
	require.LessOrEqual(t, alarms, 3)
}

func TestCompareSaysWhatItCannot(t *testing.T) {
	old, now := made(1, 3, 1, usual), made(2, 3, 1, usual)
	now.Rows = now.Rows[:2]
	var text bytes.Buffer
	c := Compare(old, now)
	require.True(t, c.Weak)
	require.NoError(t, c.Write(&text))
	require.Contains(t, text.String(), "too few rounds")
	require.Contains(t, text.String(), "only in the old run: Get, 64 callers, om")
}

func TestTable(t *testing.T) {
	run := made(1, 25, 1, usual)
	run.Rows[0].Stale = &Stale{}
	run.Rows[1].Stale = &Stale{Own: Share{1, 8}, Others: Share{0, 8}}
	var text bytes.Buffer
	require.NoError(t, run.WriteTable(&text))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	require.Len(t, lines, 5)
	require.Equal(t, "Get, 64 callers (baseline: rueidis)", lines[0])
	require.Contains(t, lines[1], "vs baseline")
	require.Regexp(t, `symphony +\S+ µs +±\d+ % +0\.\d\dx +5\.00 µs +3\.00 µs +2\.00 µs +10 +100 B +1 *`, lines[2])
	require.Regexp(t, `rueidis .* 1\.00x +0\.\d\dx +5\.00 µs +3\.00 µs +2\.00 µs +10 +100 B +1 +12\.5 % +0\.0 %`, lines[3])
	require.Regexp(t, `om .* 0\.4\dx +(1\.9\d|2\.0\d)x`, lines[4])
}

func TestTexts(t *testing.T) {
	require.Equal(t, "12.3 ns", Nanoseconds(12.34))
	require.Equal(t, "1.50 µs", Nanoseconds(1500))
	require.Equal(t, "150 ms", Nanoseconds(150e6))
	require.Equal(t, "2.00 s", Nanoseconds(2e9))
	require.Equal(t, "1.50 KiB", Bytes(1536))
	require.Equal(t, "0", number(-0.001))
	require.Equal(t, "1.35", number(1.35))
	require.Equal(t, "1 caller", Callers(1))
}

func TestReadFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "data.json")
	var text bytes.Buffer
	run := made(1, 3, 1, usual)
	require.NoError(t, run.WriteJSON(&text))
	require.NoError(t, os.WriteFile(name, text.Bytes(), 0o600))
	again, err := ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, run, again)

	require.NoError(t, os.WriteFile(name, []byte(`{"format": 99}`), 0o600))
	_, err = ReadFile(name)
	require.ErrorContains(t, err, "format 99")
	require.NoError(t, os.WriteFile(name, []byte(`no`), 0o600))
	_, err = ReadFile(name)
	require.ErrorContains(t, err, "is not the data.json of a report")
}

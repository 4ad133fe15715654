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
	require.Contains(t, text.String(), "Get, 64 callers, symphony: time 1.1")
	require.Contains(t, text.String(), "symphony: round trips 1 -> 2")
	require.Contains(t, text.String(), "om: allocations 10 -> 11")
	require.NotContains(t, text.String(), "om: time")
	require.NotContains(t, text.String(), "symphony: allocations")
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

// Package ratiotest compares the speed of two functions within one benchmark.
// It runs them alternately for short times, so that other load of the machine
// affects both alike. Only tests may import this package.
package ratiotest

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// turnDuration is how long a function runs before the other one runs.
const turnDuration = 10 * time.Millisecond

// Compare runs ours and theirs alternately, each in the given number of
// goroutines. It reports the duration of a call of ours divided by that of
// theirs: the median as "ratio", and the quartiles as "ratio-q1" and
// "ratio-q3". It reports the allocations of a call as "allocs" and
// "their-allocs". If a call returns an error, the benchmark fails.
func Compare(b *testing.B, callers int, ours, theirs func() error) {
	b.Helper()
	sides := [2]side{{call: ours, callers: callers}, {call: theirs, callers: callers}}
	for i := range sides {
		sides[i].calibrate(b)
	}
	var ratios []float64
	for b.Loop() {
		first := len(ratios) % 2
		sides[first].turn(b)
		sides[1-first].turn(b)
		ratios = append(ratios, sides[0].nanoseconds/sides[1].nanoseconds)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(ratios[len(ratios)/4], "ratio-q1")
	b.ReportMetric(ratios[len(ratios)*3/4], "ratio-q3")
	b.ReportMetric(sides[0].allocs(), "allocs")
	b.ReportMetric(sides[1].allocs(), "their-allocs")
	b.ReportMetric(0, "ns/op")
}

// side is one of the two functions, with its measurements.
type side struct {
	call           func() error
	callers        int
	callsPerCaller int // in a turn

	nanoseconds float64 // for a call, in the last turn
	calls       uint64  // in all turns
	mallocs     uint64  // in all turns
}

// calibrate sets how many calls a turn consists of.
func (s *side) calibrate(b *testing.B) {
	for s.callsPerCaller = 1; ; s.callsPerCaller *= 2 {
		if start := time.Now(); s.run(b) || time.Since(start) >= turnDuration/2 {
			return
		}
	}
}

func (s *side) turn(b *testing.B) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	s.run(b)
	n := s.callers * s.callsPerCaller
	s.nanoseconds = float64(time.Since(start)) / float64(n)
	runtime.ReadMemStats(&after)
	s.calls += uint64(n)
	s.mallocs += after.Mallocs - before.Mallocs
}

func (s *side) allocs() float64 { return float64(s.mallocs) / float64(s.calls) }

// run calls the function as often as a turn requires. It reports whether the
// benchmark has failed.
func (s *side) run(b *testing.B) bool {
	var wg sync.WaitGroup
	for range s.callers {
		wg.Go(func() {
			for range s.callsPerCaller {
				if err := s.call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return b.Failed()
}

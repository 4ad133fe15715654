// Package ratiotest measures one way of doing something against another
// within one benchmark: in short turns, so that whatever else the machine
// does meets both alike. Only tests may import this package.
package ratiotest

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// turn is how long a side works before it is the other's turn.
const turn = 10 * time.Millisecond

// Compare runs ours and theirs in turns, each from as many goroutines as there
// are callers, and reports what a call of ours takes for one of theirs: the
// median over the turns as "ratio", the quartiles beside it as "ratio-q1" and
// "ratio-q3", and the allocations of a call as "allocs" and "their-allocs". An
// error of a call fails the benchmark.
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
		ratios = append(ratios, sides[0].took/sides[1].took)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "ratio")
	b.ReportMetric(ratios[len(ratios)/4], "ratio-q1")
	b.ReportMetric(ratios[len(ratios)*3/4], "ratio-q3")
	b.ReportMetric(sides[0].allocs(), "allocs")
	b.ReportMetric(sides[1].allocs(), "their-allocs")
	b.ReportMetric(0, "ns/op")
}

// side is one of the two that take turns.
type side struct {
	call    func() error
	callers int
	each    int // calls of each caller in a turn

	took    float64 // nanoseconds for a call, in the last turn
	calls   uint64
	mallocs uint64
}

// calibrate finds how many calls fill a turn.
func (s *side) calibrate(b *testing.B) {
	for s.each = 1; ; s.each *= 2 {
		if start := time.Now(); s.run(b) || time.Since(start) >= turn/2 {
			return
		}
	}
}

func (s *side) turn(b *testing.B) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	s.run(b)
	n := s.callers * s.each
	s.took = float64(time.Since(start)) / float64(n)
	runtime.ReadMemStats(&after)
	s.calls += uint64(n)
	s.mallocs += after.Mallocs - before.Mallocs
}

func (s *side) allocs() float64 { return float64(s.mallocs) / float64(s.calls) }

// run makes the calls of a turn, and reports whether the benchmark has failed.
func (s *side) run(b *testing.B) bool {
	var wg sync.WaitGroup
	for range s.callers {
		wg.Go(func() {
			for range s.each {
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

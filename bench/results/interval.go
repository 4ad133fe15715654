package results

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Interval is a median with its confidence interval, which assumes nothing
// about the distribution. It is infinite if there are too few numbers.
type Interval struct{ Low, Median, High float64 }

const confidence = 0.95

// intervalOf returns the median of numbers, as benchstat does.
func intervalOf(numbers []float64) Interval {
	s := benchmath.AssumeNothing.Summary(sampleOf(numbers), confidence)
	return Interval{s.Lo, s.Center, s.Hi}
}

func sampleOf(numbers []float64) *benchmath.Sample {
	t := benchmath.DefaultThresholds
	return benchmath.NewSample(slices.Clone(numbers), &t)
}

func (i Interval) String() string {
	if math.IsInf(i.Low, 0) || math.IsInf(i.High, 0) {
		return digits(i.Median)
	}
	return fmt.Sprintf("%s (%s to %s)", digits(i.Median), digits(i.Low), digits(i.High))
}

// percent returns the larger distance of the bounds from the median, in percent
// of it, as benchstat does.
func (i Interval) percent() string {
	d := max(i.High-i.Median, i.Median-i.Low) / i.Median
	if math.IsInf(d, 0) || math.IsNaN(d) {
		return "± ∞"
	}
	return fmt.Sprintf("± %.0f %%", 100*d)
}

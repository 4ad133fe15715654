package results

import (
	"math"
	"slices"
	"time"
)

// Quartiles are the median and the quartiles of numbers. Half of the numbers
// are from Low to High.
type Quartiles struct{ Low, Median, High float64 }

// QuartilesOf interpolates between the two numbers next to a quartile. Without
// numbers, the quartiles are NaN.
func QuartilesOf(numbers []float64) Quartiles {
	sorted := slices.Sorted(slices.Values(numbers))
	at := func(p float64) float64 {
		if len(sorted) == 0 {
			return math.NaN()
		}
		place := p * float64(len(sorted)-1)
		i := int(place)
		if i+1 == len(sorted) {
			return sorted[i]
		}
		return sorted[i] + (place-float64(i))*(sorted[i+1]-sorted[i])
	}
	return Quartiles{at(0.25), at(0.5), at(0.75)}
}

// Spread returns half the distance of the quartiles, divided by the median.
func (q Quartiles) Spread() float64 { return (q.High - q.Low) / 2 / q.Median }

// Percentile returns the time that a share p of the times, from 0 to 1, does
// not exceed. There must be at least one.
func Percentile(times []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[int(p*float64(len(sorted)-1))]
}

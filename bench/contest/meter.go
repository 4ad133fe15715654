package contest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/symphony-go/symphony/bench/results"
)

// Meter measures contests.
type Meter struct {
	Rounds int           // in which every contestant has one turn
	Turn   time.Duration // how long a turn should take

	// Round is called before each round if it is not nil.
	Round func(round, of int)
}

const (
	fewest   = 7   // rounds, however long they take
	patience = 2.5 // how many times as long as planned a contest may take
	pairs    = 2000
)

// Run measures a contest with one number of callers. It returns a row for each
// contestant, in order.
func (m Meter) Run(ctx context.Context, c Contest, callers int) ([]results.Row, error) {
	rows := make([]results.Row, len(c.Contestants))
	sizes := make([]int, len(c.Contestants))
	for i, p := range c.Contestants {
		rows[i] = results.Row{Contest: c.Name, Callers: callers, Contestant: p.Name, Baseline: c.Baseline, How: p.How}
		var err error
		if sizes[i], err = m.calibrate(ctx, c, p, callers); err != nil {
			return nil, named(c, p, err)
		}
	}
	budget := time.Duration(patience * float64(m.Turn) * float64(m.Rounds*len(c.Contestants)))
	began := time.Now()
	for round := range m.Rounds {
		if round >= fewest && time.Since(began) > budget {
			break
		}
		if m.Round != nil {
			m.Round(round, m.Rounds)
		}
		for _, i := range rand.Perm(len(rows)) { // nobody is always the first
			sample, err := turn(ctx, c.Contestants[i], callers, sizes[i])
			if err != nil {
				return nil, named(c, c.Contestants[i], err)
			}
			rows[i].Samples = append(rows[i].Samples, sample)
		}
	}
	return rows, m.staleness(ctx, c, rows)
}

func (m Meter) staleness(ctx context.Context, c Contest, rows []results.Row) error {
	for i, p := range c.Contestants {
		if p.Stale == nil {
			continue
		}
		stale, err := p.Stale(ctx, pairs)
		if err != nil {
			return named(c, p, err)
		}
		rows[i].Stale = &stale
	}
	return nil
}

// crowded is the number of callers that each client serves before it is
// measured. Some clients behave differently from then on, as they do in a
// service: rueidis pipelines.
const crowded = 64

// calibrate finds the number of operations that fill a turn, and warms up the
// clients.
func (m Meter) calibrate(ctx context.Context, c Contest, p Contestant, callers int) (int, error) {
	if _, err := p.Turn(ctx, crowded, max(crowded, c.Least)); err != nil {
		return 0, err
	}
	for n := max(callers, c.Least); ; n *= 2 {
		took, err := p.Turn(ctx, callers, n)
		if err != nil {
			return 0, err
		}
		if took >= m.Turn/2 {
			n = int(float64(n) * float64(m.Turn) / float64(took))
			return max(n, callers, c.Least), nil
		}
	}
}

// turn measures a turn. It collects the garbage of other contestants first.
func turn(ctx context.Context, p Contestant, callers, n int) (results.Sample, error) {
	if err := ctx.Err(); err != nil {
		return results.Sample{}, err
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	used := processorTime()
	took, err := p.Turn(ctx, callers, n)
	used = processorTime() - used
	runtime.ReadMemStats(&after)
	per := float64(n)
	return results.Sample{
		Nanoseconds: float64(took) / per,
		Processor:   float64(used) / per,
		Allocations: float64(after.Mallocs-before.Mallocs) / per,
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / per,
	}, err
}

// Check runs the Check of every contestant.
func (c Contest) Check(ctx context.Context) error {
	for _, p := range c.Contestants {
		if err := p.Check(ctx); err != nil {
			return named(c, p, err)
		}
	}
	return nil
}

func named(c Contest, p Contestant, err error) error {
	return fmt.Errorf("%s, %s: %w", c.Name, p.Name, err)
}

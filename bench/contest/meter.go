package contest

import (
	"context"
	"errors"
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

	// Server reads the usage of the server, which nothing else should use
	// meanwhile. If it is nil, the usage is not measured.
	Server func(context.Context) (Usage, error)

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
	sides := make([]side, len(c.Contestants))
	defer func() {
		for i := range sides {
			if sides[i].crew != nil {
				sides[i].crew.End()
			}
		}
	}()
	for i, p := range c.Contestants {
		rows[i] = results.Row{Contest: c.Name, Callers: callers, Contestant: p.Name, Baseline: c.Baseline, How: p.How, Wire: p.Wire}
		sides[i] = side{Contestant: p, crew: NewCrew(callers), commands: outermost(p.Wire.Commands)}
		if err := m.calibrate(ctx, c, &sides[i]); err != nil {
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
			sample, err := m.measure(ctx, &sides[i])
			if err != nil {
				return nil, named(c, c.Contestants[i], err)
			}
			rows[i].Samples = append(rows[i].Samples, sample)
		}
	}
	return rows, m.staleness(ctx, c, rows)
}

// side is a contestant with its callers.
type side struct {
	Contestant
	crew     *Crew
	n        int      // operations of a turn
	commands []string // whose time contains the whole operation
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
// service: rueidis pipelines from the first overlap on, for good.
const (
	crowded    = 64
	crowdCalls = 4 * crowded
)

// overlap serves a crowd of callers. If an operation takes long, the crowd is
// smaller, but there are at least two callers.
func (m Meter) overlap(ctx context.Context, c Contest, p Contestant) error {
	if c.Least > 0 {
		return p.Try(ctx, crowded, max(crowdCalls, c.Least))
	}
	took, err := p.try(ctx, 1, 1)
	if err != nil {
		return err
	}
	calls := min(crowdCalls, max(2, int(10*m.Turn/max(1, took))))
	return p.Try(ctx, min(crowded, calls), calls)
}

// calibrate warms up the client and finds the number of operations that fill a
// turn. It is the same for each caller.
func (m Meter) calibrate(ctx context.Context, c Contest, s *side) error {
	if err := m.overlap(ctx, c, s.Contestant); err != nil {
		return err
	}
	if s.n = c.Most; s.n > 0 {
		return nil
	}
	callers := s.crew.Size()
	whole := func(n int) int { return (max(n, c.Least, 1) + callers - 1) / callers * callers }
	for s.n = whole(callers); ; s.n *= 2 {
		if err := s.prepare(ctx, s.n); err != nil {
			return err
		}
		took, err := s.Turn(ctx, s.crew, s.n)
		if err != nil {
			return err
		}
		if took >= m.Turn/2 {
			s.n = whole(int(float64(s.n) * float64(m.Turn) / float64(took)))
			return nil
		}
	}
}

// measure measures a turn. It collects the garbage of other contestants first.
func (m Meter) measure(ctx context.Context, s *side) (results.Sample, error) {
	if err := errors.Join(ctx.Err(), s.prepare(ctx, s.n)); err != nil {
		return results.Sample{}, err
	}
	runtime.GC()
	served, errBefore := m.usage(ctx)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := processorTime()
	took, err := s.Turn(ctx, s.crew, s.n)
	used = processorTime() - used
	runtime.ReadMemStats(&after)
	now, errAfter := m.usage(ctx)
	server, commands := now.since(served, s.commands)
	per := float64(s.n)
	return results.Sample{
		Nanoseconds: float64(took) / per,
		Processor:   float64(used) / per,
		Server:      server / per,
		Commands:    commands / per,
		Allocations: float64(after.Mallocs-before.Mallocs) / per,
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / per,
	}, errors.Join(errBefore, err, errAfter)
}

func (m Meter) usage(ctx context.Context) (Usage, error) {
	if m.Server == nil {
		return Usage{}, nil
	}
	return m.Server(ctx)
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

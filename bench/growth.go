package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony/bench/contest"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/peers"
	"github.com/symphony-go/symphony/bench/results"
)

// curves is the number of steps that -growth adds.
func (o *options) curves() (steps int) {
	if o.growth {
		for _, g := range o.growths() {
			steps += len(g.Sizes)
		}
	}
	return steps
}

// growths returns the quantities that grow, up to the largest size that a test
// has time for.
func (o *options) growths() []peers.Growth {
	all := peers.Growths()
	for i := range all {
		all[i].Sizes = slices.DeleteFunc(all[i].Sizes, func(n int) bool { return o.largest > 0 && n > o.largest })
	}
	return all
}

// grow measures how the cost grows with callers, fields, size and records.
func (o *options) grow(ctx context.Context, g *ground.Ground, run *results.Run, status *progress) (err error) {
	if err := g.Clear(ctx); err != nil { // who counts versions begins anew
		return err
	}
	t := o.target()
	t.Callers = max(t.Callers, mostCallers)
	t.Records = max(t.Records, mostCallers)
	p, err := peers.Open(ctx, t, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := p.Seed(ctx); err != nil {
		return err
	}
	for _, growth := range o.growths() {
		curves, err := o.curve(ctx, g, p, growth, status)
		if err != nil {
			return err
		}
		run.Growth = append(run.Growth, curves...)
	}
	run.Memory = p.Memory
	return nil
}

const mostCallers = 512

// curve measures an operation at all its sizes and returns a curve for each
// contestant.
func (o *options) curve(ctx context.Context, on *ground.Ground, p *peers.Peers, g peers.Growth, status *progress) ([]results.Curve, error) {
	var curves []results.Curve
	m := contest.Meter{Rounds: o.growthRounds(), Turn: o.turn, Server: on.Usage, Round: status.round}
	for _, size := range g.Sizes {
		status.next(fmt.Sprintf("%s by %s, %d %s", g.Operation, g.Along, size, g.Unit))
		c, callers, err := g.At(ctx, p, size)
		if err == nil {
			err = c.Check(ctx)
		}
		if err != nil {
			return nil, err
		}
		rows, err := m.Run(ctx, c, callers)
		if err != nil {
			return nil, err
		}
		for i, r := range rows {
			if len(curves) == i {
				curves = append(curves, results.Curve{Operation: g.Operation, Along: g.Along, Unit: g.Unit, Contestant: r.Contestant})
			}
			curves[i].Points = append(curves[i].Points, results.Point{Size: float64(size), Samples: r.Samples})
		}
	}
	for i := range curves {
		slices.SortFunc(curves[i].Points, func(a, b results.Point) int { return cmp.Compare(a.Size, b.Size) })
	}
	return curves, nil
}

// growthRounds is smaller than the default, because the curves have many
// points.
func (o *options) growthRounds() int { return max(1, o.rounds*2/5) }

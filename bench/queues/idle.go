package main

import (
	"context"
	"flag"
	"io"
	"time"

	"github.com/symphony-go/symphony/bench/fleet"
	"github.com/symphony-go/symphony/bench/ground"
	"github.com/symphony-go/symphony/bench/results"
)

// idle counts what idle workers and listeners send.
type idle struct{ fleet.Idle }

func (w *idle) Flags(f *flag.FlagSet) {
	f.IntVar(&w.Tenants, "tenants", 10_000, "tenants that have had an item each")
	f.DurationVar(&w.Settle, "settle", 15*time.Second, "how long the workers have nothing to do before that")
	f.DurationVar(&w.For, "for", 30*time.Second, "how long the commands are counted")
}

func (w *idle) Run(ctx context.Context, g *ground.Ground, out io.Writer) error {
	found, err := w.Measure(ctx, g, func(string) {})
	if err != nil {
		return err
	}
	return results.WriteIdle(out, found)
}

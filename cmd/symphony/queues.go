package main

import (
	"cmp"
	"context"
	"flag"
	"time"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/pool"
)

var queuesCommand = command{
	name: "queues", summary: "list queues with their numbers of items; with -service without a walk",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		filter := queueFlags(flags)
		scan := flags.Bool("scan", false, "walk over all keys in spite of -service, which also finds queues that hold dead letters alone")
		return func(ctx context.Context, s *session) error { return s.queues(ctx, filter(), *scan) }
	},
}

// queueFlags defines the flags that select queues.
func queueFlags(flags *flag.FlagSet) func() inspect.Filter {
	var f inspect.Filter
	flags.StringVar(&f.Tenant, "tenant", "", "only this `TENANT`")
	flags.StringVar(&f.Service, "service", "", "only queues of this `SERVICE`")
	flags.StringVar(&f.Entity, "entity", "", "only queues of this `ENTITY`")
	flags.StringVar(&f.Action, "action", "", "only this `ACTION`")
	alias := flags.String("pool", "", "the `ALIAS` of the pool, if it was set with the option On")
	return func() inspect.Filter {
		f.Pool = pool.Alias(*alias)
		return f
	}
}

func (s *session) queues(ctx context.Context, f inspect.Filter, scan bool) error {
	if scan || f.Service == "" {
		s.walks(ctx, 1, cmp.Or(f.Pool, pool.Handlers))
	}
	_, err := printRows(s, []column[inspect.Queue]{
		{"TENANT", func(q inspect.Queue) string { return plain(q.Tenant) }},
		{"SERVICE", func(q inspect.Queue) string { return plain(q.Service) }},
		{"ENTITY", func(q inspect.Queue) string { return plain(q.Entity) }},
		{"ACTION", func(q inspect.Queue) string { return plain(q.Action) }},
		{"WAITING", func(q inspect.Queue) string { return number(q.Waiting) }},
		{"IN FLIGHT", func(q inspect.Queue) string { return number(q.InFlight) }},
		{"DEAD", func(q inspect.Queue) string { return number(q.Dead) }},
		{"OLDEST", func(q inspect.Queue) string { return time.Duration(q.Oldest).Round(time.Second).String() }},
		{"READY", func(q inspect.Queue) string { return moment(q.Ready) }},
	}, inspect.Queues(ctx, s.pools, f, scan))
	return err
}

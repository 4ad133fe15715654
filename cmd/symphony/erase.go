package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
)

var eraseCommand = command{
	name: "erase", args: "TENANT", summary: "remove everything of a tenant: count it, ask, remove it and look again",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		yes := flags.Bool("yes", false, "do not count first, and do not ask")
		dry := flags.Bool("dry-run", false, "only count what would be removed")
		opts := poolFlag(flags)
		return func(ctx context.Context, s *session) error {
			if len(s.args) != 1 {
				return usagef("erase takes one tenant")
			}
			if !*yes && !*dry {
				if err := s.canAsk(); err != nil {
					return err
				}
			}
			return s.erase(ctx, s.args[0], *yes, *dry, opts())
		}
	},
}

// poolFlag defines the flag that limits a command to one pool.
func poolFlag(flags *flag.FlagSet) func() []symphony.Option {
	alias := flags.String("pool", "", "only the pool with this `ALIAS`")
	return func() []symphony.Option {
		if *alias == "" {
			return nil
		}
		return []symphony.Option{symphony.On(pool.Alias(*alias))}
	}
}

// erasure is the outcome of an erasure as JSON.
type erasure struct {
	Tenant  string           `json:"tenant"`
	DryRun  bool             `json:"dry_run"`
	Removed map[string]int64 `json:"removed"` // with DryRun: what would be removed
	Left    map[string]int64 `json:"left,omitempty"`
}

func (s *session) erase(ctx context.Context, tenant string, yes, dry bool, opts []symphony.Option) error {
	if !yes || dry {
		s.walks(ctx, 1)
		found, err := symphony.Erase(ctx, s.pools, tenant, append(opts, symphony.DryRun())...)
		if err != nil {
			return err
		}
		if err := s.printErasure(erasure{tenant, true, found.Removed, nil}, "FOUND"); err != nil || dry || len(found.Removed) == 0 {
			return err
		}
		if err := s.confirm(fmt.Sprintf("erase all of this of the tenant %s?", plain(tenant))); err != nil {
			return err
		}
	}
	s.walks(ctx, 2)
	done, err := symphony.Erase(ctx, s.pools, tenant, opts...)
	if printed := s.printErasure(erasure{tenant, false, done.Removed, done.Left}, "REMOVED"); err == nil {
		err = printed
	}
	if err == nil && len(done.Left) > 0 {
		err = errors.New("something writes for the tenant; stop it, and erase again")
	}
	return err
}

func (s *session) printErasure(e erasure, title string) error {
	s.bar.hide()
	if s.json {
		return s.printObject(e)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "KIND\t%s\n", title) // Flush reports the error
	for _, kind := range slices.Sorted(maps.Keys(e.Removed)) {
		_, _ = fmt.Fprintf(w, "%s\t%d\n", kind, e.Removed[kind])
	}
	for _, kind := range slices.Sorted(maps.Keys(e.Left)) {
		_, _ = fmt.Fprintf(w, "%s\t%d left\n", kind, e.Left[kind])
	}
	return w.Flush()
}

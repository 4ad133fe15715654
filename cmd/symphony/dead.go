package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/pool"
)

var deadCommand = command{
	name: "dead", summary: "list dead letters of queues and triggers",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		filter, view := deadFlags(flags), viewFlags(flags)
		return func(ctx context.Context, s *session) error {
			f, err := filter()
			if err != nil {
				return err
			}
			v, err := view()
			if err != nil {
				return err
			}
			return s.dead(ctx, f, v)
		}
	},
}

var retryCommand = command{
	name: "retry", args: "ID... | -all", summary: "redeliver dead letters: those that dead lists with the same flags",
	setup: settleCommand("retry", "redelivered", inspect.Retry),
}

var discardCommand = command{
	name: "discard", args: "ID... | -all", summary: "remove dead letters for good: those that dead lists with the same flags",
	setup: settleCommand("discard", "removed", inspect.Discard),
}

// deadFlags defines the flags that select dead letters.
func deadFlags(flags *flag.FlagSet) func() (inspect.DeadFilter, error) {
	filter := queueFlags(flags)
	of := flags.String("of", "", "only dead letters of `KIND`: queue or trigger")
	return func() (inspect.DeadFilter, error) {
		if !slices.Contains([]string{"", symphony.KindQueue, symphony.KindTrigger}, *of) {
			return inspect.DeadFilter{}, usagef("-of is %q; write queue or trigger", *of)
		}
		f := inspect.DeadFilter{Filter: filter(), Of: *of}
		if f.Pool != "" && *of == "" {
			return f, usagef("-pool needs -of, since queues and triggers are in different pools")
		}
		return f, nil
	}
}

func (s *session) dead(ctx context.Context, f inspect.DeadFilter, view inspect.View) error {
	s.walksForDead(ctx, f)
	_, err := printRows(s, []column[inspect.DeadLetter]{
		{"OF", func(d inspect.DeadLetter) string { return d.Of }},
		{"TENANT", func(d inspect.DeadLetter) string { return plain(d.Tenant) }},
		{"SERVICE", func(d inspect.DeadLetter) string { return cell(d.Service) }},
		{"ENTITY", func(d inspect.DeadLetter) string { return cell(d.Entity) }},
		{"ACTION", func(d inspect.DeadLetter) string { return plain(d.Action) }},
		{"ID", func(d inspect.DeadLetter) string { return plain(d.ID) }},
		{"ATTEMPT", func(d inspect.DeadLetter) string { return number(int64(d.Attempt)) }},
		{"VALUE", func(d inspect.DeadLetter) string { return cell(string(d.Value)) }},
		{"REASON", func(d inspect.DeadLetter) string { return cell(d.Reason + d.Problem) }},
	}, inspect.Dead(ctx, s.pools, f, view))
	return err
}

// walksForDead announces the walks of inspect.Dead.
func (s *session) walksForDead(ctx context.Context, f inspect.DeadFilter) {
	switch {
	case f.Pool != "":
		s.walks(ctx, 1, f.Pool)
	case f.Of == symphony.KindTrigger:
		s.walks(ctx, 1, pool.Expiry)
	case f.Of == symphony.KindQueue || f.Service != "" || f.Entity != "":
		s.walks(ctx, 1, pool.Handlers)
	default:
		s.walks(ctx, 1, pool.Handlers, pool.Expiry)
	}
}

type settleFunc = func(context.Context, *pool.Pools, inspect.Filter, []inspect.DeadLetter) (int64, error)

// settleCommand returns the setup of retry or discard.
func settleCommand(name, done string, settle settleFunc) func(*flag.FlagSet) func(context.Context, *session) error {
	return func(flags *flag.FlagSet) func(context.Context, *session) error {
		filter := deadFlags(flags)
		all := flags.Bool("all", false, "all that the other flags select")
		yes := flags.Bool("yes", false, "do not ask")
		return func(ctx context.Context, s *session) error {
			f, err := filter()
			switch {
			case err != nil:
				return err
			case *all == (len(s.args) > 0):
				return usagef("%s takes the ids of dead letters, or -all; symphony dead lists them", name)
			}
			ask := *all && !*yes
			if ask {
				if err := s.canAsk(); err != nil {
					return err
				}
			}
			letters, err := s.selected(ctx, f, *all)
			if err != nil {
				return err
			}
			if ask {
				if err := s.confirm(fmt.Sprintf("%s %d dead letters?", name, len(letters))); err != nil {
					return err
				}
			}
			n, err := settle(ctx, s.pools, f.Filter, letters)
			s.bar.hide()
			var printed error
			if s.json {
				printed = s.printObject(map[string]int64{done: n})
			} else {
				_, printed = fmt.Fprintln(s.out, n, done)
			}
			return errors.Join(err, printed)
		}
	}
}

// selected returns the dead letters of a filter, or those of them that have one
// of the ids in the arguments. If an id has none, it returns
// symphony.ErrNotFound.
func (s *session) selected(ctx context.Context, f inspect.DeadFilter, all bool) (letters []inspect.DeadLetter, err error) {
	s.walksForDead(ctx, f)
	missing := map[string]bool{}
	for _, id := range s.args {
		missing[id] = true
	}
	for d, err := range inspect.Dead(ctx, s.pools, f, inspect.View{Redact: true}) {
		if err != nil {
			return nil, err
		}
		if all || slices.Contains(s.args, d.ID) {
			delete(missing, d.ID)
			letters = append(letters, d)
		}
	}
	for _, id := range s.args {
		if missing[id] {
			return nil, fmt.Errorf("%w: there is no dead letter with the id %q; nothing was changed", symphony.ErrNotFound, id)
		}
	}
	return letters, nil
}

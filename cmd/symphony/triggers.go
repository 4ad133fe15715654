package main

import (
	"cmp"
	"context"
	"flag"
	"slices"

	"github.com/symphony-go/symphony/cmd/symphony/inspect"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
)

var triggersCommand = command{
	name: "triggers", summary: "list the triggers of a tenant; one walk over the keys of triggers",
	setup: func(flags *flag.FlagSet) func(context.Context, *session) error {
		var f inspect.Filter
		flags.StringVar(&f.Tenant, "tenant", "", "the `TENANT`; symphony tenants lists those that have triggers")
		flags.StringVar(&f.Action, "action", "", "only this `ACTION`")
		alias := flags.String("pool", "", "the `ALIAS` of the pool, if it was set with the option On")
		state := flags.String("state", "", "only triggers in this `STATE`: pending, running, waiting or dead")
		view := viewFlags(flags)
		return func(ctx context.Context, s *session) error {
			v, err := view()
			if err != nil {
				return err
			}
			var states []expiry.State
			switch {
			case f.Tenant == "":
				return usagef("triggers needs -tenant")
			case *state == "":
			case !slices.Contains([]expiry.State{expiry.StatePending, expiry.StateRunning, expiry.StateWaiting, expiry.StateDead}, expiry.State(*state)):
				return usagef("there is no state %q; write pending, running, waiting or dead", *state)
			default:
				states = []expiry.State{expiry.State(*state)}
			}
			f.Pool = pool.Alias(*alias)
			return s.triggers(ctx, f, v, states)
		}
	},
}

// maxCell is the number of characters of a value or a reason in a table.
const maxCell = 50

func (s *session) triggers(ctx context.Context, f inspect.Filter, view inspect.View, states []expiry.State) error {
	s.walks(ctx, 1, cmp.Or(f.Pool, pool.Expiry))
	_, err := printRows(s, []column[inspect.Trigger]{
		{"ACTION", func(t inspect.Trigger) string { return plain(t.Action) }},
		{"ID", func(t inspect.Trigger) string { return plain(t.ID) }},
		{"STATE", func(t inspect.Trigger) string { return string(t.State) }},
		{"AT", func(t inspect.Trigger) string { return moment(t.At) }},
		{"RULE", func(t inspect.Trigger) string { return cell(t.Rule) }},
		{"ATTEMPT", func(t inspect.Trigger) string { return number(int64(t.Attempt)) }},
		{"PAYLOAD", func(t inspect.Trigger) string { return cell(string(t.Payload)) }},
		{"LAST ERROR", func(t inspect.Trigger) string { return cell(t.LastError + t.Problem) }},
	}, inspect.Triggers(ctx, s.pools, f, view, states...))
	return err
}

// cell returns the beginning of a text, or a dash for no text.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	return shorten(plain(text), maxCell)
}

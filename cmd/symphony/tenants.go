package main

import (
	"context"
	"flag"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/cmd/symphony/inspect"
)

var tenantsCommand = command{
	name: "tenants", summary: "count what each tenant has; one walk over all keys",
	setup: func(*flag.FlagSet) func(context.Context, *session) error { return printTenants },
}

// kindsColumn returns a column with the sum of kinds.
func kindsColumn(name string, kinds ...string) column[inspect.Tenant] {
	return column[inspect.Tenant]{name, func(t inspect.Tenant) string {
		var sum int64
		for _, kind := range kinds {
			sum += t.Kinds[kind]
		}
		return number(sum)
	}}
}

func printTenants(ctx context.Context, s *session) error {
	s.walks(ctx, 1)
	_, err := printRows(s, []column[inspect.Tenant]{
		{"TENANT", func(t inspect.Tenant) string { return plain(t.Tenant) }},
		kindsColumn("USERS", symphony.KindUser),
		kindsColumn("STATES", symphony.KindState),
		kindsColumn("ROWS", symphony.KindTable),
		kindsColumn("SHARED", symphony.KindSharedState),
		kindsColumn("VALUES", symphony.KindGeneric),
		kindsColumn("FEEDS", symphony.KindFeed),
		kindsColumn("LIMITS", symphony.KindLimit),
		kindsColumn("PERMANENT", symphony.KindPermanent),
		kindsColumn("ITEMS", symphony.KindWaiting, symphony.KindInFlight),
		kindsColumn("TRIGGERS", symphony.KindTrigger, symphony.KindTriggerInFlight, symphony.KindTriggerWaiting),
		kindsColumn("DEAD", symphony.KindDead, symphony.KindTriggerDead),
	}, inspect.Tenants(ctx, s.pools))
	return err
}

package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	_ "time/tzdata" // so that the program needs no time zones of the machine

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Period struct {
	Days int `json:"days"`
}

// SetCron and SetPayloadCron set a recurring trigger with a cron spec and a time
// zone, for a nightly job of each tenant.
func ExampleTrigger_SetCron() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	if err := triggers.SetCron(ctx, "report", "daily", "30 2 * * *", "Europe/Berlin"); err != nil {
		log.Fatal(err)
	}
	if err := triggers.SetPayloadCron(ctx, "report", "weekly", Period{Days: 7}, "0 9 * * MON", "America/New_York"); err != nil {
		log.Fatal(err)
	}
	for _, id := range []string{"daily", "weekly"} {
		rule, err := triggers.Rule(ctx, "report", id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rule)
	}
	err = triggers.SetCron(ctx, "report", "daily", "30 2 * * *", "Europe/Bonn")
	fmt.Println(errors.Is(err, symphony.ErrInvalidSchedule))
	// Output:
	// 30 2 * * * Europe/Berlin
	// 0 9 * * MON America/New_York
	// true
}

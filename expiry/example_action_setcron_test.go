package expiry_test

import (
	"context"
	"fmt"
	"log"
	"time"
	_ "time/tzdata" // so that the program needs no time zones of the machine

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Digest struct {
	Days int `json:"days"`
}

// Summarize is an action of which each tenant has recurring triggers.
var Summarize = expiry.NewAction[Digest]("summarize")

// SetCron and SetEvery set recurring triggers whose payload fits the handler.
// Each start of a program may call them.
func ExampleAction_SetCron() {
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

	if err := Summarize.SetCron(ctx, triggers, "weekly", Digest{Days: 7}, "0 9 * * MON", "Europe/Berlin"); err != nil {
		log.Fatal(err)
	}
	if err := Summarize.SetEvery(ctx, triggers, "recent", Digest{Days: 1}, 6*time.Hour); err != nil {
		log.Fatal(err)
	}
	for _, id := range []string{"weekly", "recent"} {
		rule, err := triggers.Rule(ctx, Summarize.Name(), id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rule)
	}
	// Output:
	// 0 9 * * MON Europe/Berlin
	// every 6h0m0s
}

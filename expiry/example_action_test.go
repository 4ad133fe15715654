package expiry_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Reminder struct{ Text string }

// Remind is declared once. The code that sets a reminder and the code that
// handles it cannot disagree about its name or its payload.
var Remind = expiry.NewAction[Reminder]("remind")

// An Action serves those who set triggers and those who handle them.
func ExampleAction() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = Remind.On(registry, func(_ context.Context, e expiry.Event, r Reminder) error {
		fmt.Printf("%s: %s\n", e.ID, r.Text)
		stop() // a service goes on
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := expiry.NewListener(pools, registry, expiry.Config{})
	if err != nil {
		log.Fatal(err)
	}

	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := Remind.Set(ctx, triggers, "u1", Reminder{"Water the plants"}, time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: u1: Water the plants
}

package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// An operator lists the dead letters of all tenants and actions without their
// handlers, and removes those of one tenant.
func ExampleDeadLetters() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	listener, err := newShipping(pools, func(context.Context, expiry.Event) error {
		stop() // a service goes on
		return errors.New("no such address")
	})
	if err != nil {
		log.Fatal(err)
	}
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.Set(ctx, "ship", "order-7", 0); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}

	ctx = context.Background()
	letters, err := expiry.NewDeadLetters(pools, pool.Expiry, pools.Layout().Trigger)
	if err != nil {
		log.Fatal(err)
	}
	for e, err := range letters.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Tenant, e.Action, e.ID, e.LastError)
		if err := triggers.Discard(ctx, e); err != nil {
			log.Fatal(err)
		}
	}
	// Output: acme ship order-7 no such address
}

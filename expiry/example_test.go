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

// A listener runs the handlers of triggers that are due, until its context
// ends.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = registry.On("remind", func(_ context.Context, e expiry.Event) error {
		fmt.Println("remind", e.ID, "of", e.Tenant)
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
	if err := triggers.Set(ctx, "remind", "u1", 10*time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: remind u1 of acme
}

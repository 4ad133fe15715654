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

// announced is a middleware: it returns a handler that does more than the one
// that it is given.
func announced(h expiry.Handler) expiry.Handler {
	return func(ctx context.Context, e expiry.Event) error {
		err := h(ctx, e)
		fmt.Println(e.Action, e.ID, "attempt", e.Attempt, "error", err)
		return err
	}
}

// A middleware wraps a handler before it is registered.
func ExampleHandler() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = registry.On("remind", announced(func(context.Context, expiry.Event) error {
		stop() // a service goes on
		return nil
	}))
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
	if err := triggers.Set(ctx, "remind", "u1", time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: remind u1 attempt 1 error <nil>
}

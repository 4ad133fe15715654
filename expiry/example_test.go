package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func Example() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{}) // pool.Open for a live server
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	registry := expiry.NewRegistry()
	if err := registry.On("remind", func(_ context.Context, e expiry.Event) error {
		fmt.Println("remind", e.ID, "of", e.Tenant)
		stop()
		return nil
	}); err != nil {
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
	fmt.Println(listener.Run(ctx)) // until ctx ends
	// Output:
	// remind u1 of acme
	// <nil>
}

func ExampleOnPayload() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	type Order struct{ Cups int }
	registry := expiry.NewRegistry()
	if err := expiry.OnPayload(registry, "ship", func(_ context.Context, e expiry.Event, o Order) error {
		fmt.Printf("order %s: %d cups\n", e.ID, o.Cups)
		stop()
		return nil
	}); err != nil {
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
	if err := triggers.SetPayload(ctx, "ship", "7", Order{Cups: 2}, time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: order 7: 2 cups
}

func ExampleListener_Dead() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	registry := expiry.NewRegistry()
	if err := registry.On("ship", func(context.Context, expiry.Event) error {
		defer stop()
		return errors.New("no such address")
	}); err != nil {
		log.Fatal(err)
	}
	listener, err := expiry.NewListener(pools, registry, expiry.Config{MaxAttempts: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.Set(ctx, "ship", "7", time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}

	ctx = context.Background()
	for letter, err := range listener.Dead(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(letter.Key, letter.Failures, letter.LastError)
		fmt.Println(listener.Discard(ctx, letter)) // or Retry
	}
	// Output:
	// acme:EXPTRIGGER:ship:7 1 no such address
	// <nil>
}

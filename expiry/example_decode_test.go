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

// greet reads the payload, if the trigger was set with one.
func greet(_ context.Context, e expiry.Event) error {
	name := "stranger"
	if e.HasPayload() {
		if err := e.Decode(&name); err != nil {
			return err
		}
	}
	fmt.Println("hello,", name)
	return nil
}

// Decode reads the payload of a trigger. HasPayload reports whether it has one.
func ExampleEvent_Decode() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	registry := expiry.NewRegistry()
	err = registry.On("greet", func(ctx context.Context, e expiry.Event) error {
		defer stop() // a service goes on
		return greet(ctx, e)
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
	if err := triggers.SetPayload(ctx, "greet", "u1", "Alice", time.Millisecond); err != nil {
		log.Fatal(err)
	}
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: hello, Alice
}

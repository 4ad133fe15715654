package symphony_test

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

type Parcel struct {
	Cups int `json:"cups"`
}

// SetPayload is Set with a payload for the handler.
func ExampleTrigger_SetPayload() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.SetPayload(ctx, "ship", "order7", Parcel{Cups: 2}, time.Millisecond); err != nil {
		log.Fatal(err)
	}

	registry := expiry.NewRegistry()
	err = expiry.OnPayload(registry, "ship", func(_ context.Context, e expiry.Event, p Parcel) error {
		fmt.Println(e.ID, p.Cups)
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
	if err := listener.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: order7 2
}

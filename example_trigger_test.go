package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A trigger is work for later. A listener of package expiry in any process does
// it when it is due. Set again moves the due time.
func ExampleTrigger_Set() {
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

	if err := triggers.Set(ctx, "remind", "u1", 24*time.Hour); err != nil {
		log.Fatal(err)
	}
	if err := triggers.Set(ctx, "remind", "u1", 48*time.Hour); err != nil {
		log.Fatal(err)
	}
	due, err := triggers.Due(ctx, "remind", "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(time.Until(due).Round(time.Hour))
	// Output: 48h0m0s
}

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

// Delete cancels a trigger that has not fired, and reports whether one was set.
func ExampleTrigger_Delete() {
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
	if err := triggers.Set(ctx, "remind", "u1", time.Hour); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		deleted, err := triggers.Delete(ctx, "remind", "u1")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(deleted)
	}
	// Output:
	// true
	// false
}

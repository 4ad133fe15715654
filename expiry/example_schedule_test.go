package expiry_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A Schedule sets the triggers of one tenant. symphony.NewTrigger returns one
// with the layout of the pools.
func ExampleNewSchedule() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	schedule, err := expiry.NewSchedule(pools, pool.Expiry, keyspace.Default().Trigger, "acme")
	if err != nil {
		log.Fatal(err)
	}

	if err := schedule.Set(ctx, "remind", "u1", 48*time.Hour); err != nil {
		log.Fatal(err)
	}
	due, err := schedule.Due(ctx, "remind", "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(time.Until(due).Round(time.Hour))
	deleted, err := schedule.Delete(ctx, "remind", "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deleted)
	// Output:
	// 48h0m0s
	// true
}

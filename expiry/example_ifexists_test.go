package expiry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With IfExists, Set changes a trigger only if it exists.
func ExampleIfExists() {
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
	if err := schedule.Set(ctx, "remind", "u1", time.Hour); err != nil {
		log.Fatal(err)
	}

	move := schedule.With(expiry.IfExists())
	if err := move.Set(ctx, "remind", "u1", 48*time.Hour); err != nil {
		log.Fatal(err)
	}
	err = move.Set(ctx, "remind", "u2", 48*time.Hour)
	fmt.Println(errors.Is(err, expiry.ErrNotFound))
	// Output: true
}

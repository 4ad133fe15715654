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

// An OpError names the operation and the key.
func ExampleOpError() {
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

	err = schedule.Set(ctx, "remind", "u1", -time.Second)
	var op *expiry.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Key, op.MaybeApplied())
	}
	fmt.Println(errors.Is(err, expiry.ErrInvalidTTL))
	// Output:
	// Set acme:EXPTRIGGER:remind:u1 false
	// true
}

package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Ack without items removes all that are left of the claim. If an item was
// acked before, Ack returns ErrNotFound.
func ExampleClaim_Ack() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:jobs:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png", "c.png"); err != nil {
		log.Fatal(err)
	}
	claim, err := jobs.Claim(ctx, "resize", 10, time.Minute)
	if err != nil {
		log.Fatal(err)
	}

	if err := claim.Ack(ctx, claim.Items[0]); err != nil {
		log.Fatal(err)
	}
	err = claim.Ack(ctx, claim.Items[0])
	fmt.Println(errors.Is(err, listrepo.ErrNotFound))
	if err := claim.Ack(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: true
}

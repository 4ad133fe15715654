package listrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Next acks a claim and claims the following items, in one round trip.
func ExampleClaim_Next() {
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

	claim, err := jobs.Claim(ctx, "resize", 2, time.Minute)
	for err == nil && len(claim.Items) > 0 {
		for _, item := range claim.Items {
			fmt.Println(item.Value)
		}
		claim, err = claim.Next(ctx, 2, time.Minute)
	}
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// a.png
	// b.png
	// c.png
}

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

// A released item keeps its id and is redelivered with a higher attempt.
func ExampleClaim_Release() {
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
	if _, err := jobs.Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		claim, err := jobs.Claim(ctx, "resize", 1, time.Minute)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(claim.Items[0].Value, "attempt", claim.Items[0].Attempt)
		if err := claim.Release(ctx); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// a.png attempt 1
	// a.png attempt 2
}

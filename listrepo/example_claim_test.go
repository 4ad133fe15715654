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

// Claim takes items under a lease. Ack removes those that are done, Release
// returns the others to the front of the queue. If the worker dies, its items
// are redelivered when the lease has expired.
func ExampleListRepo_Claim() {
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
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png"); err != nil {
		log.Fatal(err)
	}

	claim, err := jobs.Claim(ctx, "resize", 2, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Items[0].Value, claim.Items[1].Value)
	if err := claim.Ack(ctx, claim.Items[0]); err != nil {
		log.Fatal(err)
	}
	if err := claim.Release(ctx); err != nil {
		log.Fatal(err)
	}
	// Output: a.png b.png
}

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

// A worker that stops returns the items that it has not tried. The delivery
// does not count towards MaxAttempts.
func ExampleClaim_Return() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxAttempts(1))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}

	for range 3 {
		claim, err := jobs.Claim(ctx, "resize", 1, time.Minute)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(claim.Items[0].Value, "attempt", claim.Items[0].Attempt)
		if err := claim.Return(ctx); err != nil {
			log.Fatal(err)
		}
	}
	backlog, err := jobs.Backlog(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("waiting", backlog.Waiting, "dead", backlog.Dead)
	// Output:
	// a.png attempt 1
	// a.png attempt 2
	// a.png attempt 3
	// waiting 1 dead 0
}

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

// Delete removes a queue with its claims. Calls on a claim then return
// ErrLeaseLost.
func ExampleListRepo_Delete() {
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
	claim, err := jobs.Claim(ctx, "resize", 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}

	n, err := jobs.Delete(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(n, errors.Is(claim.Ack(ctx), listrepo.ErrLeaseLost))
	// Output: 1 true
}

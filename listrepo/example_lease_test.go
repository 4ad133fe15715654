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

// Lease sets how long the items of a dead worker stay with it. While a handler
// runs, Process renews the lease.
func ExampleLease() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.Lease(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}

	resize := func(ctx context.Context, _ []listrepo.Item[string]) error {
		return context.Cause(ctx) // ErrLeaseLost, if the lease could not be renewed
	}
	done, err := jobs.Process(ctx, "resize", 10, resize)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(done)
	// Output: 1
}

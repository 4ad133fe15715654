package listrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// All yields the items of a queue from its front, and leaves them there.
func ExampleListRepo_All() {
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

	for job, err := range jobs.All(ctx, "resize") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(job)
	}
	// Output:
	// a.png
	// b.png
}

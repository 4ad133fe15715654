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

// PushFront puts items before all others, and keeps their order.
func ExampleListRepo_PushFront() {
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
	if _, err := jobs.Push(ctx, "resize", "later.png"); err != nil {
		log.Fatal(err)
	}

	if _, err := jobs.PushFront(ctx, "resize", "urgent1.png", "urgent2.png"); err != nil {
		log.Fatal(err)
	}
	waiting, err := jobs.Range(ctx, "resize", 0, -1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(waiting)
	// Output: [urgent1.png urgent2.png later.png]
}

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

var resizeKeys = keyspace.MustCompile("{tenant}:jobs:{queue}")

// A repository holds the queues of one space; an id names a queue.
func Example() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := resizeKeys.Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}

	length, err := jobs.Push(ctx, "resize", "a.png", "b.png")
	if err != nil {
		log.Fatal(err)
	}
	taken, err := jobs.Pop(ctx, "resize", 10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length, taken)
	// Output: 2 [a.png b.png]
}

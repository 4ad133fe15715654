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

// Pop removes items without a lease. If the process dies, they are lost; with
// Claim and Process they are redelivered.
func ExampleListRepo_Pop() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:events:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	events, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := events.Push(ctx, "clicks", "a", "b", "c"); err != nil {
		log.Fatal(err)
	}

	for {
		taken, err := events.Pop(ctx, "clicks", 2)
		if err != nil {
			log.Fatal(err)
		}
		if len(taken) == 0 {
			break
		}
		fmt.Println(taken)
	}
	// Output:
	// [a b]
	// [c]
}

package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A Batch holds the queues of a tenant. Enqueue appends items and marks the
// tenant as pending for the queue's service.
func ExampleNewBatch() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	length, err := mail.Enqueue(ctx, queue, "hello", "are you there?")
	if err != nil {
		log.Fatal(err)
	}
	waiting, err := symphony.PendingTenants(ctx, pools, "mail")
	if err != nil {
		log.Fatal(err)
	}
	items, err := mail.Chunk(ctx, queue, 0, -1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length, waiting, items)
	// Output: 2 [acme] [hello are you there?]
}

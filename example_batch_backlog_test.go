package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Backlog counts the items of a queue, for a metrics endpoint.
func ExampleBatch_Backlog() {
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
	if _, err := mail.Enqueue(ctx, queue, "hello", "are you there?", "hello?"); err != nil {
		log.Fatal(err)
	}
	if _, err := mail.Claim(ctx, queue, 2, time.Minute); err != nil {
		log.Fatal(err)
	}

	backlog, err := mail.Backlog(ctx, queue)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(backlog.Waiting, "waiting,", backlog.Claimed, "in flight")
	// Output: 1 waiting, 2 in flight
}

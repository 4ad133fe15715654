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

// A worker with its own loop claims items under a lease and acks them.
func ExampleBatch_Claim() {
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
	if _, err := mail.Enqueue(ctx, queue, "hello", "are you there?"); err != nil {
		log.Fatal(err)
	}

	claim, err := mail.Claim(ctx, queue, 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Items[0].Value)
	if err := claim.Ack(ctx); err != nil {
		log.Fatal(err)
	}
	length, err := mail.Len(ctx, queue)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(length)
	// Output:
	// hello
	// 1
}

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

// Queues lists the queues of a tenant that have work, and Claimed the items of
// one that are in flight.
func ExampleBatch_Queues() {
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
	if _, err := mail.Enqueue(ctx, queue, "one", "two"); err != nil {
		log.Fatal(err)
	}
	if _, err := mail.Claim(ctx, queue, 1, time.Minute); err != nil {
		log.Fatal(err)
	}

	queues, err := mail.Queues(ctx, "mail")
	if err != nil {
		log.Fatal(err)
	}
	for _, q := range queues {
		waiting, err := mail.Chunk(ctx, q, 0, 9)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(q.Entity, q.Action, "waiting:", waiting)
		for item, err := range mail.Claimed(ctx, q) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("in flight:", item.Value, "for less than a minute:", time.Until(item.Until) < time.Minute)
		}
	}
	if _, err := mail.Delete(ctx, queue); err != nil {
		log.Fatal(err)
	}
	queues, err = mail.Queues(ctx, "mail")
	fmt.Println("after Delete:", len(queues), err)
	// Output:
	// u1 send waiting: [two]
	// in flight: one for less than a minute: true
	// after Delete: 0 <nil>
}

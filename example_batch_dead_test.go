package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// An item without an attempt left becomes a dead letter. Retry returns it to
// its queue.
func ExampleBatch_Retry() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme", symphony.MaxAttempts(1))
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}
	_, err = mail.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[string]) error {
		return errors.New("no route to host")
	})
	fmt.Println(err)

	for dead, err := range mail.Dead(ctx, queue) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dead.Value, dead.Reason)
		if _, err := mail.Retry(ctx, queue, dead.ID); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// no route to host
	// hello no route to host
}

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

// An item that does not decode becomes a dead letter. Dead yields it with an
// ItemError and its bytes.
func ExampleBatch_Dead_undecodable() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	old, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := old.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}

	mail, err := symphony.NewBatch[Parcel](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	_, err = mail.Process(ctx, queue, 1, func(context.Context, []listrepo.Item[Parcel]) error { return nil })
	var bad *listrepo.ItemError
	fmt.Println(errors.As(err, &bad))

	for dead, err := range mail.Dead(ctx, queue) {
		if err != nil && !errors.As(err, &bad) {
			log.Fatal(err)
		}
		fmt.Println(dead.Reason)
		fmt.Printf("%s\n", dead.Raw)
	}
	// Output:
	// true
	// the item does not decode as symphony_test.Parcel; Dead yields its bytes in DeadLetter.Raw
	// hello
}

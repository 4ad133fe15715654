package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// MaxLen bounds a queue. If there is no room for the items, Enqueue returns
// ErrFull and enqueues none of them.
func ExampleMaxLen() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme", symphony.MaxLen(1))
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}

	if _, err := mail.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}
	_, err = mail.Enqueue(ctx, queue, "are you there?")
	fmt.Println(errors.Is(err, symphony.ErrFull))
	// Output: true
}

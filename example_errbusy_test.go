package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// One claim of a serial queue is in flight at a time, in all processes. Others
// return ErrBusy and change nothing.
func ExampleErrBusy() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	inbox, err := symphony.NewBatch[string](pools, "acme", symphony.Serial())
	if err != nil {
		log.Fatal(err)
	}
	queue := symphony.Queue{Service: "chat", Entity: "u1", Action: "answer"}
	if _, err := inbox.Enqueue(ctx, queue, "I want a lamp", "and a chair"); err != nil {
		log.Fatal(err)
	}

	claim, err := inbox.Claim(ctx, queue, 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	_, err = inbox.Claim(ctx, queue, 1, time.Minute)
	fmt.Println(errors.Is(err, symphony.ErrBusy))

	if err := claim.Ack(ctx); err != nil {
		log.Fatal(err)
	}
	claim, err = inbox.Claim(ctx, queue, 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(claim.Items[0].Value)
	// Output:
	// true
	// and a chair
}

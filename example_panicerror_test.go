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

// If a handler panics, its worker continues, and OnError receives a PanicError.
func ExamplePanicError() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	mail, err := symphony.NewBatch[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := mail.Enqueue(ctx, symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}, "hello"); err != nil {
		log.Fatal(err)
	}

	send := func(context.Context, string, symphony.Queue, []listrepo.Item[string]) error { panic("no template") }
	err = symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{OnError: func(err *symphony.WorkError) {
		var panicked *symphony.PanicError
		if errors.As(err, &panicked) {
			fmt.Println(err.Tenant, err.Queue.Action, panicked.Value)
			stop()
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	// Output: acme send no template
}

package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A worker of the service "mail" handles the items of all tenants.
func ExampleWorkBatches() {
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
	queue := symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}
	if _, err := mail.Enqueue(ctx, queue, "hello", "are you there?"); err != nil {
		log.Fatal(err)
	}

	send := func(_ context.Context, tenant string, q symphony.Queue, items []listrepo.Item[string]) error {
		for _, item := range items {
			fmt.Println(tenant, q.Entity, item.Value)
		}
		stop() // a service goes on
		return nil
	}
	if err := symphony.WorkBatches(ctx, pools, "mail", send, symphony.WorkConfig{MaxAttempts: 5}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// acme u1 hello
	// acme u1 are you there?
}

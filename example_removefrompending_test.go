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

// RemoveFromPending is for a worker with a loop of its own. While the tenant
// has items, it reports false and the tenant stays pending.
func ExampleRemoveFromPending() {
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
	if _, err := mail.Enqueue(ctx, queue, "hello"); err != nil {
		log.Fatal(err)
	}

	removed, err := symphony.RemoveFromPending(ctx, pools, "mail", "acme")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed)
	send := func(context.Context, []listrepo.Item[string]) error { return nil }
	if _, err := mail.Process(ctx, queue, 100, send); err != nil {
		log.Fatal(err)
	}
	removed, err = symphony.RemoveFromPending(ctx, pools, "mail", "acme")
	fmt.Println(removed, err)
	// Output:
	// false
	// true <nil>
}

package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A tenant is removed although it has items. The items stay in their queue.
func ExampleForceRemoveFromPending() {
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

	if err := symphony.ForceRemoveFromPending(ctx, pools, "mail", "acme"); err != nil {
		log.Fatal(err)
	}
	tenants, err := symphony.PendingTenants(ctx, pools, "mail")
	if err != nil {
		log.Fatal(err)
	}
	length, err := mail.Len(ctx, queue)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(tenants), "tenants,", length, "item")
	// Output: 0 tenants, 1 item
}

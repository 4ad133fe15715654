package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// PendingTenants lists the tenants whose queues of a service have items.
func ExamplePendingTenants() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	for _, tenant := range []string{"globex", "acme"} {
		mail, err := symphony.NewBatch[string](pools, tenant)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := mail.Enqueue(ctx, symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}, "hello"); err != nil {
			log.Fatal(err)
		}
	}

	tenants, err := symphony.PendingTenants(ctx, pools, "mail")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tenants)
	// Output: [acme globex]
}

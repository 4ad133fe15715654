package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Erase removes everything that a tenant has. A dry run counts it first.
func ExampleErase() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	for _, tenant := range []string{"acme", "other"} {
		notes, err := symphony.NewGeneric[string](pools, tenant)
		if err != nil {
			log.Fatal(err)
		}
		if err := notes.Set(ctx, "greeting", "hello"); err != nil {
			log.Fatal(err)
		}
		jobs, err := symphony.NewBatch[string](pools, tenant)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := jobs.Enqueue(ctx, symphony.Queue{Service: "mail", Entity: "u1", Action: "send"}, "one", "two"); err != nil {
			log.Fatal(err)
		}
	}

	dry, err := symphony.Erase(ctx, pools, "acme", symphony.DryRun())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("values:", dry.Removed[symphony.KindGeneric], "items:", dry.Removed[symphony.KindWaiting])

	erased, err := symphony.Erase(ctx, pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("left:", len(erased.Left))
	for s, err := range symphony.Tenants(ctx, pools) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("still there:", s.Tenant)
	}
	// Output:
	// values: 1 items: 2
	// left: 0
	// still there: other
}

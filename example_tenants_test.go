package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Tenants yields each tenant with the numbers of what it has.
func ExampleTenants() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	notes, err := symphony.NewGeneric[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := notes.Set(ctx, "greeting", "hello"); err != nil {
		log.Fatal(err)
	}
	reminders, err := symphony.NewTrigger(pools, "other")
	if err != nil {
		log.Fatal(err)
	}
	if err := reminders.Set(ctx, "remind", "u1", time.Hour); err != nil {
		log.Fatal(err)
	}

	for s, err := range symphony.Tenants(ctx, pools) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(s.Tenant, "values:", s.Keys[symphony.KindGeneric], "triggers:", s.Keys[symphony.KindTrigger])
	}
	// Output:
	// acme values: 1 triggers: 0
	// other values: 0 triggers: 1
}

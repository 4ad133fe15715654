package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/expiry"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// List shows what a tenant's triggers do.
func ExampleTrigger_List() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	reminders, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := reminders.SetPayload(ctx, "remind", "u1", "call back", time.Hour); err != nil {
		log.Fatal(err)
	}

	for e, err := range reminders.List(ctx, expiry.StatePending, expiry.StateRunning) {
		if err != nil {
			log.Fatal(err)
		}
		var text string
		if err := e.Decode(&text); err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.State, e.Action, e.ID, text)
	}
	// Output: pending remind u1 call back
}

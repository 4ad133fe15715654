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

// SetEvery sets a recurring trigger. Every start of a program may call it: with
// the same period, the trigger stays due when it is.
func ExampleTrigger_SetEvery() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	triggers, err := symphony.NewTrigger(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	if err := triggers.SetEvery(ctx, "sync", "shop1", 15*time.Minute); err != nil {
		log.Fatal(err)
	}
	first, err := triggers.Due(ctx, "sync", "shop1")
	if err != nil {
		log.Fatal(err)
	}
	if err := triggers.SetEvery(ctx, "sync", "shop1", 15*time.Minute); err != nil {
		log.Fatal(err)
	}
	again, err := triggers.Due(ctx, "sync", "shop1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(time.Until(first).Round(time.Minute), again.Equal(first))
	fmt.Println(triggers.SetEvery(ctx, "sync", "shop1", 15))
	// Output:
	// 15m0s true
	// symphony: SetEvery "acme:EXPTRIGGER:sync:shop1" (pool expiry): invalid schedule: the period is 15ns; the unit of 15 is missing: write 15*time.Second
}

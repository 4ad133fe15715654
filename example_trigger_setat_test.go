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

// SetAt sets a trigger for a time, in place of a delay.
func ExampleTrigger_SetAt() {
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

	newYear := time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC)
	if err := triggers.SetAt(ctx, "greet", "u1", newYear); err != nil {
		log.Fatal(err)
	}
	due, err := triggers.Due(ctx, "greet", "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(due.UTC().Format(time.DateTime))
	// Output: 2100-01-01 00:00:00
}

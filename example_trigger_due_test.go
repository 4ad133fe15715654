package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Due returns when a trigger will fire. If none is set, it returns ErrNotFound.
func ExampleTrigger_Due() {
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
	if err := triggers.Set(ctx, "remind", "u1", 48*time.Hour); err != nil {
		log.Fatal(err)
	}

	for _, id := range []string{"u1", "u2"} {
		due, err := triggers.Due(ctx, "remind", id)
		switch {
		case errors.Is(err, symphony.ErrNotFound):
			fmt.Println("no reminder for", id)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(time.Until(due).Round(time.Hour))
		}
	}
	// Output:
	// 48h0m0s
	// no reminder for u2
}

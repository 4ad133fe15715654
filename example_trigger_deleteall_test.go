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

// DeleteAll cancels the triggers of every action for one id.
func ExampleTrigger_DeleteAll() {
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
	for _, action := range []string{"remind", "expire", "archive"} {
		if err := triggers.Set(ctx, action, "order7", time.Hour); err != nil {
			log.Fatal(err)
		}
	}
	if err := triggers.Set(ctx, "remind", "order8", time.Hour); err != nil {
		log.Fatal(err)
	}

	deleted, err := triggers.DeleteAll(ctx, "order7")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(deleted)
	// Output: 3
}

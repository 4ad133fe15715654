package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// States lists the names of a user's states. Clear removes them all.
func ExampleSharedState_Clear() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	scratch, err := symphony.NewSharedState(pools, "acme", "u1")
	if err != nil {
		log.Fatal(err)
	}
	if err := scratch.Upsert(ctx, "search", symphony.Fields{"query": "cups"}); err != nil {
		log.Fatal(err)
	}
	if err := scratch.Upsert(ctx, "map", symphony.Fields{"zoom": 12}); err != nil {
		log.Fatal(err)
	}

	states, err := scratch.States(ctx)
	if err != nil {
		log.Fatal(err)
	}
	removed, err := scratch.Clear(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(states, removed)
	// Output: [map search] 2
}

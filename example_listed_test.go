package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With Listed, States and Clear read the list of the user's states and not the
// whole database.
func ExampleListed() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	scratch, err := symphony.NewSharedState(pools, "acme", "u1", symphony.Listed())
	if err != nil {
		log.Fatal(err)
	}
	for _, err := range scratch.Reindex(ctx) { // once for each user
		if err != nil {
			log.Fatal(err)
		}
	}
	for _, state := range []string{"search", "map"} {
		if err := scratch.Upsert(ctx, state, symphony.Fields{"step": 1}); err != nil {
			log.Fatal(err)
		}
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

package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The tools that work for one user share a SharedState.
func ExampleNewSharedState() {
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

	// One tool writes,
	if err := scratch.Upsert(ctx, "search", symphony.Fields{"query": "cups", "hits": 3}); err != nil {
		log.Fatal(err)
	}
	// another reads the fields that it needs, as the types that it needs.
	values, err := scratch.Get(ctx, "search")
	if err != nil {
		log.Fatal(err)
	}
	hits, err := values["hits"].Int()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values["query"], hits)
	// Output: cups 3
}

package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Upsert writes the fields that it is given and keeps the others. A nil removes
// its field.
func ExampleFields() {
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

	if err := scratch.Upsert(ctx, "search", symphony.Fields{"query": "cups", "page": 1}); err != nil {
		log.Fatal(err)
	}
	if err := scratch.Upsert(ctx, "search", symphony.Fields{"page": nil, "sort": "price"}); err != nil {
		log.Fatal(err)
	}
	values, err := scratch.Get(ctx, "search")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values)
	// Output: map[query:cups sort:price]
}

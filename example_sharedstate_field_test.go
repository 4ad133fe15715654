package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// UpdateField and GetField are for a single field of a state.
func ExampleSharedState_UpdateField() {
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

	if err := scratch.UpdateField(ctx, "search", "filters", []string{"red", "large"}); err != nil {
		log.Fatal(err)
	}
	var filters []string
	if err := scratch.GetField(ctx, "search", "filters", &filters); err != nil {
		log.Fatal(err)
	}
	fmt.Println(filters)
	// Output: [red large]
}

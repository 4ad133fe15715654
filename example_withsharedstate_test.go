package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// countCups is a tool. It finds the shared state of its user in the context.
func countCups(ctx context.Context) error {
	state, ok := symphony.SharedStateFrom(ctx)
	if !ok {
		return errors.New("no user")
	}
	return state.UpdateField(ctx, "search", "cups", 3)
}

// Work without a request, such as a test or a queue's handler, puts the shared
// state into the context itself.
func ExampleWithSharedState() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	state, err := symphony.NewSharedState(pools, "acme", "u1")
	if err != nil {
		log.Fatal(err)
	}

	if err := countCups(symphony.WithSharedState(ctx, state)); err != nil {
		log.Fatal(err)
	}
	values, err := state.Get(ctx, "search")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values["cups"])
	// Output: 3
}

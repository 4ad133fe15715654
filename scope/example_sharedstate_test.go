package scope_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
	"github.com/symphony-go/symphony/scope"
)

// With symphony.BindSharedState as a binder, the work of a queue or a trigger
// reads the shared state of its user from the context.
func ExampleBind_sharedState() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	bound, err := scope.Bind(ctx, scope.Identity{Tenant: "acme", User: "u1"}, symphony.BindSharedState(pools))
	if err != nil {
		log.Fatal(err)
	}

	state, ok := symphony.SharedStateFrom(bound)
	if !ok {
		log.Fatal("no shared state")
	}
	if err := state.UpdateField(bound, "search", "query", "cups"); err != nil {
		log.Fatal(err)
	}
	states, err := state.States(bound)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(states)
	// Output: [search]
}

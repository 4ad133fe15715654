package scope_test

import (
	"context"
	"fmt"

	"github.com/symphony-go/symphony/scope"
)

// An Identity is a user of a tenant. With adds it to a context, and From
// returns it.
func ExampleIdentity() {
	ctx := scope.With(context.Background(), scope.Identity{Tenant: "acme", User: "alice"})

	if id, ok := scope.From(ctx); ok {
		fmt.Println(id.Tenant, id.User)
	}
	// Output: acme alice
}

package scope_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/scope"
)

// Bind adds an identity to the context of work that begins without a request,
// such as the work of a queue.
func ExampleBind() {
	ctx, err := scope.Bind(context.Background(), scope.Identity{Tenant: "acme", User: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	id, ok := scope.From(ctx)
	fmt.Println(id.Tenant, id.User, ok)
	// Output: acme alice true
}

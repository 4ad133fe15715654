package scope_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/scope"
)

var region = scope.NewKey[string]("region")

// regionOf returns a binder that adds the region of the tenant. If the tenant
// has no region, the middleware responds with 503.
func regionOf(regions map[string]string) scope.Binder {
	return func(ctx context.Context, id scope.Identity) (context.Context, error) {
		name, ok := regions[id.Tenant]
		if !ok {
			return nil, errors.New("no region for " + id.Tenant)
		}
		return region.With(ctx, name), nil
	}
}

// A Binder adds a value of the program to the context.
func ExampleBinder() {
	bind := regionOf(map[string]string{"acme": "eu"})

	ctx, err := scope.Bind(context.Background(), scope.Identity{Tenant: "acme", User: "alice"}, bind)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(region.From(ctx))
	_, err = scope.Bind(context.Background(), scope.Identity{Tenant: "globex", User: "bob"}, bind)
	fmt.Println(err)
	// Output:
	// eu true
	// no region for globex
}

package kvrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// On uses another pool than the one that New was given.
func ExampleOn() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:limit:{name}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	limits, err := kvrepo.New[int](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	elsewhere := limits.With(kvrepo.On(pool.Handlers))

	if err := elsewhere.Set(ctx, "users", 100); err != nil {
		log.Fatal(err)
	}
	here, err := limits.Exists(ctx, "users")
	if err != nil {
		log.Fatal(err)
	}
	there, err := elsewhere.Exists(ctx, "users")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(here, there)
	// Output: false true
}

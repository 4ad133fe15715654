package kvrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With IfAbsent only the first of several writers succeeds.
func ExampleIfAbsent() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:winner:{game}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	winners, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	first := winners.With(kvrepo.IfAbsent())

	for _, name := range []string{"Alice", "Bob"} {
		err := first.Set(ctx, "g1", name)
		switch {
		case errors.Is(err, kvrepo.ErrExists):
			fmt.Println(name, "is too late")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(name, "wins")
		}
	}
	// Output:
	// Alice wins
	// Bob is too late
}

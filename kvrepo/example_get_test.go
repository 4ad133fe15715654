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

// If there is no value, Get returns ErrNotFound.
func ExampleKVRepo_Get() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:name:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	names, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := names.Set(ctx, "u1", "Alice"); err != nil {
		log.Fatal(err)
	}

	for _, id := range []string{"u1", "u2"} {
		name, err := names.Get(ctx, id)
		switch {
		case errors.Is(err, kvrepo.ErrNotFound):
			fmt.Println("nobody is", id)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(name)
		}
	}
	// Output:
	// Alice
	// nobody is u2
}

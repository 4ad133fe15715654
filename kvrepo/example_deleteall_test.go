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

// DeleteAll removes all values of the space of the repository, and of no other.
func ExampleKVRepo_DeleteAll() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:note:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	notes, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := notes.Set(ctx, "a", "first"); err != nil {
		log.Fatal(err)
	}
	if err := notes.Set(ctx, "b", "second"); err != nil {
		log.Fatal(err)
	}

	removed, err := notes.DeleteAll(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed)
	// Output: 2
}

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

// Delete returns the number of values that existed.
func ExampleKVRepo_Delete() {
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
	for _, id := range []string{"a", "b", "c"} {
		if err := notes.Set(ctx, id, "text"); err != nil {
			log.Fatal(err)
		}
	}

	removed, err := notes.Delete(ctx, "a", "missing")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed)
	// Output: 1
}

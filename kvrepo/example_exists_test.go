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

// Exists reports whether there is a value, without reading it.
func ExampleKVRepo_Exists() {
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
	for _, id := range []string{"a", "b"} {
		exists, err := notes.Exists(ctx, id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, exists)
	}
	// Output:
	// a true
	// b false
}

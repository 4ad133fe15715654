package kvrepo_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// IDs yields the IDs of the values, in no order.
func ExampleKVRepo_IDs() {
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
	if err := notes.Set(ctx, "b", "second"); err != nil {
		log.Fatal(err)
	}
	if err := notes.Set(ctx, "a", "first"); err != nil {
		log.Fatal(err)
	}

	var ids []string
	for id, err := range notes.IDs(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	fmt.Println(ids)
	// Output: [a b]
}

package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Badge struct {
	Owner string `redis:"owner"`
	Photo []byte `redis:"photo"`
}

// GetField reads one field of a record. The large one is not sent.
func ExampleHashRepo_GetField() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:badge:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	badges, err := hashrepo.New[Badge](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := badges.Upsert(ctx, "b1", Badge{Owner: "Alice", Photo: make([]byte, 1<<20)}); err != nil {
		log.Fatal(err)
	}

	var owner string
	if err := badges.GetField(ctx, "b1", "owner", &owner); err != nil {
		log.Fatal(err)
	}
	fmt.Println(owner)
	// Output: Alice
}

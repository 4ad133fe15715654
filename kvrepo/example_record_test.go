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

// A Record is a value with its ID.
func ExampleRecord() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:score:{player}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	scores, err := kvrepo.New[int](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	records := []kvrepo.Record[int]{{ID: "alice", Value: 3}, {ID: "bob", Value: 5}}
	if err := scores.SetMany(ctx, records...); err != nil {
		log.Fatal(err)
	}
	bob, err := scores.Get(ctx, "bob")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bob)
	// Output: 5
}

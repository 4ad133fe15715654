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

type Ticket struct {
	Subject string `redis:"subject"`
}

// Delete reports how many of the records existed.
func ExampleHashRepo_Delete() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:ticket:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	tickets, err := hashrepo.New[Ticket](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := tickets.Upsert(ctx, "t1", Ticket{Subject: "help"}); err != nil {
		log.Fatal(err)
	}

	removed, err := tickets.Delete(ctx, "t1", "t2")
	if err != nil {
		log.Fatal(err)
	}
	exists, err := tickets.Exists(ctx, "t1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(removed, exists)
	// Output: 1 false
}

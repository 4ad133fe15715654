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

type Neighbour struct {
	Name string `redis:"name,index"`
}

var neighbourName = hashrepo.TextOf(func(c *Neighbour) *string { return &c.Name })

// Prefix is a condition of Find: the text begins with a prefix.
func ExampleText_Prefix() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:neighbour:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	neighbours, err := hashrepo.New[Neighbour](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range neighbours.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := neighbours.UpsertMany(ctx,
		hashrepo.Record[Neighbour]{ID: "c1", Value: Neighbour{Name: "Anna"}},
		hashrepo.Record[Neighbour]{ID: "c2", Value: Neighbour{Name: "Bob"}},
		hashrepo.Record[Neighbour]{ID: "c3", Value: Neighbour{Name: "Andrea"}},
	); err != nil {
		log.Fatal(err)
	}

	for neighbour, err := range neighbours.Find(ctx, neighbourName.Prefix("An")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(neighbour.ID)
	}
	// Output:
	// c3
	// c1
}

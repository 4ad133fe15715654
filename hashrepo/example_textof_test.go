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

type Street struct {
	Name string `redis:"name,index"`
}

var streetName = hashrepo.TextOf(func(s *Street) *string { return &s.Name })

// The handle of a string has Prefix beside the methods of every handle.
func ExampleTextOf() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:street:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	streets, err := hashrepo.New[Street](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range streets.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := streets.UpsertMany(ctx,
		hashrepo.Record[Street]{ID: "s1", Value: Street{Name: "Main Street"}},
		hashrepo.Record[Street]{ID: "s2", Value: Street{Name: "Park Avenue"}},
	); err != nil {
		log.Fatal(err)
	}

	for street, err := range streets.Find(ctx, streetName.Prefix("Main")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(street.ID)
	}
	// Output:
	// s1
}

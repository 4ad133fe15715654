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

type Shirt struct {
	Size string `redis:"size,index"`
}

var shirtSize = hashrepo.FieldOf(func(s *Shirt) *string { return &s.Size })

// In is a condition of Find: the field equals one of several values.
func ExampleField_In() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:shirt:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	shirts, err := hashrepo.New[Shirt](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range shirts.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := shirts.UpsertMany(ctx,
		hashrepo.Record[Shirt]{ID: "s1", Value: Shirt{Size: "S"}},
		hashrepo.Record[Shirt]{ID: "s2", Value: Shirt{Size: "L"}},
		hashrepo.Record[Shirt]{ID: "s3", Value: Shirt{Size: "M"}},
	); err != nil {
		log.Fatal(err)
	}

	for shirt, err := range shirts.Find(ctx, shirtSize.In("S", "M")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(shirt.ID)
	}
	// Output:
	// s3
	// s1
}

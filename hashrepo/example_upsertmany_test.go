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

type Price struct {
	Cents int64 `redis:"cents"`
}

// UpsertMany writes many records in one round trip. Each write is atomic, but
// all of them together are not: the error joins those that failed.
func ExampleHashRepo_UpsertMany() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:price:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	prices, err := hashrepo.New[Price](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	err = prices.UpsertMany(ctx,
		hashrepo.Record[Price]{ID: "cup", Value: Price{Cents: 450}},
		hashrepo.Record[Price]{ID: "plate", Value: Price{Cents: 700}},
	)
	if err != nil {
		log.Fatal(err)
	}
	plate, err := prices.Get(ctx, "plate")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(plate.Cents)
	// Output: 700
}

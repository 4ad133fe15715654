package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Product struct {
	Name  string `redis:"name"`
	Cents int64  `redis:"cents"`
}

// A Table holds rows by primary key.
func ExampleNewTable() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	products, err := symphony.NewTable[Product](pools, "acme", "products")
	if err != nil {
		log.Fatal(err)
	}

	err = products.UpsertMany(ctx,
		hashrepo.Record[Product]{ID: "1", Value: Product{"cup", 450}},
		hashrepo.Record[Product]{ID: "2", Value: Product{"plate", 700}})
	if err != nil {
		log.Fatal(err)
	}
	rows, err := products.GetMany(ctx, "1", "2")
	if err != nil {
		log.Fatal(err)
	}
	for _, row := range rows {
		fmt.Println(row.ID, row.Value.Name, row.Value.Cents)
	}
	// Output:
	// 1 cup 450
	// 2 plate 700
}

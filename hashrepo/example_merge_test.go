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

type Basket struct {
	Items []string `redis:"items"`
	Cents int64    `redis:"cents"`
}

var (
	basketItems = hashrepo.ListOf(func(b *Basket) *[]string { return &b.Items })
	basketCents = hashrepo.NumberOf(func(b *Basket) *int64 { return &b.Cents })
)

// Merge is Update that also returns the record as it is after the change.
func ExampleHashRepo_Merge() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:basket:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	baskets, err := hashrepo.New[Basket](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := baskets.Upsert(ctx, "b1", Basket{Items: []string{"cup"}, Cents: 450}); err != nil {
		log.Fatal(err)
	}

	basket, err := baskets.Merge(ctx, "b1", basketItems.Append("plate"), basketCents.Add(700))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(basket.Items, basket.Cents)
	// Output: [cup plate] 1150
}

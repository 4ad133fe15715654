package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type StockItem struct {
	Stock int64 `redis:"stock"`
	Sold  int64 `redis:"sold"`
}

var (
	stockLeft = hashrepo.NumberOf(func(a *StockItem) *int64 { return &a.Stock })
	stockSold = hashrepo.NumberOf(func(a *StockItem) *int64 { return &a.Sold })
)

// A stock does not fall below zero, and what is not in stock is not sold.
func ExampleAddition() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:item:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	items, err := hashrepo.New[StockItem](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := items.Upsert(ctx, "cup", StockItem{Stock: 5}); err != nil {
		log.Fatal(err)
	}

	for range 2 {
		err := items.Update(ctx, "cup", stockLeft.Add(-3).AtLeast(0), stockSold.Add(3))
		fmt.Println("sold out:", errors.Is(err, hashrepo.ErrOutOfRange))
	}
	item, err := items.Get(ctx, "cup")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%+v\n", item)
	// Output:
	// sold out: false
	// sold out: true
	// {Stock:2 Sold:3}
}

// Apply returns the sum.
func ExampleAddition_Apply() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:item:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	items, err := hashrepo.New[StockItem](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	stock, err := stockLeft.Add(40).AtMost(50).Apply(ctx, items, "cup")
	fmt.Println(stock, err)
	_, err = stockLeft.Add(40).AtMost(50).Apply(ctx, items, "cup")
	fmt.Println(errors.Is(err, hashrepo.ErrOutOfRange))
	// Output:
	// 40 <nil>
	// true
}

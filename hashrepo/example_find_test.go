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

type Order struct {
	Item string `redis:"item"`
	Paid bool   `redis:"paid"`
}

var orderPaid = hashrepo.FieldOf(func(o *Order) *bool { return &o.Paid })

// Find yields the records that meet every condition.
func ExampleHashRepo_Find() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:order:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	orders, err := hashrepo.New[Order](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	err = orders.UpsertMany(ctx,
		hashrepo.Record[Order]{ID: "1", Value: Order{"cup", true}},
		hashrepo.Record[Order]{ID: "2", Value: Order{"plate", false}})
	if err != nil {
		log.Fatal(err)
	}

	for order, err := range orders.Find(ctx, orderPaid.Eq(false)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(order.ID, order.Value.Item)
	}
	// Output: 2 plate
}

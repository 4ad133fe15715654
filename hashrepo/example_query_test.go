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

type Bill struct {
	Cents int `redis:"cents,index"`
}

var billCents = hashrepo.NumberOf(func(i *Bill) *int { return &i.Cents })

// A Query has conditions, an order, and the greatest number of records.
func ExampleQuery() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:bill:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	bills, err := hashrepo.New[Bill](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range bills.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := bills.UpsertMany(ctx,
		hashrepo.Record[Bill]{ID: "i1", Value: Bill{Cents: 500}},
		hashrepo.Record[Bill]{ID: "i2", Value: Bill{Cents: 20_000}},
		hashrepo.Record[Bill]{ID: "i3", Value: Bill{Cents: 15_000}},
	); err != nil {
		log.Fatal(err)
	}

	large := hashrepo.Query[Bill]{
		Where: []hashrepo.Cond[Bill]{billCents.AtLeast(10_000)},
		Order: billCents.Desc(),
		Limit: 20,
	}
	page, err := bills.Page(ctx, large)
	if err != nil {
		log.Fatal(err)
	}
	for _, bill := range page.Records {
		fmt.Println(bill.ID)
	}
	// Output:
	// i2
	// i3
}

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

type Seat struct {
	Table int `redis:"table,index"`
}

var seatTable = hashrepo.NumberOf(func(g *Seat) *int { return &g.Table })

// The zero Order is that of the ids. An order by a field needs an index.
func ExampleOrder() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:seat:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	seats, err := hashrepo.New[Seat](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range seats.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := seats.UpsertMany(ctx,
		hashrepo.Record[Seat]{ID: "zoe", Value: Seat{Table: 1}},
		hashrepo.Record[Seat]{ID: "ann", Value: Seat{Table: 2}},
	); err != nil {
		log.Fatal(err)
	}

	for _, order := range []hashrepo.Order[Seat]{{}, seatTable.Asc()} {
		page, err := seats.Page(ctx, hashrepo.Query[Seat]{Order: order, Limit: 10})
		if err != nil {
			log.Fatal(err)
		}
		for _, seat := range page.Records {
			fmt.Print(seat.ID, " ")
		}
	}
	// Output:
	// ann zoe zoe ann
}

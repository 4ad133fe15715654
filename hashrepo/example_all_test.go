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

type Expense struct {
	Cents int64 `redis:"cents"`
}

// All yields every record of the space, in no order. If one record cannot be
// read, All yields its ID with an error, and the loop goes on.
func ExampleHashRepo_All() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:expense:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	expenses, err := hashrepo.New[Expense](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := expenses.Upsert(ctx, "taxi", Expense{Cents: 1850}); err != nil {
		log.Fatal(err)
	}
	if err := expenses.Upsert(ctx, "hotel", Expense{Cents: 9900}); err != nil {
		log.Fatal(err)
	}

	var total int64
	for expense, err := range expenses.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		total += expense.Value.Cents
	}
	fmt.Println(total)
	// Output: 11750
}

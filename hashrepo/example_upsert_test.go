package hashrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Home struct {
	Street string `redis:"street"`
	Zip    string `redis:"zip"`
}

type Customer struct {
	Name  string    `redis:"name"`
	Since time.Time `redis:"since"`
	Home  Home      `redis:"home"`
	Tags  []string  `redis:"tags"`
}

// Upsert writes every field of a record, and Get returns an equal one.
func ExampleHashRepo_Upsert() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:customer:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	customers, err := hashrepo.New[Customer](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	err = customers.Upsert(ctx, "c1", Customer{
		Name:  "Alice",
		Since: time.Date(2026, 5, 6, 0, 0, 0, 0, time.UTC),
		Home:  Home{Street: "Cra 7", Zip: "110111"},
		Tags:  []string{"gold"},
	})
	if err != nil {
		log.Fatal(err)
	}
	customer, err := customers.Get(ctx, "c1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(customer.Name, customer.Since.Year(), customer.Home.Street, customer.Tags)
	// Output: Alice 2026 Cra 7 [gold]
}

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

type Contract struct {
	Title string `redis:"title"`
	Days  int    `redis:"days"`
}

var (
	contractTitle = hashrepo.FieldOf(func(c *Contract) *string { return &c.Title })
	contractDays  = hashrepo.FieldOf(func(c *Contract) *int { return &c.Days })
)

// Patches are values. The handler of an HTTP PATCH collects one for each field
// that the request holds.
func ExamplePatch() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:contract:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	contracts, err := hashrepo.New[Contract](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := contracts.Upsert(ctx, "c1", Contract{Title: "Rent", Days: 30}); err != nil {
		log.Fatal(err)
	}

	var request struct{ Title, Days *int } // what the client sent
	days := 60
	request.Days = &days

	var patches []hashrepo.Patch[Contract]
	if request.Days != nil {
		patches = append(patches, contractDays.Set(*request.Days))
	}
	contract, err := contracts.Merge(ctx, "c1", patches...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(contract.Title, contract.Days)
	// Output: Rent 60
}

package hashrepo_test

import (
	"context"
	"encoding/json"
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

// contractChange is the body of an HTTP PATCH. An absent field stays nil.
type contractChange struct {
	Title *string `json:"title"`
	Days  *int    `json:"days"`
}

func (c contractChange) patches() []hashrepo.Patch[Contract] {
	var patches []hashrepo.Patch[Contract]
	if c.Title != nil {
		patches = append(patches, contractTitle.Set(*c.Title))
	}
	if c.Days != nil {
		patches = append(patches, contractDays.Set(*c.Days))
	}
	return patches
}

// Patches are values. A service collects one for each field of a request.
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

	var change contractChange
	if err := json.Unmarshal([]byte(`{"days": 60}`), &change); err != nil {
		log.Fatal(err)
	}
	contract, err := contracts.Merge(ctx, "c1", change.patches()...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(contract.Title, contract.Days)
	// Output: Rent 60
}

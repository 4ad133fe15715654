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

type Parcel struct {
	City  string  `redis:"city"`
	Owner *string `redis:"owner"`
}

var (
	parcelCity  = hashrepo.FieldOf(func(p *Parcel) *string { return &p.City })
	parcelOwner = hashrepo.FieldOf(func(p *Parcel) **string { return &p.Owner })
)

// Eq is a condition of Find. The condition for nil is that the field is absent.
func ExampleField_Eq() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:parcel:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	parcels, err := hashrepo.New[Parcel](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	owner := "Alice"
	if err := parcels.Upsert(ctx, "p1", Parcel{City: "Cali", Owner: &owner}); err != nil {
		log.Fatal(err)
	}
	if err := parcels.Upsert(ctx, "p2", Parcel{City: "Cali"}); err != nil {
		log.Fatal(err)
	}

	for parcel, err := range parcels.Find(ctx, parcelCity.Eq("Cali"), parcelOwner.Eq(nil)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(parcel.ID)
	}
	// Output: p2
}

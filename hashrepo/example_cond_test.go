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

type Flat struct {
	City  string `redis:"city"`
	Rooms int    `redis:"rooms"`
}

var (
	flatCity  = hashrepo.FieldOf(func(f *Flat) *string { return &f.City })
	flatRooms = hashrepo.NumberOf(func(f *Flat) *int { return &f.Rooms })
)

// Conditions are values. A search form collects one for each field that the
// user filled in.
func ExampleCond() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:flat:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	flats, err := hashrepo.New[Flat](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := flats.Upsert(ctx, "f1", Flat{City: "Bogotá", Rooms: 2}); err != nil {
		log.Fatal(err)
	}
	if err := flats.Upsert(ctx, "f2", Flat{City: "Bogotá", Rooms: 4}); err != nil {
		log.Fatal(err)
	}

	conds := []hashrepo.Cond[Flat]{flatCity.Eq("Bogotá")}
	if rooms := 4; rooms > 0 {
		conds = append(conds, flatRooms.Eq(rooms))
	}
	for flat, err := range flats.Find(ctx, conds...) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(flat.ID)
	}
	// Output: f2
}

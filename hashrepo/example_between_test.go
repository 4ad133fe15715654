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

type Reservation struct {
	Day int `redis:"day,index"`
}

var reservationDay = hashrepo.NumberOf(func(b *Reservation) *int { return &b.Day })

// Between includes its lower bound and not its upper one.
func ExampleField_Between() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	space, err := keyspace.MustCompile("{tenant}:reservation:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	reservations, err := hashrepo.New[Reservation](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	// An empty space is indexed at once. Indexes are used from now on.
	for _, err := range reservations.Reindex(ctx) {
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := reservations.UpsertMany(ctx,
		hashrepo.Record[Reservation]{ID: "b1", Value: Reservation{Day: 9}},
		hashrepo.Record[Reservation]{ID: "b2", Value: Reservation{Day: 10}},
		hashrepo.Record[Reservation]{ID: "b3", Value: Reservation{Day: 20}},
	); err != nil {
		log.Fatal(err)
	}

	for reservation, err := range reservations.Find(ctx, reservationDay.Between(10, 20)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(reservation.ID)
	}
	// Output:
	// b2
}

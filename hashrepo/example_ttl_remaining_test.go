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

type Booking struct {
	Seat string `redis:"seat"`
}

// TTL returns the remaining lifetime of a record, or NoExpiry if it has none.
func ExampleHashRepo_TTL() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:booking:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	bookings, err := hashrepo.New[Booking](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := bookings.Upsert(ctx, "t1", Booking{Seat: "7A"}); err != nil {
		log.Fatal(err)
	}
	if err := bookings.With(hashrepo.NoTTL()).Upsert(ctx, "t2", Booking{Seat: "7B"}); err != nil {
		log.Fatal(err)
	}

	left, err := bookings.TTL(ctx, "t1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left.Round(time.Hour))
	left, err = bookings.TTL(ctx, "t2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left == hashrepo.NoExpiry)
	// Output:
	// 24h0m0s
	// true
}

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

type Shipment struct {
	Item string `redis:"item"`
	Paid bool   `redis:"paid"`
}

// At returns the handle of a field by its stored name, for names that are data.
// If there is no such field, the call that uses it returns
// ErrUnknownField.
func ExampleAt() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:shipment:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	shipments, err := hashrepo.New[Shipment](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := shipments.Upsert(ctx, "1", Shipment{"cup", true}); err != nil {
		log.Fatal(err)
	}
	if err := shipments.Upsert(ctx, "2", Shipment{"plate", false}); err != nil {
		log.Fatal(err)
	}

	paid := hashrepo.At[Shipment]("paid")
	for shipment, err := range shipments.Find(ctx, paid.Eq(false)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(shipment.ID, shipment.Value.Item)
	}
	// Output: 2 plate
}

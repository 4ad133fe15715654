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

type Coupon struct {
	Code    string `redis:"code"`
	Percent int    `redis:"percent"`
}

// FindByField is FindOne for a field that is given by its stored name.
func ExampleHashRepo_FindByField() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:coupon:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	coupons, err := hashrepo.New[Coupon](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := coupons.Upsert(ctx, "1", Coupon{Code: "SPRING", Percent: 10}); err != nil {
		log.Fatal(err)
	}

	coupon, err := coupons.FindByField(ctx, "code", "SPRING")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(coupon.ID, coupon.Value.Percent)
	// Output: 1 10
}

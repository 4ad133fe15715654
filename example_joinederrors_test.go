package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The error of a call with many records has a short text, and wraps the errors
// of all records that failed.
func Example_errorsOfManyRecords() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	type Coupon struct {
		Percent int `redis:"percent"`
	}
	coupons, err := symphony.NewTable[Coupon](pools, "acme", "coupons", symphony.IfAbsent())
	if err != nil {
		log.Fatal(err)
	}
	records := make([]hashrepo.Record[Coupon], 1500)
	for i := range records {
		records[i] = hashrepo.Record[Coupon]{ID: fmt.Sprintf("c%d", i), Value: Coupon{Percent: 10}}
	}
	if err := coupons.Upsert(ctx, "c1499", Coupon{Percent: 50}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(coupons.UpsertMany(ctx, records...))

	err = coupons.UpsertMany(ctx, records...)
	lines := strings.Split(err.Error(), "\n")
	fmt.Println(lines[len(lines)-1])

	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		exist := 0
		for _, err := range all.Unwrap() {
			var op *symphony.OpError
			if errors.Is(err, symphony.ErrExists) && errors.As(err, &op) && op.Key != "" {
				exist++
			}
		}
		fmt.Println(exist, "exist already")
	}
	// Output:
	// symphony: UpsertMany (pool handlers): UpsertMany "acme:df:coupons:pkid:c1499" (pool handlers): record already exists
	// ... and 1,490 more
	// 1500 exist already
}

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

type Voucher struct {
	Percent int `redis:"percent"`
}

// Exists reports whether a record exists, without reading it.
func ExampleHashRepo_Exists() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:voucher:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	vouchers, err := hashrepo.New[Voucher](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := vouchers.Upsert(ctx, "spring", Voucher{Percent: 20}); err != nil {
		log.Fatal(err)
	}

	for _, id := range []string{"spring", "summer"} {
		exists, err := vouchers.Exists(ctx, id)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(id, exists)
	}
	// Output:
	// spring true
	// summer false
}

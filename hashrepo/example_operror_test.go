package hashrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Passport struct {
	Number string `redis:"number"`
}

// An OpError names the operation and the key. MaybeApplied reports
// whether a write may have reached Redis although it failed.
func ExampleOpError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:passport:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	passports, err := hashrepo.New[Passport](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	_, err = passports.Get(ctx, "nobody")
	var op *hashrepo.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Pool, op.Key, op.MaybeApplied())
	}
	// Output: Get default acme:passport:nobody false
}

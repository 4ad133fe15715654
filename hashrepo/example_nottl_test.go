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

type Country struct {
	Name string `redis:"name"`
}

// With NoTTL, records stay until they are deleted.
func ExampleNoTTL() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:country:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	countries, err := hashrepo.New[Country](pools, pool.Default, space, hashrepo.NoTTL())
	if err != nil {
		log.Fatal(err)
	}
	if err := countries.Upsert(ctx, "co", Country{Name: "Colombia"}); err != nil {
		log.Fatal(err)
	}

	left, err := countries.TTL(ctx, "co")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left == hashrepo.NoExpiry)
	// Output: true
}

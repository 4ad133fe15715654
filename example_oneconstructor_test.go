package symphony_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Customer struct {
	Email string `redis:"email"`
}

// customers is the only place of the service that says how customers are
// stored. A second constructor without NoTTL would make customers expire.
func customers(pools *pool.Pools, tenant string) (*symphony.User[Customer], error) {
	return symphony.NewUser[Customer](pools, tenant, symphony.NoTTL())
}

// A service declares a repository once, as a function that all of its code
// calls.
func Example_oneConstructor() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	signUp, err := customers(pools, "acme")
	if err != nil {
		log.Fatal(err)
	}
	if err := signUp.Upsert(ctx, "u1", Customer{Email: "ann@example.com"}); err != nil {
		log.Fatal(err)
	}

	settings, err := customers(pools, "acme") // in another part of the service
	if err != nil {
		log.Fatal(err)
	}
	if err := settings.Upsert(ctx, "u1", Customer{Email: "ann@example.org"}); err != nil {
		log.Fatal(err)
	}
	left, err := settings.TTL(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left == hashrepo.NoExpiry)
	// Output: true
}

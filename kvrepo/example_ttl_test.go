package kvrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// TTL sets the lifetime of the values, and each write renews it. Without this
// option a value has no lifetime.
func ExampleTTL() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:code:{user}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	codes, err := kvrepo.New[string](pools, pool.Default, space, kvrepo.TTL(48*time.Hour))
	if err != nil {
		log.Fatal(err)
	}

	if err := codes.Set(ctx, "u1", "483920"); err != nil {
		log.Fatal(err)
	}
	left, err := codes.TTL(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left.Round(time.Hour))
	// Output: 48h0m0s
}

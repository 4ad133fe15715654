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

// Touch renews the lifetime without a write, and reports whether the value
// exists.
func ExampleKVRepo_Touch() {
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
	codes, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := codes.Set(ctx, "u1", "483920"); err != nil {
		log.Fatal(err)
	}

	exists, err := codes.With(kvrepo.TTL(48*time.Hour)).Touch(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	left, err := codes.TTL(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exists, left.Round(time.Hour))
	// Output: true 48h0m0s
}

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

// TTL returns the remaining lifetime of a value. If the value has none, it
// returns NoExpiry.
func ExampleKVRepo_TTL() {
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
	if err := codes.With(kvrepo.TTL(48*time.Hour)).Set(ctx, "u2", "127755"); err != nil {
		log.Fatal(err)
	}

	for _, user := range []string{"u1", "u2"} {
		left, err := codes.TTL(ctx, user)
		if err != nil {
			log.Fatal(err)
		}
		if left == kvrepo.NoExpiry {
			fmt.Println(user, "has no lifetime")
		} else {
			fmt.Println(user, left.Round(time.Hour))
		}
	}
	// Output:
	// u1 has no lifetime
	// u2 48h0m0s
}

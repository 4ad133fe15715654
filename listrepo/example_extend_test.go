package listrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Extend renews the lease of a claim whose work takes longer than expected.
func ExampleClaim_Extend() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:films:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	films, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := films.Push(ctx, "encode", "long.mov"); err != nil {
		log.Fatal(err)
	}
	claim, err := films.Claim(ctx, "encode", 1, time.Minute)
	if err != nil {
		log.Fatal(err)
	}

	for part := range 3 {
		fmt.Println("part", part)
		if err := claim.Extend(ctx, time.Minute); err != nil {
			log.Fatal(err)
		}
	}
	if err := claim.Ack(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// part 0
	// part 1
	// part 2
}

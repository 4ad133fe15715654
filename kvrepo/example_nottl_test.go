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

// With NoTTL, a write removes the lifetime of a value.
func ExampleNoTTL() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:draft:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	drafts, err := kvrepo.New[string](pools, pool.Default, space, kvrepo.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}
	if err := drafts.Set(ctx, "d1", "text"); err != nil {
		log.Fatal(err)
	}

	if err := drafts.With(kvrepo.NoTTL()).Set(ctx, "d1", "final text"); err != nil {
		log.Fatal(err)
	}
	left, err := drafts.TTL(ctx, "d1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left == kvrepo.NoExpiry)
	// Output: true
}

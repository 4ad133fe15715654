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

// With KeepTTL, a write does not renew the lifetime of a value that exists.
func ExampleKeepTTL() {
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

	week := codes.With(kvrepo.TTL(7 * 24 * time.Hour))
	if err := week.With(kvrepo.KeepTTL()).Set(ctx, "u1", "127755"); err != nil {
		log.Fatal(err)
	}
	kept, err := codes.TTL(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	if err := week.Set(ctx, "u1", "127755"); err != nil {
		log.Fatal(err)
	}
	renewed, err := codes.TTL(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(kept.Round(time.Hour), renewed.Round(time.Hour))
	// Output: 48h0m0s 168h0m0s
}

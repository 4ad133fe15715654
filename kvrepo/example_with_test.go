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

// With returns a view with more options. The repository itself does not change.
func ExampleKVRepo_With() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:flag:{name}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	flags, err := kvrepo.New[bool](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := flags.Set(ctx, "beta", true); err != nil {
		log.Fatal(err)
	}
	if err := flags.With(kvrepo.TTL(48*time.Hour)).Set(ctx, "sale", true); err != nil {
		log.Fatal(err)
	}

	for _, name := range []string{"beta", "sale"} {
		left, err := flags.TTL(ctx, name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(name, left != kvrepo.NoExpiry)
	}
	// Output:
	// beta false
	// sale true
}

package kvrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Swap writes a value and returns the previous one, atomically.
func ExampleKVRepo_Swap() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:leader:{team}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	leaders, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	for _, name := range []string{"Alice", "Bob"} {
		before, found, err := leaders.Swap(ctx, "red", name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s follows %q %v\n", name, before, found)
	}
	// Output:
	// Alice follows "" false
	// Bob follows "Alice" true
}

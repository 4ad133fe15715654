package kvrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With IfExists, a write changes only a value that exists. If it does not
// exist, the write returns ErrNotFound.
func ExampleIfExists() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:name:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	names, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if err := names.Set(ctx, "u1", "Alice"); err != nil {
		log.Fatal(err)
	}

	existing := names.With(kvrepo.IfExists())
	for _, id := range []string{"u1", "u2"} {
		err := existing.Set(ctx, id, "Bob")
		switch {
		case errors.Is(err, kvrepo.ErrNotFound):
			fmt.Println(id, "does not exist")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(id, "is renamed")
		}
	}
	// Output:
	// u1 is renamed
	// u2 does not exist
}

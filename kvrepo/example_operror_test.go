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

// An OpError names the operation and the key. MaybeApplied reports
// whether a write may have reached Redis although it failed.
func ExampleOpError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{MaxValueBytes: 8})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:note:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	notes, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	err = notes.Set(ctx, "n1", "longer than eight bytes")
	var op *kvrepo.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Key, op.MaybeApplied())
	}
	fmt.Println(errors.Is(err, kvrepo.ErrTooLarge))
	// Output:
	// Set acme:note:n1 false
	// true
}

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

// If the codec cannot encode the type, New returns ErrInvalidSchema.
func ExampleNew() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:event:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}

	_, err = kvrepo.New[chan int](pools, pool.Default, space)
	fmt.Println(errors.Is(err, kvrepo.ErrInvalidSchema))
	// Output: true
}

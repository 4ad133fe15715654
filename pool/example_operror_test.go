package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// errors.As returns the operation and the key of an error, and errors.Is
// compares the reason.
func ExampleOpError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	notes, err := symphony.NewGeneric[string](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	_, err = notes.Get(ctx, "shopping")
	fmt.Println(err)

	var op *pool.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Pool, op.Key, op.MaybeApplied())
	}
	fmt.Println(errors.Is(err, pool.ErrNotFound))
	// Output:
	// symphony: Get "acme:shopping" (pool default): record not found
	// Get default acme:shopping false
	// true
}

package symphony_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Badge struct {
	Owner string `redis:"owner"`
}

// An OpError names the operation and the key. Its reason is found by errors.Is.
func ExampleOpError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	users, err := symphony.NewUser[Badge](pools, "acme")
	if err != nil {
		log.Fatal(err)
	}

	_, err = users.Get(ctx, "nobody")
	var op *symphony.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Key)
	}
	fmt.Println(errors.Is(err, symphony.ErrNotFound))
	// Output:
	// Get acme:user:nobody
	// true
}

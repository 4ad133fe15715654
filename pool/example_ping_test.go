package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Ping sends PING to every alias. It serves a health check.
func ExamplePools_Ping() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	fmt.Println(pools.Ping(ctx))
	pools.Close()
	fmt.Println(errors.Is(pools.Ping(ctx), pool.ErrClosed))
	// Output:
	// <nil>
	// true
}

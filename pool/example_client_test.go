package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Client returns the raw client of an alias, for commands that the repositories
// lack. If there is no such alias, it returns ErrUnknownPool.
func ExamplePools_Client() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	client, err := pools.Client(pool.Default)
	if err != nil {
		log.Fatal(err)
	}

	key := pools.Prefix(pool.Default) + "acme:online"
	if err := client.Do(ctx, client.B().Sadd().Key(key).Member("u1", "u2").Build()).Error(); err != nil {
		log.Fatal(err)
	}
	online, err := client.Do(ctx, client.B().Scard().Key(key).Build()).AsInt64()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(online)

	_, err = pools.Client("jobs")
	fmt.Println(errors.Is(err, pool.ErrUnknownPool))
	// Output:
	// 2
	// true
}

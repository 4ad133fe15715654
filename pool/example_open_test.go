package pool_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/pool"
)

// If an alias cannot be used, Open returns a ConnectError for it.
func ExampleOpen() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	pools, err := pool.Open(ctx, pool.Config{
		URLs: map[pool.Alias]string{pool.User: "unix:///nowhere/redis.sock"},
	})
	var unreachable *pool.ConnectError
	switch {
	case errors.As(err, &unreachable):
		fmt.Println(unreachable.Alias, "cannot be reached at", unreachable.Addr)
		return
	case err != nil:
		log.Fatal(err)
	}
	defer pools.Close()
	fmt.Println(pools.Aliases())
	// Output: user cannot be reached at /nowhere/redis.sock
}

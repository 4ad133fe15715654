package pool_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The cache of all pools together takes at most 16 MiB. If a connection is
// silent, no record is served for longer than two seconds.
func ExampleCache() {
	pools, err := embedded.Open(context.Background(), pool.Config{
		Cache: pool.Cache{MaxBytes: 16 << 20, MaxStale: 2 * time.Second},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	fmt.Println(pools.Stats()[pool.User].CacheBytes)
	// Output: 0
}

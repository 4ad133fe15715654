package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Stats returns the counters of each alias for a metrics endpoint: commands,
// errors, and the hits of the cache. It also reports whether a server is down.
func ExamplePools_Stats() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	client, err := pools.Client(pool.User)
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		if err := client.Do(ctx, client.B().Incr().Key("visits").Build()).Error(); err != nil {
			log.Fatal(err)
		}
	}

	stats := pools.Stats()[pool.User]
	fmt.Println(stats.Commands, stats.Errors, stats.CacheHits)
	fmt.Println(stats.Down)
	// Output:
	// 3 0 0
	// false
}

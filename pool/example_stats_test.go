package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Stats counts the commands and the errors of each alias, and what its cache
// did, for a metrics endpoint.
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
	// Output: 3 0 0
}

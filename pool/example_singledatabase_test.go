package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With SingleDatabase, all aliases share the only database of a managed server.
// The prefixes of their keys keep them apart.
func ExampleConfig_singleDatabase() {
	pools, err := embedded.Open(context.Background(), pool.Config{SingleDatabase: true})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	fmt.Println(pools.Prefix(pool.User))
	// Output: user:
}

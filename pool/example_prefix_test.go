package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// With PrefixKeys, two aliases may share a database. The keys of each alias
// begin with its name.
func ExamplePools_Prefix() {
	cfg := pool.Config{PrefixKeys: true, Databases: map[pool.Alias]int{pool.User: 0, pool.Handlers: 0}}
	pools, err := embedded.Open(context.Background(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()

	fmt.Println(pools.Prefix(pool.User), pools.Prefix(pool.Handlers))
	// Output: user: handlers:
}

package pool_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// The client of ReplicaClient sends reads to a replica, if there is one, and
// writes to the primary. A read may be stale.
func ExamplePools_ReplicaClient() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	client, err := pools.ReplicaClient(pool.Default)
	if err != nil {
		log.Fatal(err)
	}

	key := pools.Prefix(pool.Default) + "acme:motd"
	if err := client.Do(ctx, client.B().Set().Key(key).Value("welcome").Build()).Error(); err != nil {
		log.Fatal(err)
	}
	message, err := client.Do(ctx, client.B().Get().Key(key).Build()).ToString()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message)
	// Output: welcome
}

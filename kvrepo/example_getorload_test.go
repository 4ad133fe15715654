package kvrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// GetOrLoad returns the stored value. If there is none, it calls load and
// stores the result. In all processes together, one load runs per key at a
// time.
func ExampleKVRepo_GetOrLoad() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:rate:{currency}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	rates, err := kvrepo.New[float64](pools, pool.Default, space, kvrepo.TTL(time.Hour))
	if err != nil {
		log.Fatal(err)
	}

	load := func(context.Context) (float64, error) {
		fmt.Println("asking the bank")
		return 1.25, nil
	}
	for range 2 {
		rate, err := rates.GetOrLoad(ctx, "EUR", load)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rate)
	}
	// Output:
	// asking the bank
	// 1.25
	// 1.25
}

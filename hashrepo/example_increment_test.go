package hashrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/hashrepo"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Quota struct {
	Used int64 `redis:"used"`
}

var quotaUsed = hashrepo.NumberOf(func(q *Quota) *int64 { return &q.Used })

// Increment adds to a number and returns the sum, of the number's own type.
func ExampleNumber_Increment() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:quota:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	quotas, err := hashrepo.New[Quota](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	for range 2 {
		used, err := quotaUsed.Increment(ctx, quotas, "u1", 40)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(used)
	}
	// Output:
	// 40
	// 80
}

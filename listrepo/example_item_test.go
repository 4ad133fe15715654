package listrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// A redelivered item has the same ID and a higher attempt.
func ExampleItem() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:jobs:{queue}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := listrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "q", "resize"); err != nil {
		log.Fatal(err)
	}

	var ids []string
	for range 2 {
		claim, err := jobs.Claim(ctx, "q", 1, time.Minute)
		if err != nil {
			log.Fatal(err)
		}
		item := claim.Items[0]
		fmt.Println(item.Value, item.Attempt)
		ids = append(ids, item.ID)
		if err := claim.Release(ctx); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(ids[0] == ids[1])
	// Output:
	// resize 1
	// resize 2
	// true
}

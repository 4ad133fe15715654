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

type Counter struct {
	Views int64 `redis:"views"`
	Likes int64 `redis:"likes"`
}

// IncrementField adds to a field by its stored name, atomically, and returns
// the sum. It creates a missing record.
func ExampleHashRepo_IncrementField() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:counter:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	counters, err := hashrepo.New[Counter](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	for _, field := range []string{"views", "views", "likes"} {
		sum, err := counters.IncrementField(ctx, "c1", field, 1)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(field, sum)
	}
	// Output:
	// views 1
	// views 2
	// likes 1
}

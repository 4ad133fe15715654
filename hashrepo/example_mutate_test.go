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

type Cart struct {
	Items map[string]int `redis:"items"`
}

// Mutate reads the record, changes it in Go and writes it. If another writer
// came in between, it calls the function again on fresh data.
func ExampleHashRepo_Mutate() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:cart:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	carts, err := hashrepo.New[Cart](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	cart, err := carts.Mutate(ctx, "c1", func(c *Cart) error {
		if c.Items == nil { // a missing record is a zero value here
			c.Items = map[string]int{}
		}
		c.Items["cup"]++
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cart.Items["cup"])
	// Output: 1
}

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

type Card struct {
	Holder string `redis:"holder"`
	Limit  int64  `redis:"limit"`
}

var cardHolder = hashrepo.FieldOf(func(c *Card) *string { return &c.Holder })

// A handle knows its field's stored name and its type: cardHolder.Set(7) does
// not compile.
func ExampleFieldOf() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:card:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	cards, err := hashrepo.New[Card](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}

	if err := cards.Update(ctx, "c1", cardHolder.Set("Alice")); err != nil {
		log.Fatal(err)
	}
	holder, err := cardHolder.Get(ctx, cards, "c1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cardHolder.Name(), holder)
	// Output: holder Alice
}

package symphony_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

type Shop struct {
	Name string `redis:"name"`
	Open bool   `redis:"open"`
}

// A service keeps its options in one place and passes them to each constructor.
var tableOptions = []symphony.Option{
	symphony.TTL(48 * time.Hour),
	symphony.Codec(codec.JSON),
}

// Options are values. A view of With adds more to those of the constructor.
func ExampleOption() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	shops, err := symphony.NewTable[Shop](pools, "acme", "shops", tableOptions...)
	if err != nil {
		log.Fatal(err)
	}

	if err := shops.Upsert(ctx, "s1", Shop{Name: "Cups", Open: true}); err != nil {
		log.Fatal(err)
	}
	left, err := shops.TTL(ctx, "s1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(left.Round(time.Hour))
	// Output: 48h0m0s
}

package kvrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/codec"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/kvrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Codec sets the format of the values. The default is codec.Compact.
func ExampleCodec() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:name:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	compact, err := kvrepo.New[string](pools, pool.Default, space)
	if err != nil {
		log.Fatal(err)
	}
	quoted := compact.With(kvrepo.Codec(codec.JSON))

	if err := quoted.Set(ctx, "u1", "Alice"); err != nil {
		log.Fatal(err)
	}
	stored, err := compact.Get(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	name, err := quoted.Get(ctx, "u1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(stored)
	fmt.Println(name)
	// Output:
	// "Alice"
	// Alice
}

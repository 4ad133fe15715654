package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// An item that the codec cannot read is left out of the result. The error has
// an ItemError for it, with the stored bytes.
func ExampleItemError() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:numbers:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	numbers, err := listrepo.New[int](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	redis, err := pools.Client(pool.Handlers)
	if err != nil {
		log.Fatal(err)
	}
	foreign := redis.B().Rpush().Key("acme:numbers:q").Element("7", "seven", "8").Build()
	if err := redis.Do(ctx, foreign).Error(); err != nil {
		log.Fatal(err)
	}

	taken, err := numbers.Pop(ctx, "q", 10)
	fmt.Println(taken)
	var bad *listrepo.ItemError
	if errors.As(err, &bad) {
		fmt.Printf("item %d: %s\n", bad.Index, bad.Raw)
	}
	// Output:
	// [7 8]
	// item 1: seven
}

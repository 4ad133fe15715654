package listrepo_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/symphony-go/symphony"
	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

func Example() {
	ctx := context.Background()
	pools, err := embedded.Open(ctx, pool.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer pools.Close()
	space, err := keyspace.MustCompile("{tenant}:jobs:{id}").Bind("acme")
	if err != nil {
		log.Fatal(err)
	}
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxLen(3))
	if err != nil {
		log.Fatal(err)
	}

	length, err := jobs.Push(ctx, "resize", "a.png", "b.png")
	fmt.Println(length, err)
	_, err = jobs.Push(ctx, "resize", "c.png", "d.png")
	fmt.Println(errors.Is(err, symphony.ErrFull))
	taken, err := jobs.Pop(ctx, "resize", 10)
	fmt.Println(taken, err)
	// Output:
	// 2 <nil>
	// true
	// [a.png b.png] <nil>
}

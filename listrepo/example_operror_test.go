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

// An OpError names the operation and the key. Its reason is found by errors.Is.
func ExampleOpError() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space)
	if err != nil {
		log.Fatal(err)
	}
	redis, err := pools.Client(pool.Handlers)
	if err != nil {
		log.Fatal(err)
	}
	if err := redis.Do(ctx, redis.B().Set().Key("acme:jobs:q").Value("no list").Build()).Error(); err != nil {
		log.Fatal(err)
	}

	_, err = jobs.Push(ctx, "q", "a.png")
	var op *listrepo.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Key)
	}
	fmt.Println(errors.Is(err, listrepo.ErrWrongType))
	// Output:
	// Push acme:jobs:q
	// true
}

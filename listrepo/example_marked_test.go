package listrepo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Marked returns a view whose pushes also add a member to a set, in the same
// atomic step. A worker that reads the set finds every queue that has items.
func ExampleListRepo_Marked() {
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
	marked := jobs.Marked(listrepo.Marks{Set: "busy", Member: "acme", Queue: "resize"})
	if _, err := marked.Push(ctx, "resize", "a.png"); err != nil {
		log.Fatal(err)
	}

	redis, err := pools.Client(pool.Handlers)
	if err != nil {
		log.Fatal(err)
	}
	busy, err := redis.Do(ctx, redis.B().Smembers().Key("busy").Build()).AsStrSlice()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(busy)
	// Output: [acme]
}

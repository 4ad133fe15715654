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

// With MaxAttempts an item whose last attempt fails becomes a dead letter.
// Without it, items are delivered until they succeed.
func ExampleMaxAttempts() {
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
	jobs, err := listrepo.New[string](pools, pool.Handlers, space, listrepo.MaxAttempts(2))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Push(ctx, "resize", "broken.png"); err != nil {
		log.Fatal(err)
	}

	fail := func(context.Context, []listrepo.Item[string]) error { return errors.New("not an image") }
	for range 2 {
		_, err := jobs.Process(ctx, "resize", 10, fail)
		fmt.Println(err)
	}
	backlog, err := jobs.Backlog(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(backlog.Waiting, "waiting,", backlog.Dead, "dead")
	// Output:
	// not an image
	// not an image
	// 0 waiting, 1 dead
}

package listrepo_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/symphony-go/symphony/keyspace"
	"github.com/symphony-go/symphony/listrepo"
	"github.com/symphony-go/symphony/pool"
	"github.com/symphony-go/symphony/pool/embedded"
)

// Backlog counts the items that wait, are in flight and are dead letters, for a
// metrics endpoint. Oldest is the age of the oldest item.
func ExampleBacklog() {
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
	if _, err := jobs.Push(ctx, "resize", "a.png", "b.png", "c.png"); err != nil {
		log.Fatal(err)
	}
	if _, err := jobs.Claim(ctx, "resize", 1, time.Minute); err != nil {
		log.Fatal(err)
	}

	backlog, err := jobs.Backlog(ctx, "resize")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(backlog.Waiting, backlog.Claimed, backlog.Dead)
	// Output: 2 1 0
}
